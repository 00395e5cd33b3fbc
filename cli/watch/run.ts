/** Runs `slipway watch`. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findProject } from "../../engine/project.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import { findHome } from "../../local/servers/home.ts";
import { type Journal, openJournal, setAside } from "../../operate/watch/journal.ts";
import type { Observation } from "../../operate/watch/observation.ts";
import { observe } from "../../operate/watch/observe.ts";
import { formatReport, summarizeWatch } from "../../operate/watch/report.ts";
import { dueTimes, type Schedule } from "../../operate/watch/schedule.ts";
import { watch as watchRounds } from "../../operate/watch/watch.ts";
import { findSubjects as findExamined } from "../doctor/subjects.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { withNpx } from "../shared/hints.ts";
import { pluralize } from "../shared/pluralize.ts";
import { withStopSignal } from "../shared/stop-signal.ts";
import type { Terminal } from "../shared/terminal.ts";
import { findSubjects } from "../verify/subjects.ts";
import { openChannels } from "./channels.ts";
import type { WatchOptions } from "./flags.ts";

const HOUR_MS = 3_600_000;
const LEAST_EVERY_MS = 1000;

/** @returns the exit code. */
export async function watch(options: WatchOptions, terminal: Terminal, workspace?: Workspace): Promise<number> {
  const requested = { everyMs: options.every ?? 4 * HOUR_MS, forMs: options.for ?? 24 * HOUR_MS };
  if (requested.everyMs < LEAST_EVERY_MS) throw new UsageError("--every takes a second or more: --every 5min");
  const subjects = await findSubjects(options, workspace);
  const channels = await openChannels(subjects.map(({ system }) => system));
  const name = [options.stack ?? "local", ...(options.system === undefined ? [] : [options.system])].join("-");
  const folder = (workspace?.home ?? findHome(findProject(process.cwd()).root)).state;
  const file = path.join(folder, `watch-${name}.jsonl`);
  const source = `${options.stack === undefined ? "the local platform" : `stack ${options.stack}`}${options.system === undefined ? "" : `, ${options.system}`}`;
  const { journal, schedule } = begin(file, source, requested, options.restart === true, terminal);
  return await withStopSignal(async (signal) => {
    const isComplete = await watchRounds({
      ...{ schedule, source, journal, channels, signal },
      // What is deployed may change between two rounds.
      observe: async () => observe({ systems: await findSubjects(options, workspace), ...(await findExamined(options, workspace)) }),
      onRound: (observation) => terminal.log(describeRound(observation)),
      onProblem: terminal.log,
    });
    const report = summarizeWatch(journal.entries, schedule, Date.now());
    const out = path.resolve(options.out ?? path.join(folder, `watch-${name}.md`));
    mkdirSync(path.dirname(out), { recursive: true });
    const text = formatReport(source, schedule, report);
    writeFileSync(out, text);
    terminal.print(options.json ? JSON.stringify({ source, ...schedule, isComplete, ...report }, null, 2) : text);
    terminal.log(
      isComplete
        ? `The report is in ${path.relative(process.cwd(), out)}.`
        : withNpx("The watch was ended early. To go on with it, type the same command again."),
    );
    const isGood = isComplete && report.gaps.length === 0 && report.problems.every(({ isOpen }) => !isOpen);
    return isGood ? DONE : FAILED;
  }).finally(() => journal.close());
}

interface Begun {
  readonly journal: Journal;
  readonly schedule: Schedule;
}

/** Goes on with the watch of the journal if it has not ended and has the same rounds, and begins a new one otherwise. */
function begin(file: string, source: string, requested: Omit<Schedule, "startedAt">, isRestart: boolean, terminal: Terminal): Begun {
  const journal = open(file);
  const [started] = journal.entries;
  if (started?.kind === "started") {
    const { startedAt, everyMs, forMs } = started;
    const schedule = { startedAt, everyMs, forMs };
    const isSame = everyMs === requested.everyMs && forMs === requested.forMs;
    const hasEnded =
      Date.now() > dueTimes(schedule).at(-1)! + everyMs ||
      journal.entries.filter(({ kind }) => kind === "round").length >= dueTimes(schedule).length;
    if (!hasEnded && !isRestart) {
      if (!isSame) {
        journal.close();
        throw new UsageError(
          `A watch with other rounds, which began at ${startedAt}, has not ended. Go on with it with its own --for and --every, or begin a new one: --restart`,
        );
      }
      terminal.log(`Goes on with the watch that began at ${startedAt}.`);
      return { journal, schedule };
    }
    journal.close();
    setAside(file, startedAt);
    return begin(file, source, requested, false, terminal);
  }
  const schedule = { startedAt: new Date().toISOString(), ...requested };
  journal.append({ kind: "started", source, ...schedule });
  return { journal, schedule };
}

function open(file: string): Journal {
  try {
    return openJournal(file);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new UsageError(`${file} is not a journal of slipway watch: ${error.message}. Move it away, and type the command again.`);
    throw error;
  }
}

function describeRound({ at, summary, problems }: Observation): string {
  const parts = Object.entries(summary).map(([aspect, state]) => `${aspect} ${state}`);
  return `${at.slice(0, 19).replace("T", " ")} UTC  ${problems.length === 0 ? "no problem" : pluralize(problems.length, "problem")}: ${parts.join(", ")}`;
}
