/** Starts the platform: the daemon with the cloud, then the Pulumi program, which creates the declared resources. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { RealizeEvent, RealizeResult } from "../../engine/realize.ts";
import { stateFile } from "../../engine/state.ts";
import { lockDirectory } from "../cloud/store/lock.ts";
import { fetchMissingPrograms } from "../servers/packages/binaries.ts";
import type { DownloadProgress } from "../servers/packages/packages.ts";
import { ensureDaemon } from "./daemon/client.ts";
import { callDaemon, type DaemonConnection } from "./daemon/control.ts";
import { type ProviderCall, type ProviderDescription, remoteProvider } from "./daemon/remote-provider.ts";
import type { PlatformStatus } from "./status.ts";
import { STACK, type Workspace } from "./workspace.ts";

export interface StartOptions {
  /** Run only these systems and remove the resources of others. @default all */
  readonly systems?: readonly string[];
  readonly onEvent?: (event: RealizeEvent) => void;
  readonly onStage?: (stage: string) => void;
  /** Called while programs are downloaded, which happens once per machine. */
  readonly onFetch?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

export interface StartedPlatform {
  readonly realized: RealizeResult;
  readonly status: PlatformStatus;
}

export async function startPlatform(
  workspace: Workspace,
  { systems, onEvent, onStage = () => {}, onFetch = () => {}, signal }: StartOptions = {},
): Promise<StartedPlatform> {
  const unlock = lockStart(workspace);
  try {
    onStage("Starting the local platform");
    // In parallel: loading Pulumi's SDK takes as long as starting the daemon.
    const [connection, engine] = await Promise.all([ensureDaemon(workspace), loadEngine(), fetchMissingPrograms(workspace.home, onFetch)]);
    await callDaemon(connection, "restartStopped");
    onStage("Applying stack local");
    const options = { ...(systems && { systems }), ...(onEvent && { onEvent }), ...(signal && { signal }) };
    const realized = await runProgram(workspace, connection, engine, options);
    onStage("Checking health");
    await callDaemon(connection, "waitUntilIdle");
    return { realized, status: await fetchStatus(connection) };
  } finally {
    unlock();
  }
}

function lockStart({ home }: Workspace): () => void {
  const folder = join(home.state, "up");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    return lockDirectory(folder);
  } catch (error) {
    throw new Error(`Another "slipway local up" is running in this project. Wait until it has finished. ${(error as Error).message}`, {
      cause: error,
    });
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

async function runProgram(
  workspace: Workspace,
  connection: DaemonConnection,
  { findProject, programOf, readStack, realize }: Engine,
  { systems, ...options }: Pick<StartOptions, "systems" | "onEvent" | "signal">,
): Promise<RealizeResult> {
  const project = findProject(workspace.checkout);
  const overrides = systems === undefined ? {} : { [`${project.name}:systems`]: JSON.stringify(systems) };
  const settings = readStack(project, STACK, { ...overrides, "digitalocean:apiEndpoint": connection.api });
  const provider = remoteProvider(await callDaemon<ProviderDescription>(connection, "describeProvider"), (call: ProviderCall) =>
    callDaemon(connection, "callProvider", call),
  );
  // As with Pulumi, paths in the program are relative to the project.
  if (process.cwd() !== project.directory) process.chdir(project.directory);
  return realize(programOf(project), {
    ...settings,
    directory: project.directory,
    state: stateFile(workspace.stack),
    provider,
    ...options,
  });
}

export const fetchStatus = (connection: DaemonConnection): Promise<PlatformStatus> => callDaemon<PlatformStatus>(connection, "status");
