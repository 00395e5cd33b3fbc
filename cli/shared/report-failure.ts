/** How a command ends that carries something out over the account's API, if that fails. */
import { stableJson } from "../../engine/mask.ts";
import { RecoverError } from "../../operate/recover/error.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { FAILED } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Prints a failure of an engine or of the API; with --json as JSON too.
 *
 * @param hint changes the message on the screen @returns the exit code @throws every other error
 */
export function reportFailure(
  error: unknown,
  { json }: { readonly json?: true | undefined },
  { print, log }: Terminal,
  hint: (message: string) => string = (message) => message,
): number {
  if (!(error instanceof Failure || error instanceof RecoverError)) throw error;
  const { code, exit } = error instanceof Failure ? error : { code: "api", exit: FAILED };
  const { message } = error;
  log(hint(message));
  if (json) print(stableJson({ error: { code, exit, message } }));
  return exit;
}
