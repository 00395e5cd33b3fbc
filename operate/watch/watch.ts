/** Watches a deployment: a round at each time that is due, alerts for what begins and ends, and one report in the end. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Alert, findChanges, type Problem } from "../alerts/alert.ts";
import { type Channel, deliver } from "../alerts/channel.ts";
import type { Entry, Journal } from "./journal.ts";
import type { Observation } from "./observation.ts";
import { nextDue, type Schedule } from "./schedule.ts";

export interface WatchOptions {
  readonly schedule: Schedule;
  /** "stack prod" */
  readonly source: string;
  readonly journal: Journal;
  readonly channels: readonly Channel[];
  readonly signal: AbortSignal;
  observe(): Promise<Observation>;
  onRound(observation: Observation): void;
  onProblem(message: string): void;
}

/** @returns false where the signal ended it before its time */
export async function watch(options: WatchOptions): Promise<boolean> {
  const { schedule, journal, signal } = options;
  for (;;) {
    const seen = observationsIn(journal.entries).map(({ at }) => at);
    const due = nextDue(schedule, seen, Date.now());
    if (due === undefined) return true;
    await sleepUntil(due, signal);
    if (signal.aborted) return false;
    const observation = await observeSafely(options);
    journal.append({ kind: "round", observation });
    options.onRound(observation);
    await sendAlerts(observation, options);
  }
}

/** A round that fails as a whole is a problem itself: the next one is tried at its time. */
async function observeSafely({ observe, source }: WatchOptions): Promise<Observation> {
  const at = new Date().toISOString();
  try {
    return await observe();
  } catch (error) {
    const evidence = (error as Error).message;
    const failed = "not seen";
    return {
      at,
      summary: { process: failed, errors: failed, validation: failed, counts: failed, health: failed },
      problems: [{ id: "round", severity: "critical", subject: `${source} could not be looked at`, evidence }],
      rows: {},
    };
  }
}

/** Each channel is sent what has changed since it was last sent something: after a failure it gets the rest. */
async function sendAlerts({ problems, at }: Observation, { channels, journal, source, onProblem }: WatchOptions): Promise<void> {
  const sent = channels.map(async (channel) => {
    const { began, ended } = findChanges(openIn(journal.entries, channel.name), problems);
    const alerts = [...began.map((problem) => alertOf("began", problem)), ...ended.map((problem) => alertOf("ended", problem))];
    return { channel: channel.name, count: alerts.length, problem: await deliver(channel, alerts) };
  });
  for (const { channel, count, problem } of await Promise.all(sent))
    if (problem !== undefined) {
      journal.append({ kind: "undelivered", channel, problem, at });
      onProblem(`${channel} got no alert: ${problem}. It is sent again after the next round.`);
    } else if (count > 0) journal.append({ kind: "sent", channel, open: problems, at });

  function alertOf(event: Alert["event"], problem: Problem): Alert {
    return { event, problem, at, source };
  }
}

export const observationsIn = (entries: readonly Entry[]): readonly Observation[] =>
  entries.flatMap((entry) => (entry.kind === "round" ? [entry.observation] : []));

function openIn(entries: readonly Entry[], channel: string): readonly Problem[] {
  const last = entries.findLast((entry) => entry.kind === "sent" && entry.channel === channel);
  return last?.kind === "sent" ? last.open : [];
}

const LONGEST_SLEEP_MS = 60_000;

/** In steps: a laptop that slept, or a corrected clock, delays a round by a step at most. */
async function sleepUntil(time: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && Date.now() < time)
    await sleep(Math.min(LONGEST_SLEEP_MS, time - Date.now()), undefined, { signal }).catch(() => {});
}
