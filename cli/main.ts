/** `slipway`: prints the version, or runs the command and reports its error. */
import { DONE } from "./shared/errors.ts";
import { createTerminal, openTerminal, type Terminal } from "./shared/terminal.ts";

/** @returns the exit code. */
export async function main(argv: readonly string[], terminal?: Terminal): Promise<number> {
  try {
    if (argv[0] === "--version" || argv[0] === "-v") {
      const { version } = await import("./shared/version.ts");
      (terminal ?? createTerminal(process.stdout, process.stderr)).print(version());
      return DONE;
    }
    const { run } = await import("./program.ts");
    return await run(argv, terminal ?? (await openTerminal()));
  } catch (error) {
    return await reportError(error, terminal);
  }
}

/** @returns the exit code. */
export async function reportError(error: unknown, terminal?: Terminal): Promise<number> {
  // Loaded only now: a run that succeeds has no use for what removes secrets from messages.
  const { reportError: report } = await import("./shared/report-error.ts");
  // In a fresh clone, the package that folds messages is missing like every other.
  return report(error, terminal ?? (await openTerminal().catch(() => createTerminal(process.stdout, process.stderr))));
}
