/** Brings the platform up: the daemon with its cloud, then the program in front of it, until everything is as declared. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { RealizeEvent, RealizeResult } from "../../engine/realize.ts";
import { stateFile } from "../../engine/state.ts";
import { lockDirectory } from "../cloud/store/lock.ts";
import { fetchMissingPrograms } from "../servers/packages/binaries.ts";
import type { DownloadProgress } from "../servers/packages/packages.ts";
import { ensureDaemon } from "./daemon/client.ts";
import { callDaemon, type DaemonConnection } from "./daemon/control.ts";
import { remoteWorld, type WorldCall, type WorldDescription } from "./daemon/remote-world.ts";
import type { PlatformStatus } from "./status.ts";
import { STACK, type Workspace } from "./workspace.ts";

export interface StartOptions {
  /** Only these; what stood for others is removed. @default all */
  readonly systems?: readonly string[];
  readonly onEvent?: (event: RealizeEvent) => void;
  readonly onStage?: (stage: string) => void;
  /** Told while programs are downloaded, which happens once on a machine. */
  readonly onFetch?: (arrived: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

export interface StartedPlatform {
  readonly realized: RealizeResult;
  readonly status: PlatformStatus;
}

export async function startPlatform(
  place: Workspace,
  { systems, onEvent, onStage = () => {}, onFetch = () => {}, signal }: StartOptions = {},
): Promise<StartedPlatform> {
  const unlock = oneAtATime(place);
  try {
    onStage("starting");
    // Pulumi's SDK takes as long to load as the daemon to start, so they do it at once.
    const [line, engine] = await Promise.all([ensureDaemon(place), loadEngine(), fetchMissingPrograms(place.home, onFetch)]);
    await callDaemon(line, "mend");
    onStage("making it as declared");
    const told = { ...(systems && { systems }), ...(onEvent && { onEvent }), ...(signal && { signal }) };
    const realized = await run(place, line, engine, told);
    onStage("asking everything how it is");
    await callDaemon(line, "settled");
    return { realized, status: await fetchStatus(line) };
  } finally {
    unlock();
  }
}

function oneAtATime({ home }: Workspace): () => void {
  const folder = join(home.state, "up");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    return lockDirectory(folder);
  } catch (error) {
    throw new Error(`Another "slipway local up" is at work here; wait for it. ${(error as Error).message}`, { cause: error });
  }
}

type Engine = Awaited<ReturnType<typeof loadEngine>>;

async function loadEngine() {
  const [{ findProject, programOf }, { readStack }, { realize }] = await Promise.all([
    import("../../engine/project.ts"),
    import("../../engine/stackfile.ts"),
    import("../../engine/realize.ts"),
  ]);
  return { findProject, programOf, readStack, realize };
}

async function run(
  place: Workspace,
  line: DaemonConnection,
  { findProject, programOf, readStack, realize }: Engine,
  { systems, ...told }: Pick<StartOptions, "systems" | "onEvent" | "signal">,
): Promise<RealizeResult> {
  const project = findProject(place.checkout);
  const chosen = systems === undefined ? {} : { [`${project.name}:systems`]: JSON.stringify(systems) };
  const settings = readStack(project, STACK, { ...chosen, "digitalocean:apiEndpoint": line.api });
  const world = remoteWorld(await callDaemon<WorldDescription>(line, "sketch"), (asked: WorldCall) => callDaemon(line, "world", asked));
  // Paths in the program are relative, as they are under Pulumi.
  if (process.cwd() !== project.directory) process.chdir(project.directory);
  return realize(programOf(project), {
    ...settings,
    directory: project.directory,
    state: stateFile(place.stack),
    provider: world,
    ...told,
  });
}

export const fetchStatus = (line: DaemonConnection): Promise<PlatformStatus> => callDaemon<PlatformStatus>(line, "status");
