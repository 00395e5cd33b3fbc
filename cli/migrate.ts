/** `slipway migrate`: SQL migrations by hand, by the engine that a deployment uses. */
import { Failure } from "../postdeploy/connect/failure.ts";
import type { SqlFailure } from "../postdeploy/migrate/run/errors.ts";
import type { RunOptions } from "../postdeploy/migrate/run/options.ts";
import type { Progress } from "../postdeploy/migrate/run/progress.ts";
import { type Command, DONE, FAILED, type Given, UsageError } from "./command.ts";
import { asStarted, forSame, type Meant } from "./hints.ts";
import { connectionOf, type Flags, localOf, neededConnection, ownerOf, placeOf, refuseEmpty, text } from "./migrate-place.ts";
import { tellProgress } from "./migrate-progress.ts";
import { annotations, baselineText, downText, lintText, planText, statusText, upText, verifyText } from "./migrate-text.ts";
import { nearest } from "./nearest.ts";
import { wholeNumber } from "./number.ts";
import type { Terminal } from "./terminal.ts";

export const command: Command = {
  usage: `slipway migrate: SQL migrations, applied once each, with a ledger in the database

Usage: slipway migrate <verb> (--system <name> | --dir <folder>) [--url <url>] [flags]

  status      where every file stands, what is pending, what was changed by hand
  plan        what up would do: locks, sizes, ways back
  up          apply what is pending
  down        take the last file back
  verify      replay everything into a shadow database, rehearse every way back
  lint        read the files for what cannot work and what would hurt; no database needed
  new <name>  write the next pair of files
  baseline    take over a database that was there before
  repair      make folder and ledger fit again, with a reason

Which files and which database
      --system <name>         sql/<name>, with its schemas and its owner
      --dir <folder>          any folder of .sql files
      --url <url>             postgres://user:password@host:25060/database, direct, never a pool
                              (default: DATABASE_URL; else, with --system, the local platform's)
      --ca <file>             the cluster's CA certificate (default: PGSSLROOTCERT)
      --owner <role>          who is to own what is made (default: the system's owner; none: whoever connects)
      --ledger <schema>       the ledger's schema (default: slipway)

up, down
      --to <file>             the last file to apply; with down, the last one to keep, or "nothing"
      --steps <n>             down: how many files (default: 1)
      --yes                   down: do not ask
      --allow-out-of-order    up: also files that stand before applied ones
      --wait <duration>       how long to wait for another run (default: 60s)
      --lock-timeout <dur>    how long a statement may wait for a lock (default: 5s)

verify
      --shadow <url>          a server where a database may be made (default: that of --url, or the local platform's)

lint
      --since <git ref>       only what is new since then is not in use yet (default in GitHub Actions: the base branch)
      --strict-numbers        two files with one number are an error

baseline, repair
      --from <table(column)>  baseline: what a former ledger says; it is never written
      --applied <files>       baseline: files whose effect is there, comma-separated
      --accept <file>         repair: its changed text counts from now on
      --retire <file>         repair: it is gone from the folder for good
      --rename <old>=<new>    repair: it has a new name
      --happened <file>:<n>   repair: statement n took effect
      --again <file>:<n>      repair: it did not, and is to run again
      --reason <text>         kept in the ledger

      --repeatable            new: a file for views and functions, applied whenever its text changes
      --json                  the whole result

Exit codes: 0 done, or nothing to do. 1 failed, and nothing is half applied; status: something is pending; lint, verify: objections.
2 bad input, nothing was sent. 3 the outcome is unknown, the next run finds it out. 75 another run holds the lock.`,
  options: {
    ...Object.fromEntries(
      ["system", "dir", "url", "ca", "owner", "ledger", "to", "steps", "wait", "lock-timeout", "shadow", "since", "from", "reason"].map(
        (name) => [name, { type: "string" as const }],
      ),
    ),
    ...Object.fromEntries(
      ["applied", "accept", "retire", "rename", "happened", "again"].map((name) => [name, { type: "string" as const, multiple: true }]),
    ),
    ...Object.fromEntries(
      ["yes", "allow-out-of-order", "strict-numbers", "repeatable", "json"].map((name) => [name, { type: "boolean" as const }]),
    ),
  },
  positionals: ["verb", "name"],
  async run({ values, positionals: [verb, name] }: Given, terminal: Terminal): Promise<number> {
    const run = verb === undefined ? undefined : Object.hasOwn(VERBS, verb) ? VERBS[verb as keyof typeof VERBS] : undefined;
    if (run === undefined) {
      const meant = verb === undefined ? undefined : nearest(verb, Object.keys(VERBS));
      throw new UsageError(
        `${verb === undefined ? "Which verb?" : `There is no "slipway migrate ${verb}".`}${meant === undefined ? "" : ` Did you mean ${meant}?`} See: slipway migrate --help`,
      );
    }
    if (name !== undefined && verb !== "new")
      throw new UsageError(`slipway migrate ${verb} does not know what to do with "${name}". See: slipway migrate --help`);
    const flags = values as Flags;
    try {
      const { result, shown, code } = await run(flags, terminal, name);
      terminal.print(flags.json ? JSON.stringify(result, null, 2) : asStarted(forSame(shown, meantBy(flags))));
      return code ?? DONE;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      terminal.say(forSame(error.message, meantBy(flags)));
      if (flags.json) terminal.print(JSON.stringify({ error: failureJson(error) }, null, 2));
      return error.exit;
    }
  },
};

