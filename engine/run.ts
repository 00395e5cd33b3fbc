/** Runs a program to its end in this process, and takes everything that it throws, wherever it throws it. */
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";

/** What a program threw, in the order in which it arrived; never empty. */
export class Thrown extends Error {
  readonly reasons: readonly unknown[];
  constructor(reasons: readonly unknown[]) {
    super("the program threw");
    this.reasons = reasons;
  }
}

export interface Run {
  fail(reason: unknown): void;
  /** Called when nothing is left that could wake the program, and it has not ended. */
  whenStuck(explain: () => unknown): void;
}

/** @throws {Thrown} */
export async function run<T>(body: (run: Run) => Promise<T>): Promise<T> {
  const ongoing = new Ongoing();
  claim(ongoing);
  try {
    const result = await current
      .run(ongoing, () => Promise.race([body(ongoing), ongoing.failure]))
      .catch((reason) => {
        ongoing.fail(reason);
        return undefined as T;
      });
    // Node tells of unhandled rejections between two turns of its loop: those of the last turn are still to come.
    await setImmediate();
    if (ongoing.reasons.length > 0) throw new Thrown(ongoing.reasons);
    return result;
  } finally {
    release(ongoing);
  }
}

class Ongoing implements Run {
  readonly reasons: unknown[] = [];
  readonly failure: Promise<never>;
  explainStuck: () => unknown = () => new Error("the program never ends");
  #reject: (reason: unknown) => void = () => {};

  constructor() {
    this.failure = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // Handled by the race it takes part in, or after it.
    this.failure.catch(() => {});
  }

  fail(reason: unknown): void {
    if (!this.reasons.includes(reason)) this.reasons.push(reason);
    this.#reject(reason);
  }

  whenStuck(explain: () => unknown): void {
    this.explainStuck = explain;
  }
}

const current = new AsyncLocalStorage<Ongoing>();
const ongoing = new Set<Ongoing>();

/**
 * An error inside an Output reaches nobody but Node, which tells the whole process of it. While programs run, each such report is given
 * to the run that it came from; a report that comes from none of them goes to whoever listened before.
 */
const EVENTS = ["unhandledRejection", "uncaughtException"] as const;
type Listener = (...args: unknown[]) => void;
const others = new Map<string, readonly Listener[]>();
const ours = new Map<string, Listener>(
  EVENTS.map((event) => [
    event,
    (reason, ...rest) => {
      const owner = current.getStore();
      const listeners = others.get(event) ?? [];
      if (owner) owner.fail(reason);
      else if (listeners.length > 0) for (const listener of listeners) listener(reason, ...rest);
      else throw reason;
    },
  ]),
);

function claim(run: Ongoing): void {
  ongoing.add(run);
  if (ongoing.size > 1) return;
  for (const event of EVENTS) {
    others.set(event, process.rawListeners(event) as Listener[]);
    process.removeAllListeners(event);
    process.on(event, ours.get(event) as Listener);
  }
  process.on("beforeExit", failStuck);
}

function release(run: Ongoing): void {
  ongoing.delete(run);
  if (ongoing.size > 0) return;
  for (const event of EVENTS) {
    process.removeListener(event, ours.get(event) as Listener);
    for (const listener of others.get(event) ?? []) process.on(event, listener);
  }
  process.removeListener("beforeExit", failStuck);
}

function failStuck(): void {
  for (const run of ongoing) run.fail(run.explainStuck());
}
