/** `slipway keyspaces`: what a deployment does to Redis keyspaces, by hand. */
import { Failure, plan, seed, verify } from "../../postdeploy/keyspaces/index.ts";
import { type Command, DONE, FAILED, type Given, UsageError } from "../shared/command.ts";
import { forSame } from "../shared/hints.ts";
import { nearest } from "../shared/nearest.ts";
import type { Terminal } from "../shared/terminal.ts";
import { call, exportTo } from "./export.ts";
import { tellProgress } from "./progress.ts";
import { connectedOf, type Flags, placeOf } from "./stores.ts";
import { described, foundText, keyspacesText } from "./text.ts";

export const command: Command = {
  usage: `slipway keyspaces: keys and Lua scripts that a store must have, written once and then left alone

Usage: slipway keyspaces <verb> (--system <name> | --dir <folder>) [--url <[store=]url>] [flags]

  status       what lives where; with a URL, also whether the seed is there
  plan         what seed would do; writes nothing
  seed         write what is missing or was changed in the files; keeps what others have changed
  verify       read everything back: types, values, times to live, scripts
  export       a store's keys in the form of the files, one JSON object a line; no point in time
  call <name>  run a registered script; one that the store has forgotten is loaded again

Which files and which store
      --system <name>         keyspaces/<name>
      --dir <folder>          any folder of keyspaces
      --url <[store=]url>     rediss://default:password@host:25061; once for each store
                              (default: SLIPWAY_STORE_<STORE>_URL in the environment, which no list of processes shows;
                              where none is named, with --system, the local platform's)
      --ca <[store=]file>     the cluster's CA certificate (default: SLIPWAY_STORE_<STORE>_CA, the certificate itself)
      --only <keyspace>       leave the others out; may be given again
      --patience <seconds>    how long to wait for a store that is starting or failing over (default: 60)
      --restore               plan, seed: look at every key of a bulk keyspace, too, and put back what others have changed
      --out <file>            export: write there
      --secrets               export: the values of keys that are declared secret, too
      --json                  the whole result

Exit codes: 0 done, or nothing to do. 1 failed; status: something is pending; verify: something differs. 2 bad input, nothing was written.
75 another run holds the lock.`,
  options: {
    ...Object.fromEntries(["system", "dir", "patience", "out"].map((name) => [name, { type: "string" as const }])),
    ...Object.fromEntries(["url", "ca", "only"].map((name) => [name, { type: "string" as const, multiple: true }])),
    json: { type: "boolean" },
    secrets: { type: "boolean" },
    restore: { type: "boolean" },
  },
  positionals: ["verb", "script"],
  async run({ values, positionals: [verb, script] }: Given, terminal: Terminal): Promise<number> {
    if (verb === undefined || !Object.hasOwn(VERBS, verb)) throw new UsageError(`${unknownVerb(verb)} See: slipway keyspaces --help`);
    if (script !== undefined && verb !== "call")
      throw new UsageError(`slipway keyspaces ${verb} does not know what to do with "${script}". See: slipway keyspaces --help`);
    try {
      const { result, shown, code } = await VERBS[verb as keyof typeof VERBS](values as Flags, terminal, script);
      const text = values.json && result !== undefined ? JSON.stringify(result, null, 2) : shown;
      if (text !== "") terminal.print(text);
      return code;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      terminal.say(forSame(error.message, values as Flags));
      const { code, exit, message } = error;
      if (values.json) terminal.print(JSON.stringify({ error: { code, exit, message } }, null, 2));
      return error.exit;
    }
  },
};

interface Outcome {
  readonly result: unknown;
  readonly shown: string;
  readonly code: number;
}

type Verb = (flags: Flags, terminal: Terminal, script?: string) => Promise<Outcome>;

const VERBS: Readonly<Record<"status" | "plan" | "seed" | "verify" | "export" | "call", Verb>> = {
  async status(flags, { style }) {
    const { options, keyspaces, missing } = await placeOf(flags);
    const declared = keyspaces.map(described);
    const connected = missing.length === 0 && Object.keys(options.stores).length > 0;
    const found = connected ? await plan(options) : [];
    const pending = found.some(({ unchanged }) => !unchanged);
    const shown = [keyspacesText(declared, style), ...(connected ? [foundText("status", found, style)] : [])].join("\n\n");
    return { result: { keyspaces: declared, ...(connected ? { found } : {}) }, shown, code: pending ? FAILED : DONE };
  },
  async plan(flags, { style }) {
    const found = await plan(await connectedOf(flags));
    return { result: found, shown: foundText("plan", found, style), code: DONE };
  },
  async seed(flags, terminal) {
    const options = await connectedOf(flags);
    const found = await seed({ ...options, onProgress: tellProgress(terminal) });
    return { result: found, shown: foundText("seed", found, terminal.style), code: DONE };
  },
  async verify(flags, terminal) {
    const found = await verify({ ...(await connectedOf(flags)), onProgress: tellProgress(terminal) });
    const { style } = terminal;
    const same = found.every(({ unchanged, tally }) => unchanged && tally.kept + tally.conflicting === 0);
    return { result: found, shown: foundText("verify", found, style), code: same ? DONE : FAILED };
  },
  async export(flags, terminal) {
    const results = await exportTo(await connectedOf(flags), flags, terminal);
    // The lines are the report; where they go into a file, this is.
    return {
      result: flags.out === undefined ? undefined : results,
      shown: "",
      code: results.some(({ left }) => left.length > 0) ? FAILED : DONE,
    };
  },
  async call(flags, _terminal, script) {
    const reply = await call(await placeOf(flags), script, flags);
    return { result: { script, reply }, shown: typeof reply === "string" ? reply : JSON.stringify(reply), code: DONE };
  },
};

function unknownVerb(verb: string | undefined): string {
  if (verb === undefined) return "Which verb?";
  const meant = nearest(verb, Object.keys(VERBS));
  return `There is no "slipway keyspaces ${verb}".${meant === undefined ? "" : ` Did you mean ${meant}?`}`;
}
