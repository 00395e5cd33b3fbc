/** Runs `slipway doctor` once, or again and again. */
import { setTimeout as sleep } from "node:timers/promises";
import { diagnose, hasFindings } from "../../operate/doctor/doctor.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { withNpx } from "../shared/hints.ts";
import { withStopSignal } from "../shared/stop-signal.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { DoctorOptions } from "./flags.ts";
import { findSubjects, type Subjects } from "./subjects.ts";
import { formatDiagnosis } from "./text.ts";

/** @returns the exit code. */
export async function doctor(options: DoctorOptions, terminal: Terminal): Promise<number> {
  try {
    const subjects = await findSubjects(options);
    for (const notice of subjects.notices) terminal.log(notice);
    if (options.watch === undefined) return await examineOnce(subjects, options, terminal);
    return await repeat(options.watch, () => examineOnce(subjects, options, terminal));
  } catch (error) {
    // A URL that cannot be parsed is bad input. Every other failure of a connection is a finding.
    if (error instanceof Failure && error.code === "bad-url") throw new UsageError(error.message);
    throw error;
  }
}

async function examineOnce(
  { databases, stores, readBackups, readDrift }: Subjects,
  options: DoctorOptions,
  { print, ...layout }: Terminal,
): Promise<number> {
  const at = new Date().toISOString();
  const examinations = [...(await diagnose({ databases, stores }, { all: options.all })), ...(await readBackups()), ...(await readDrift())];
  if (options.json) {
    const result = { at, findings: examinations.reduce((sum, { findings }) => sum + findings.length, 0), examinations };
    print(options.watch === undefined ? JSON.stringify(result, null, 2) : JSON.stringify(result));
  } else {
    if (options.watch !== undefined) print(layout.style.dim(at));
    print(withNpx(formatDiagnosis(examinations, layout)));
  }
  return hasFindings(examinations) ? FAILED : DONE;
}

/** Until SIGINT or SIGTERM. @returns the exit code of the last round */
async function repeat(seconds: number, round: () => Promise<number>): Promise<number> {
  return await withStopSignal(async (signal) => {
    let code = DONE;
    while (!signal.aborted) {
      code = await round();
      await sleep(seconds * 1000, undefined, { signal }).catch(() => {});
    }
    return code;
  });
}
