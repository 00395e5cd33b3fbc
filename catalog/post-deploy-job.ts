/** The command of the job that runs the post-deploy steps. A preview reads from it whether the job makes a backup first. */
import { readCommand } from "./command-flags.ts";

export interface PostDeployCommand {
  readonly system: string;
  /** A verified backup that is not older is enough. @default no backup is made */
  readonly backupHours?: number | undefined;
}

export const formatPostDeployCommand = ({ system, backupHours }: PostDeployCommand): string =>
  `slipway post-deploy --system ${system}${backupHours === undefined ? "" : ` --backup ${backupHours}`}`;

/** @returns undefined for another command */
export function parsePostDeployCommand(command: unknown): PostDeployCommand | undefined {
  const flag = readCommand(command, "post-deploy");
  if (flag === undefined) return undefined;
  const hours = flag("backup");
  return { system: flag("system") ?? "", ...(hours === undefined ? {} : { backupHours: Number(hours) }) };
}
