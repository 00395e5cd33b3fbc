/** Reads the commands that slipway itself writes into an app's spec: `slipway <verb> --flag value …`. */

export type ReadFlag = (name: string) => string | undefined;

/** @returns undefined for another command */
export function readCommand(command: unknown, verb: string): ReadFlag | undefined {
  if (typeof command !== "string" || !`${command} `.startsWith(`slipway ${verb} `)) return undefined;
  return (name) => new RegExp(` --${name} (\\S+)`).exec(command)?.[1];
}

/** Whether a command has a flag without a value. */
export const hasFlag = (command: unknown, name: string): boolean => `${command} `.includes(` --${name} `);
