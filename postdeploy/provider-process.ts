/**
 * The process of the dynamic provider that runs the steps of a deployment. Pulumi ends it when a run ends, but not if the CLI is killed: the process
 * would go on with a migration that no run waits for. So it stops with the engine that started it, in the way that SIGTERM stops it: the running
 * statement is cancelled and its file is rolled back.
 */
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a step may take to stop. Seeding has no way to stop, and may be ended anywhere. */
const GRACE_MS = 10_000;
/** Pulumi passes the address of its engine. */
const PROVIDER = /[\\/]cmd[\\/]dynamic-provider([\\/]index\.js)?$/;
const ADDRESS = /^(.+):(\d+)$/;

const controller = new AbortController();
const running = new Set<Promise<unknown>>();
let isPrepared = false;

/** Runs a step with a signal that aborts when the process is to stop; in any other process than a provider's, the signal never does. */
export function runStoppable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const result = work(controller.signal);
  running.add(result);
  const remove = () => running.delete(result);
  result.then(remove, remove);
  return result;
}

/** Lets this process stop with its engine and on SIGTERM, if it is a provider's. */
export function stopWithEngine(argv: readonly string[] = process.argv): void {
  const [, script = "", address = ""] = argv;
  const [, host, port] = ADDRESS.exec(address) ?? [];
  if (isPrepared || !PROVIDER.test(script) || port === undefined) return;
  isPrepared = true;
  process.once("SIGTERM", stop);
  awaitEnd(host!, Number(port), stop);
}

async function stop(): Promise<void> {
  controller.abort();
  await Promise.race([Promise.allSettled(running), sleep(GRACE_MS)]);
  // 128 + SIGTERM.
  process.exit(143);
}

/**
 * Holds a connection to the engine, which ends with it. Its parent is no evidence: Pulumi starts the provider through a shell, which
 * outlives the CLI. The engine closes a connection without requests after two minutes, so it is gone only when it accepts none.
 */
function awaitEnd(host: string, port: number, onEnd: () => void): void {
  let isConnected = false;
  const socket = createConnection({ host, port });
  socket.unref();
  socket.resume();
  socket.on("connect", () => (isConnected = true));
  socket.on("error", () => {});
  socket.on("close", () => (isConnected ? setTimeout(() => awaitEnd(host, port, onEnd), 100) : onEnd()));
}
