/** `slipway`: finds the verb, parses what was typed for it, and says what went wrong in a sentence. */
import { parseArgs } from "node:util";
import { BAD_INPUT, type Command, DONE, UsageError } from "./shared/command.ts";
import { nearest } from "./shared/nearest.ts";
import { type Terminal, terminal } from "./shared/terminal.ts";
import { folded } from "./shared/wrap.ts";

interface Verb {
  readonly about: string;
  /** Loaded only when asked for: a verb pays for what it uses. */
  load(): Promise<{ readonly command: Command }>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  local: { about: "the whole platform on this machine: up, down, status, env, logs, api, reset", load: () => import("./local/command.ts") },
  plan: { about: "what a stack asks for, without an account, a credential or Pulumi", load: () => import("./plan/run.ts") },
  preview: { about: "what a change does to every stack, for whoever reviews it", load: () => import("./preview/run.ts") },
  comment: { about: "puts a review under its pull request, in GitHub Actions", load: () => import("./comment/run.ts") },
  cost: { about: "what a stack costs a month by the public price list, and what another size would", load: () => import("./cost/run.ts") },
  audit: { about: "where every secret goes, from its origin to the process that reads it", load: () => import("./audit/run.ts") },
  migrate: { about: "SQL migrations: status, plan, up, down, verify, lint, new, baseline, repair", load: () => import("./migrate/run.ts") },
  keyspaces: { about: "Redis keyspaces: status, plan, seed, verify, export, call", load: () => import("./keyspaces/run.ts") },
  "post-deploy": {
    about: "roles, migrations and keyspaces, as a job inside the VPC runs them",
    load: () => import("./post-deploy/run.ts"),
  },
};

/** @returns the exit code. */
export async function main(argv: readonly string[], io: Terminal = terminal(process.stdout, process.stderr)): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    return tell(error, io);
  }
}

/** @returns the exit code. */
export async function tell(error: unknown, io?: Terminal): Promise<number> {
  // What keeps secrets out of messages knows much, and a run that goes well says nothing of the kind.
  const { report } = await import("./shared/report.ts");
  return report(error, io);
}

async function dispatch([name, ...rest]: readonly string[], io: Terminal): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    io.print(folded(usage(), io.columns));
    return name === undefined ? BAD_INPUT : DONE;
  }
  if (name === "--version" || name === "-v") {
    io.print((await import("./shared/version.ts")).version());
    return DONE;
  }
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!verb)
    throw new UsageError(`There is no "slipway ${name}".${meant(nearest(name, Object.keys(VERBS)), "slipway ")} See: slipway --help`);
  const { command } = await verb.load();
  if (rest.includes("--help") || rest.includes("-h")) {
    io.print(folded(command.usage, io.columns));
    return DONE;
  }
  return command.run(parse(name, command, rest), io);
}

function parse(name: string, command: Command, argv: readonly string[]) {
  const allowed = command.positionals ?? [];
  try {
    const given = parseArgs({ args: [...argv], options: command.options, allowPositionals: true, strict: true });
    // Not repeated: it may be a half of a value that the shell took apart.
    if (given.positionals.length > allowed.length) {
      throw new UsageError(`slipway ${name} takes ${counted(allowed.length)} besides its flags. See: slipway ${name} --help`);
    }
    return given;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const flag = /'(?:-\w, )?--([\w-]+)/.exec(error.message)?.[1] ?? /'(-\w)/.exec(error.message)?.[1];
    const known = Object.keys(command.options);
    const said =
      flag !== undefined && !known.includes(flag)
        ? `slipway ${name} has no flag ${flag.startsWith("-") ? flag : `--${flag}`}.${meant(nearest(flag, known), "--")}`
        : `slipway ${name}: ${error.message}.`;
    throw new UsageError(`${said} See: slipway ${name} --help`);
  }
}

function counted(words: number): string {
  return words === 0 ? "no word" : words === 1 ? "one word" : `${words} words`;
}

function meant(word: string | undefined, before: string): string {
  return word === undefined ? "" : ` Did you mean ${before}${word}?`;
}

function usage(): string {
  const width = Math.max(...Object.keys(VERBS).map((name) => name.length));
  return `slipway: three products on DigitalOcean, planned and run from one program

Usage: slipway <verb> [flags]

${Object.entries(VERBS)
  .map(([name, verb]) => `  ${name.padEnd(width)}  ${verb.about}`)
  .join("\n")}

slipway <verb> --help tells its flags; slipway --version, which slipway this is.

Exit codes: 0 done, 1 failed, 2 bad input.
SLIPWAY_DEBUG=1 shows where an error came from.`;
}