const meantBy = (flags: Flags): Meant => ({ system: text(flags, "system"), dir: text(flags, "dir") });

interface Outcome {
  readonly result: unknown;
  readonly shown: string;
  readonly code?: number;
}

/** Each loads what it uses and no more: a run with nothing to do takes no longer than starting up. */
type Verb = (flags: Flags, terminal: Terminal, name?: string) => Promise<Outcome>;

const VERBS: Readonly<Record<"status" | "plan" | "up" | "down" | "verify" | "lint" | "new" | "baseline" | "repair", Verb>> = {
  async status(flags, { style }) {
    const { status } = await import("../postdeploy/migrate/status.ts");
    const options = await optionsOf(flags);
    const result = await status(options);
    // Where the folder has no file but the ledger has some, these are reported as missing.
    if (result.files.length === 0) refuseEmpty(options.folder);
    const fits = result.mismatches.length === 0 && !result.findings.some(({ severity }) => severity === "error");
    return { result, shown: statusText(result, style), code: fits && result.pending.length === 0 ? DONE : FAILED };
  },
  async plan(flags, { style }) {
    const { plan } = await import("../postdeploy/migrate/plan.ts");
    const options = await optionsOf(flags);
    refuseEmpty(options.folder);
    const result = await plan(options);
    return { result, shown: planText(result, style) };
  },
  async up(flags, terminal) {
    const { up } = await import("../postdeploy/migrate/up.ts");
    const options = await optionsOf(flags);
    refuseEmpty(options.folder);
    const result = await stoppable(terminal, (run) =>
      up({ ...options, ...run, to: text(flags, "to"), allowOutOfOrder: flags["allow-out-of-order"] === true }),
    );
    return { result, shown: upText(result, terminal.style) };
  },
  async down(flags, terminal) {
    const { down } = await import("../postdeploy/migrate/down.ts");
    const given = text(flags, "steps");
    const steps = given === undefined ? undefined : wholeNumber(given, { flag: "--steps", example: "slipway migrate down --steps 2" });
    if (flags.yes !== true && !(await confirmed(flags)))
      throw new UsageError("Taking migrations back destroys what they made. Say that it is meant: --yes");
    const options = await optionsOf(flags);
    const result = await stoppable(terminal, (run) => down({ ...options, ...run, to: text(flags, "to"), steps }));
    return { result, shown: downText(result, terminal.style) };
  },
  async verify(flags, terminal) {
    const { verify } = await import("../postdeploy/migrate/verify.ts");
    const { folder, system } = await placeOf(flags);
    const named = connectionOf(flags, "shadow");
    // With a shadow server named, a database is compared only where it is named too.
    const given = named === undefined || text(flags, "url") !== undefined ? connectionOf(flags) : undefined;
    const local = named === undefined && given === undefined && system !== undefined ? await localOf(system) : undefined;
    const [connection, shadow] = [given ?? local?.owner, named ?? local?.admin];
    if (connection === undefined && shadow === undefined)
      throw new UsageError(
        "Where may a shadow database be made? --shadow postgres://user@localhost:5432/postgres, or --url of a database that is to be compared; or start the local platform: npm start.",
      );
    refuseEmpty(folder);
    const { postgres } = system ?? {};
    const base = { folder, ledgerSchema: text(flags, "ledger"), system: system?.name, owner: ownerOf(flags, system) };
    const needs =
      postgres === undefined ? {} : { schemas: postgres.schemas, extensions: postgres.extensions, roles: Object.values(postgres.roles) };
    const result = await stoppable(terminal, ({ signal }) => verify({ ...base, ...needs, connection, shadow, signal }));
    return { result, shown: verifyText(result, terminal.style), code: result.ok ? DONE : FAILED };
  },
  async lint(flags, { style }) {
    const { lint } = await import("../postdeploy/migrate/lint/index.ts");
    const { folder, system } = await placeOf(flags);
    refuseEmpty(folder);
    const since = text(flags, "since") ?? (process.env.GITHUB_BASE_REF ? `origin/${process.env.GITHUB_BASE_REF}` : undefined);
    const files = since === undefined ? undefined : await newSince(since, folder);
    const result = await lint({
      folder,
      strictNumbers: flags["strict-numbers"] === true || process.env.CI === "true",
      extensions: system?.postgres.extensions,
      files,
    });
    const none =
      since !== undefined && !files?.some((file) => file.endsWith(".sql")) ? [`No file in ${folder} is new since ${since}.`] : [];
    const marks = process.env.GITHUB_ACTIONS === "true" ? annotations(result.findings, folder) : [];
    const shown = [...marks, ...none, lintText(result, style)].join("\n");
    return { result, shown, code: result.ok ? DONE : FAILED };
  },
  async new(flags, _terminal, name) {
    const { create } = await import("../postdeploy/migrate/create.ts");
    if (name === undefined) throw new UsageError("What does it do? slipway migrate new add_invoice_notes --system fluxstudio");
    const { folder } = await placeOf(flags);
    const files = create({ folder, name, repeatable: flags.repeatable === true });
    return { result: { folder, files }, shown: files.map((file) => `${folder}/${file}`).join("\n") };
  },
  async baseline(flags, { style }) {
    const { baseline } = await import("../postdeploy/migrate/baseline.ts");
    const applied = list(flags, "applied");
    const result = await baseline({
      ...(await optionsOf(flags)),
      from: text(flags, "from"),
      ...(applied.length === 0 ? {} : { applied }),
      reason: text(flags, "reason"),
    });
    return { result, shown: baselineText(result, style) };
  },
  async repair(flags) {
    const { repair } = await import("../postdeploy/migrate/repair.ts");
    const written = await repair({
      ...(await optionsOf(flags)),
      accept: list(flags, "accept"),
      retire: list(flags, "retire"),
      rename: list(flags, "rename").map((pair) => split(pair, "=", "--rename takes old=new")),
      happened: list(flags, "happened").map((pair) => numbered(pair, "--happened")),
      again: list(flags, "again").map((pair) => numbered(pair, "--again")),
      reason: text(flags, "reason") ?? "",
    });
    return { result: { written }, shown: written.join("\n") };
  },
};

