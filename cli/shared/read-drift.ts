/** Whether the account of a stack is as its state says. */
import { ProgramError } from "../../engine/error.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { RunFailure } from "../../engine/run.ts";
import { examineDrift, unreadableDrift } from "../../operate/doctor/drift.ts";
import type { Examination } from "../../operate/doctor/finding.ts";
import { RecoverError } from "../../operate/recover/error.ts";
import { SettingsError } from "../../settings/problems.ts";
import { UsageError } from "./errors.ts";

const EXPLAINED = [UsageError, RecoverError, ProjectError, ProgramError, RunFailure, SettingsError];

/** Where Pulumi's CLI, which reads the state, is missing, or the program cannot be planned, the examination says so. */
export async function readDrift(stack: string): Promise<Examination> {
  const name = `stack ${stack}`;
  try {
    const { openSubject } = await import("../recover/subject.ts");
    const subject = await openSubject({ stack, cwd: process.cwd() }, "drift");
    return examineDrift({ name, comparison: await subject.compare(await subject.readState()), flags: subject.flags });
  } catch (error) {
    if (!EXPLAINED.some((type) => error instanceof type)) throw error;
    // The rest is the output of the program. `slipway drift` prints it.
    return unreadableDrift(name, (error as Error).message.split("\n", 1)[0]!);
  }
}
