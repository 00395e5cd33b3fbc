/** Runs a program to its end in this process and collects everything that it throws, wherever it throws it. */
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";

/** The errors of one run, in the order in which they arrived; never empty. */
export class RunFailure extends Error {
  readonly reasons: readonly unknown[];
  constructor(reasons: readonly unknown[]) {
    super("the program failed");
    this.reasons = reasons;
  }
}

export interface Run {
  fail(reason: unknown): void;
  /** Sets the error for a program that has not ended although nothing can wake it any more. */
  onStuck(explain: () => unknown): void;
}

/** @throws {RunFailure} */
export async function run<T>(body: (run: Run) => Promise<T>): Promise<T> {
  const active = new ActiveRun();
  addListeners(active);
  try {
    const result = await currentRun
      .run(active, () => Promise.race([body(active), active.failure]))
      .catch((reason) => {
        active.fail(reason);
        return undefined as T;
      });
    // Node reports unhandled rejections between two turns of the event loop: wait for those of the last turn.
    await setImmediate();
    if (active.reasons.length > 0) throw new RunFailure(active.reasons);
    return result;
  } finally {
    removeListeners(active);
  }
}

class ActiveRun implements Run {
  readonly reasons: unknown[] = [];
  readonly failure: Promise<never>;
  explainStuck: () => unknown = () => new Error("the program never ends");
  #reject: (reason: unknown) => void = () => {};

  constructor() {
    this.failure = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // The race handles it; a failure after the race is in `reasons`.
    this.failure.catch(() => {});
  }

  fail(reason: unknown): void {
    if (!this.reasons.includes(reason)) this.reasons.push(reason);
    this.#reject(reason);
  }

  onStuck(explain: () => unknown): void {
    this.explainStuck = explain;
  }
}

const currentRun = new AsyncLocalStorage<ActiveRun>();
const activeRuns = new Set<ActiveRun>();

/**
 * An error inside an Output becomes an unhandled rejection of the process. While programs run, each such event fails the run that it
 * belongs to; an event of no run goes to the listeners that were registered before.
 */
const EVENTS = ["unhandledRejection", "uncaughtException"] as const;
type Listener = (...args: unknown[]) => void;
const previousListeners = new Map<string, readonly Listener[]>();
const runListeners = new Map<string, Listener>(
  EVENTS.map((event) => [
    event,
    (reason, ...rest) => {
      const run = currentRun.getStore();
      const listeners = previousListeners.get(event) ?? [];
      if (run) run.fail(reason);
      else if (listeners.length > 0) for (const listener of listeners) listener(reason, ...rest);
      else throw reason;
    },
  ]),
);

function addListeners(run: ActiveRun): void {
  activeRuns.add(run);
  if (activeRuns.size > 1) return;
  for (const event of EVENTS) {
    previousListeners.set(event, process.rawListeners(event) as Listener[]);
    process.removeAllListeners(event);
    process.on(event, runListeners.get(event) as Listener);
  }
  process.on("beforeExit", failStuckRuns);
}

function removeListeners(run: ActiveRun): void {
  activeRuns.delete(run);
  if (activeRuns.size > 0) return;
  for (const event of EVENTS) {
    process.removeListener(event, runListeners.get(event) as Listener);
    for (const listener of previousListeners.get(event) ?? []) process.on(event, listener);
  }
  process.removeListener("beforeExit", failStuckRuns);
}

function failStuckRuns(): void {
  for (const run of activeRuns) run.fail(run.explainStuck());
}
