/** How the commands of `slipway backup` end if the engine reports a failure. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import { reportFailure } from "../shared/report-failure.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { BackupOptions } from "./flags.ts";

type Run<Options> = (options: Options, terminal: Terminal) => Promise<number>;

/** A failure of the engine has an exit code of its own. */
export function withFailures<Options extends BackupOptions>(run: Run<Options>): Run<Options> {
  return async (options, terminal) => {
    try {
      return await run(options, terminal);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return reportFailure(error, options, terminal);
    }
  };
}

export function withFailuresOf<Id, Options extends BackupOptions>(run: (id: Id, options: Options, terminal: Terminal) => Promise<number>) {
  return (id: Id, options: Options, terminal: Terminal) => withFailures<Options>((given, to) => run(id, given, to))(options, terminal);
}
