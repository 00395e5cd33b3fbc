/** Lets a program do what it left for later: timers, open requests, and listeners for the end of its process. */
import { setTimeout } from "node:timers/promises";

/** A server or an interval never ends; a program that leaks does it before that. */
const MOST_MS = 500;
const STEP_MS = 5;

const LATER =
  /^(Timeout|Immediate|TCP\w+|Pipe\w+|TLSWrap|ProcessWrap|FSReq\w+|GetAddrInfoReqWrap|QueryReqWrap|UDPWrap|MessagePort|Worker)$/;
const ENDS = ["beforeExit", "exit"] as const;

// biome-ignore lint/suspicious/noExplicitAny: listeners of every type
type Listener = (...args: any[]) => void;

/** Call it before the program runs. @returns a function that waits for what the program left, and ends it as its process would end */
export function settler(): () => Promise<void> {
  const active = countActive();
  const listeners = ENDS.map((event) => new Set<unknown>(process.rawListeners(event)));
  return async () => {
    for (let waited = 0; countActive() > active && waited < MOST_MS; waited += STEP_MS) await setTimeout(STEP_MS);
    for (const [index, event] of ENDS.entries())
      for (const listener of process.rawListeners(event as "exit") as Listener[]) {
        if (listeners[index]!.has(listener)) continue;
        process.removeListener(event, listener);
        try {
          listener.call(process, 0);
        } catch {
          // What it prints or writes counts, not whether it fails.
        }
      }
  };
}

const countActive = (): number => process.getActiveResourcesInfo().filter((name) => LATER.test(name)).length;
