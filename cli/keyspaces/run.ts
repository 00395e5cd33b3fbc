/** Runs the commands of `slipway keyspaces` with the engine that a deployment uses. */
import * as engine from "../../postdeploy/keyspaces/index.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import { withCommandHints } from "../shared/hints.ts";
import type { Terminal } from "../shared/terminal.ts";
import { callByName, exportTo } from "./export.ts";
import type { ExportOptions, KeyspacesOptions, SeedOptions, VerifyOptions } from "./flags.ts";
import { progressReporter } from "./progress.ts";
import { findKeyspaces, requireStores } from "./stores.ts";
import { describeKeyspace, formatChanges, formatKeyspaces } from "./text.ts";

interface Outcome {
  readonly result: unknown;
  readonly text: string;
  readonly code: number;
}

/** Prints the outcome, or the error of the engine. @returns the exit code. */
async function print(options: KeyspacesOptions, terminal: Terminal, work: () => Promise<Outcome>): Promise<number> {
  try {
    const { result, text, code } = await work();
    const output = options.json && result !== undefined ? JSON.stringify(result, null, 2) : text;
    if (output !== "") terminal.print(output);
    return code;
  } catch (error) {
    if (!(error instanceof engine.Failure)) throw error;
    terminal.log(withCommandHints(error.message, options));
    const { code, exit, message } = error;
    if (options.json) terminal.print(JSON.stringify({ error: { code, exit, message } }, null, 2));
    return exit;
  }
}

export const status = (options: KeyspacesOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const { style } = terminal;
    const { engineOptions, keyspaces, missing } = await findKeyspaces(options);
    const declared = keyspaces.map(describeKeyspace);
    const isConnected = missing.length === 0 && Object.keys(engineOptions.stores).length > 0;
    const found = isConnected ? await engine.plan(engineOptions) : [];
    const isPending = found.some(({ unchanged }) => !unchanged);
    const text = [formatKeyspaces(declared, style), ...(isConnected ? [formatChanges("plan", found, style)] : [])].join("\n\n");
    return { result: { keyspaces: declared, ...(isConnected ? { found } : {}) }, text, code: isPending ? FAILED : DONE };
  });

export const plan = (options: SeedOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const found = await engine.plan(await requireStores(options));
    return { result: found, text: formatChanges("plan", found, terminal.style), code: DONE };
  });

export const seed = (options: SeedOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const found = await engine.seed({ ...(await requireStores(options)), onProgress: progressReporter(terminal) });
    return { result: found, text: formatChanges("seed", found, terminal.style), code: DONE };
  });

export const verify = (options: VerifyOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engineOptions = await requireStores(options);
    const found = await engine.verify({ ...engineOptions, sharedStores: options.sharedStores, onProgress: progressReporter(terminal) });
    const isSame = found.every(({ unchanged, tally }) => unchanged && tally.kept + tally.conflicting === 0);
    return { result: found, text: formatChanges("verify", found, terminal.style), code: isSame ? DONE : FAILED };
  });

export const exportKeyspaces = (options: ExportOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const results = await exportTo(await requireStores(options), options, terminal);
    // On the terminal the lines of keys are the output; with --out the result is.
    return {
      result: options.out === undefined ? undefined : results,
      text: "",
      code: results.some(({ left }) => left.length > 0) ? FAILED : DONE,
    };
  });

export const call = (script: string | undefined, options: KeyspacesOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const reply = await callByName(await findKeyspaces(options), script, options);
    return { result: { script, reply }, text: typeof reply === "string" ? reply : JSON.stringify(reply), code: DONE };
  });
