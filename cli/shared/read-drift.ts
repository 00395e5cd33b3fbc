/** Whether the account of a stack is as its state says. */
import { ProgramError } from "../../engine/error.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { RunFailure } from "../../engine/run.ts";
import { examineDrift, unreadableDrift } from "../../operate/doctor/drift.ts";
import type { Examination } from "../../operate/doctor/finding.ts";
import { RecoverError } from "../../operate/recover/error.ts";
import { SettingsError } from "../../settings/problems.ts";
import type { Subject } from "../recover/subject.ts";
import { UsageError } from "./errors.ts";

const EXPLAINED = [UsageError, RecoverError, ProjectError, ProgramError, RunFailure, SettingsError];

/**
 * Plans the program with the first comparison, and not again with each one of `slipway doctor --watch`. Where Pulumi's CLI, which reads the state, is missing,
 * or the program cannot be planned, the examination says so.
 */
export function openDrift(stack: string): () => Promise<Examination> {
  let subject: Subject | undefined;
  return async () => await readDrift(stack, async () => (subject ??= await openSubject(stack)));
}

async function openSubject(stack: string): Promise<Subject> {
  return await (await import("../recover/subject.ts")).openSubject({ stack, cwd: process.cwd() }, "drift");
}

async function readDrift(stack: string, open: () => Promise<Subject>): Promise<Examination> {
  const name = `stack ${stack}`;
  try {
    const subject = await open();
    return examineDrift({ name, comparison: await subject.compare(await subject.readState()), flags: subject.flags });
  } catch (error) {
    if (!EXPLAINED.some((type) => error instanceof type)) throw error;
    // The rest is the output of the program. `slipway drift` prints it.
    return unreadableDrift(name, (error as Error).message.split("\n", 1)[0]!);
  }
}
