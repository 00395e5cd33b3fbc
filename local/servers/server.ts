import { setTimeout as sleep } from "node:timers/promises";
import { ServerError } from "./error.ts";
import { describePortHolder } from "./ports/holder.ts";
import type { Ports } from "./ports/ports.ts";
import { type Command, findRunningProcess, launchProcess, readLogTail, stopProcess } from "./process.ts";

/** One server: what to run, how to ask whether it is ready, how to ask it to end. */
export interface Server {
  /** What a reader calls it: "Postgres candlefish". */
  readonly title: string;
  /** The key of its port. */
  readonly key: string;
  readonly folder: string;
  readonly stopSignal: "SIGINT" | "SIGTERM";
  /** Writes its configuration for this port; also while it runs. */
  configure(port: number): void | Promise<void>;
  command(): Command;
  /** Clears away what a crash left behind. */
  beforeLaunch?(): Promise<void>;
  /** Resolves once a login over TLS was answered. */
  login(port: number): Promise<void>;
  /** Makes a running server read its configuration again. */
  reload(port: number): Promise<void>;
}

export type Report = (line: string) => void;

const LONGEST_START = 60_000;
/** One that ran before is asked for less long: it is either there or in a bad way. */
const LONGEST_ANSWER = 15_000;
/** How often another port is tried when somebody takes the chosen one in the moment before the server does. */
const PORT_TRIES = 4;

export interface StartedServer {
  readonly port: number;
  /** It ran already. */
  readonly found: boolean;
}

/** Starts it, or finds it running; either way it answers, with its present configuration as far as that can change while it runs. */
export async function startServer(server: Server, ports: Ports, report: Report): Promise<StartedServer> {
  const port = await reuseRunning(server);
  return port === undefined ? { port: await start(server, ports, report), found: false } : { port, found: true };
}

export async function stopServer(server: Pick<Server, "folder" | "stopSignal">): Promise<boolean> {
  return stopProcess(server.folder, server.stopSignal);
}

/** A server that outlived slipway is used as it is. */
async function reuseRunning(server: Server): Promise<number | undefined> {
  const running = findRunningProcess(server.folder);
  if (!running) return undefined;
  await server.configure(running.port);
  const failure = await waitUntilReady(server, running.port, LONGEST_ANSWER, () => findRunningProcess(server.folder) !== undefined);
  if (failure === undefined) {
    await server.reload(running.port);
    return running.port;
  }
  await stopServer(server);
  return undefined;
}

async function start(server: Server, ports: Ports, report: Report): Promise<number> {
  for (let tries = 1; ; tries++) {
    const { port, insteadOf } = await ports.take(server.key);
    if (insteadOf !== undefined)
      report(`Port ${insteadOf} is in use by ${describePortHolder(insteadOf)}, so ${server.title} listens on ${port}.`);
    await server.configure(port);
    await server.beforeLaunch?.();
    const launched = launchProcess(server.folder, server.command(), port);
    const failure = await waitUntilReady(server, port, LONGEST_START, () => !launched.exited());
    if (failure === undefined) return port;
    if (tries < PORT_TRIES && launched.exited() && !(await ports.isFree(port))) continue;
    await stopServer(server);
    throw new ServerError(`${server.title} did not start: ${failure}\n${readLogTail(server.folder)}\nIts log: ${server.folder}/log`);
  }
}

/** Undefined when it is ready, else why it is not. */
async function waitUntilReady(server: Server, port: number, patience: number, isRunning: () => boolean): Promise<string | undefined> {
  const until = Date.now() + patience;
  for (let pause = 8; ; pause = Math.min(pause * 1.5, 100)) {
    let failure: string;
    try {
      await server.login(port);
      return undefined;
    } catch (error) {
      failure = (error as Error).message || String((error as NodeJS.ErrnoException).code);
    }
    if (!isRunning()) return "it ended by itself.";
    if (Date.now() > until) return `no login within ${patience / 1000} seconds (${failure}).`;
    await sleep(pause);
  }
}
