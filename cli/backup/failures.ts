/** How the commands of `slipway backup` end if the engine reports a failure. */
import { stableJson } from "../../engine/mask.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { BackupOptions } from "./flags.ts";

type Run<Options> = (options: Options, terminal: Terminal) => Promise<number>;

/** A failure of the engine has an exit code of its own. */
export function withFailures<Options extends BackupOptions>(run: Run<Options>): Run<Options> {
  return async (options, terminal) => {
    try {
      return await run(options, terminal);
    } catch (error) {
      return reportFailure(error, options, terminal);
    }
  };
}

export function withFailuresOf<Id, Options extends BackupOptions>(run: (id: Id, options: Options, terminal: Terminal) => Promise<number>) {
  return (id: Id, options: Options, terminal: Terminal) => withFailures<Options>((given, to) => run(id, given, to))(options, terminal);
}

function reportFailure(error: unknown, { json }: BackupOptions, { print, log }: Terminal): number {
  if (!(error instanceof Failure)) throw error;
  const { code, exit, message } = error;
  log(message);
  if (json) print(stableJson({ error: { code, exit, message } }));
  return exit;
}
