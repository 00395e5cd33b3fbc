/** Runs `slipway phase` and its commands. */
import { stableJson } from "../../engine/mask.ts";
import { changePhase, readStatus } from "../../operate/phase/change.ts";
import { withPhaseLock } from "../../operate/phase/journal.ts";
import type { Direction } from "../../operate/phase/phases.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import { withNpx } from "../shared/hints.ts";
import { reportFailure } from "../shared/report-failure.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { ChangeOptions, PhaseOptions } from "./flags.ts";
import { openSubject } from "./subject.ts";
import { formatChanged, formatStatus } from "./text.ts";

const DEFAULT_WAIT_MS = 15 * 60_000;

/** @returns the exit code. */
export const status = (options: PhaseOptions, terminal: Terminal) =>
  withFailures(options, terminal, async () => {
    const subject = await openSubject(options, "status");
    const found = await readStatus(await subject.phase());
    terminal.print(options.json ? stableJson({ system: subject.system.name, ...found }) : withNpx(formatStatus(found, subject, terminal)));
    return found.unfinished === undefined && found.running.every(({ phases }) => phases.includes(found.phase)) ? DONE : FAILED;
  });

/** @returns the exit code. */
export const change = (direction: Direction, options: ChangeOptions, terminal: Terminal) =>
  withFailures(options, terminal, async () => {
    const subject = await openSubject(options, direction);
    const changed = await withPhaseLock(subject.home.state, async () =>
      changePhase(await subject.phase(), {
        ...{ direction, to: options.to, force: options.force ?? [], reason: options.reason, waitMs: options.wait ?? DEFAULT_WAIT_MS },
        report: (line) => terminal.log(line),
      }),
    );
    terminal.print(options.json ? stableJson({ system: subject.system.name, ...changed }) : formatChanged(changed, subject));
    return DONE;
  });

export async function withFailures(options: PhaseOptions, terminal: Terminal, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    return reportFailure(error, options, terminal, withNpx);
  }
}
