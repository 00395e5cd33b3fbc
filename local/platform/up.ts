/** Brings the platform up: the daemon with its cloud, then the program in front of it, until everything is as declared. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { findProject, programOf } from "../../engine/project.ts";
import { type Realized, type RealizeEvent, realize } from "../../engine/realize.ts";
import { readStack } from "../../engine/stackfile.ts";
import { stateFile } from "../../engine/state.ts";
import { lockDirectory } from "../cloud/lock.ts";
import { call, type Line } from "./control.ts";
import type { Place } from "./place.ts";
import { reachDaemon } from "./reach.ts";
import { remoteWorld, type WorldCall, type WorldSketch } from "./remote-world.ts";
import type { PlatformStatus } from "./status.ts";

export interface UpOptions {
  /** Only these; what stood for others is removed. @default all */
  readonly systems?: readonly string[];
  readonly onEvent?: (event: RealizeEvent) => void;
  readonly onStage?: (stage: string) => void;
  readonly signal?: AbortSignal;
}

export interface Up {
  readonly realized: Realized;
  readonly status: PlatformStatus;
}

export const STACK = "local";

export async function bringUp(place: Place, { systems, onEvent, onStage = () => {}, signal }: UpOptions = {}): Promise<Up> {
  mkdirSync(join(dirname(place.stack), "up"), { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(join(dirname(place.stack), "up"));
  try {
    onStage("starting");
    const line = await reachDaemon(place);
    onStage("making it as declared");
    const realized = await run(place, line, { ...(systems && { systems }), ...(onEvent && { onEvent }), ...(signal && { signal }) });
    onStage("asking everything how it is");
    return { realized, status: await statusBy(line) };
  } finally {
    unlock();
  }
}

async function run(place: Place, line: Line, { systems, ...told }: Pick<UpOptions, "systems" | "onEvent" | "signal">): Promise<Realized> {
  const project = findProject(place.checkout);
  const chosen = systems === undefined ? {} : { [`${project.name}:systems`]: JSON.stringify(systems) };
  const settings = readStack(project, STACK, { ...chosen, "digitalocean:apiEndpoint": line.api });
  const world = remoteWorld(await call<WorldSketch>(line, "sketch"), (asked: WorldCall) => call(line, "world", asked));
  // Paths in the program are relative, as they are under Pulumi.
  if (process.cwd() !== project.directory) process.chdir(project.directory);
  return realize(programOf(project), { ...settings, directory: project.directory, state: stateFile(place.stack), world, ...told });
}

export async function statusBy(line: Line): Promise<PlatformStatus> {
  return { daemon: { pid: line.pid, api: line.api }, ...(await call<Omit<PlatformStatus, "daemon">>(line, "status")) };
}
