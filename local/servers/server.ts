import { setTimeout as sleep } from "node:timers/promises";
import { ServerError } from "./error.ts";
import { describePortChange } from "./ports/holder.ts";
import type { Ports } from "./ports/ports.ts";
import { type Command, endUnfinishedLaunches, findRunningProcess, launchProcess, readLogTail, stopProcess } from "./process.ts";

/** How to configure, start, check and stop one server. */
export interface Server {
  /** For messages: "Postgres shop". */
  readonly title: string;
  /** The key under which its port is remembered. */
  readonly key: string;
  readonly folder: string;
  readonly stopSignal: "SIGINT" | "SIGTERM";
  /** Writes its configuration. Can be called while the server runs. */
  configure(port: number): void | Promise<void>;
  command(): Command;
  /** Removes what a crash left behind. */
  beforeLaunch?(): Promise<void>;
  /** Resolves if a login over TLS succeeds. */
  login(port: number): Promise<void>;
  /** Makes the running server read its configuration again. */
  reload(port: number): Promise<void>;
}

/** Receives messages for the user; `about` is "port" if a server or an app has another port than before. */
export type Report = (message: string, about?: "port") => void;

const START_TIMEOUT_MS = 60_000;
/** Shorter for a server that is running already: it either answers or is broken. */
const ANSWER_TIMEOUT_MS = 15_000;
/** Another process can take the port between the check and the start of the server. */
const PORT_ATTEMPTS = 4;

export interface StartedServer {
  readonly port: number;
  readonly wasRunning: boolean;
}

/** Starts the server, or reloads its configuration if it is running. Resolves when it accepts logins. */
export async function startServer(server: Server, ports: Ports, report: Report): Promise<StartedServer> {
  const port = await reuseRunning(server);
  return port === undefined ? { port: await start(server, ports, report), wasRunning: false } : { port, wasRunning: true };
}

export async function stopServer(server: Pick<Server, "folder" | "stopSignal">): Promise<boolean> {
  return stopProcess(server.folder, server.stopSignal);
}

/** @returns the port, or undefined if the server does not run or does not answer; one that does not answer is stopped. */
async function reuseRunning(server: Server): Promise<number | undefined> {
  endUnfinishedLaunches(server.folder);
  const running = findRunningProcess(server.folder);
  if (!running) return undefined;
  await server.configure(running.port);
  const failure = await waitUntilReady(server, running.port, ANSWER_TIMEOUT_MS, () => findRunningProcess(server.folder) !== undefined);
  if (failure === undefined) {
    await server.reload(running.port);
    return running.port;
  }
  await stopServer(server);
  return undefined;
}

async function start(server: Server, ports: Ports, report: Report): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const { port, insteadOf } = await ports.take(server.key);
    if (insteadOf !== undefined) report(describePortChange(insteadOf, server.title, port), "port");
    await server.configure(port);
    await server.beforeLaunch?.();
    const launched = launchProcess(server.folder, server.command(), port);
    const failure = await waitUntilReady(server, port, START_TIMEOUT_MS, () => !launched.exited());
    if (failure === undefined) return port;
    if (attempt < PORT_ATTEMPTS && launched.exited() && !(await ports.isFree(port))) continue;
    await stopServer(server);
    throw new ServerError(`${server.title} did not start: ${failure}\n${readLogTail(server.folder)}\nLog: ${server.folder}/log`);
  }
}

/** @returns undefined once the server accepts logins, otherwise the reason why it does not */
async function waitUntilReady(server: Server, port: number, timeoutMs: number, isRunning: () => boolean): Promise<string | undefined> {
  const until = Date.now() + timeoutMs;
  for (let pause = 8; ; pause = Math.min(pause * 1.5, 100)) {
    let failure: string;
    try {
      await server.login(port);
      return undefined;
    } catch (error) {
      failure = (error as Error).message || String((error as NodeJS.ErrnoException).code);
    }
    if (!isRunning()) return "it exited.";
    if (Date.now() > until) return `no login succeeded within ${timeoutMs / 1000} seconds (${failure}).`;
    await sleep(pause);
  }
}
