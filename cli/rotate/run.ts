/** `slipway rotate run`: rotates one role of one system. */
import { rotate } from "../../operate/rotate/rotation.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { RunOptions } from "./flags.ts";
import { lockRotation } from "./lock.ts";
import { openSubject } from "./subject.ts";
import { formatRotated } from "./text.ts";

/** @returns the exit code. */
export async function run(options: RunOptions, terminal: Terminal): Promise<number> {
  const subject = await openSubject(options, "run");
  const [system] = subject.selected;
  if (options.system === undefined || system === undefined)
    throw new UsageError(
      `Which system? slipway rotate run ${subject.flags} --system ${subject.selected.map((one) => one.system.name).join(" | ")}`,
    );
  const unlock = lockRotation(subject.project);
  try {
    const rotated = await rotate(await subject.rotationOf(system, options.role), {
      today: new Date().toISOString().slice(0, 10),
      idleSeconds: options.idle,
      timeoutSeconds: options.wait,
      endsSessions: options.endSessions === true,
      report: (line) => terminal.log(line),
    });
    terminal.print(
      options.json
        ? JSON.stringify({ system: system.system.name, role: options.role, ...rotated }, null, 2)
        : formatRotated(rotated, subject),
    );
    return DONE;
  } finally {
    unlock();
  }
}