async function optionsOf(flags: Flags): Promise<RunOptions> {
  const { folder, system } = await placeOf(flags);
  return {
    folder,
    connection: await neededConnection(flags, system),
    system: system?.name,
    schemas: system?.postgres.schemas,
    owner: ownerOf(flags, system),
    ledgerSchema: text(flags, "ledger"),
    waitMs: duration(flags, "wait"),
    lockTimeoutMs: duration(flags, "lock-timeout"),
  };
}

/** The first signal cancels what runs and rolls it back; a second one ends the process as any other. */
async function stoppable<T>(
  terminal: Terminal,
  work: (run: { signal: AbortSignal; onProgress: (event: Progress) => void }) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const abort = () => {
    for (const signal of signals) process.off(signal, abort);
    terminal.say("stopping: what runs is cancelled and rolled back");
    stop.abort();
  };
  for (const signal of signals) process.on(signal, abort);
  try {
    return await work({ signal: stop.signal, onProgress: tellProgress(terminal) });
  } finally {
    for (const signal of signals) process.off(signal, abort);
  }
}

async function confirmed(flags: Flags): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const { createInterface } = await import("node:readline/promises");
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question(
    `Take ${text(flags, "to") === undefined ? `the last ${text(flags, "steps") ?? "1"}` : "them"} back? What they made is destroyed. [y/N] `,
  );
  ask.close();
  return /^y(es)?$/i.test(answer.trim());
}

async function newSince(ref: string, folder: string): Promise<string[]> {
  const { execFileSync } = await import("node:child_process");
  try {
    const out = execFileSync("git", ["diff", "--name-only", "--diff-filter=d", "--relative", `${ref}...HEAD`, "--", "."], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    const untracked = execFileSync("git", ["ls-files", "--others", "--exclude-standard", "--", "."], { cwd: folder, encoding: "utf8" });
    return `${out}\n${untracked}`.split("\n").filter((line) => line !== "");
  } catch {
    throw new UsageError(`Git does not know "${ref}" here. In GitHub Actions: actions/checkout with fetch-depth: 0.`);
  }
}

function duration(flags: Flags, name: string): number | undefined {
  const given = text(flags, name);
  if (given === undefined) return undefined;
  const [, count, unit = ""] = /^(\d+)(ms|s|min|h)?$/.exec(given) ?? [];
  const factor = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }[unit];
  if (count === undefined || (factor === undefined && count !== "0"))
    throw new UsageError(`--${name} takes a duration such as 500ms, 30s or 10min, not "${given}".`);
  return Number(count) * (factor ?? 1);
}

function list(flags: Flags, name: string): string[] {
  const given = flags[name];
  return Array.isArray(given) ? given.flatMap((one: string) => one.split(",")).filter((one) => one !== "") : [];
}

function split(pair: string, at: string, otherwise: string): [string, string] {
  const index = pair.lastIndexOf(at);
  if (index < 1 || index === pair.length - 1) throw new UsageError(`${otherwise}, not "${pair}".`);
  return [pair.slice(0, index), pair.slice(index + 1)];
}

function numbered(pair: string, flag: string): [string, number] {
  const [file, nth] = split(pair, ":", `${flag} takes file:number`);
  return [file, wholeNumber(nth, { flag: `${flag} ${file}:<n>`, example: `${flag} ${file}:1 for its first statement` })];
}

function failureJson(error: Failure): Record<string, unknown> {
  const { code, exit, message } = error;
  if (code !== "sql") return { code, exit, message };
  const { file, line, column, sqlstate } = error as SqlFailure;
  return { code, exit, message, file, line, column, sqlstate };
}
