/** `slipway local up`: starts the platform, applies what stack local declares, and prints how to use it. */

import { findDaemon, stopPlatform } from "../../local/platform/daemon/client.ts";
import { startPlatform } from "../../local/platform/start.ts";
import { isHealthy } from "../../local/platform/status.ts";
import { deleteWorkspaceState, type Workspace } from "../../local/platform/workspace.ts";
import { systems } from "../../systems/index.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { UpOptions } from "./flags.ts";
import { openProgress } from "./progress.ts";
import { rememberPrograms, rememberSources } from "./source.ts";
import { formatSummary } from "./summary.ts";
import { describeProblems, movedPorts, reportEndpoint } from "./text.ts";

export async function up({ systems: names, fresh, source, program }: UpOptions, workspace: Workspace, terminal: Terminal): Promise<number> {
  const wanted = await parseSystems(names);
  const start = performance.now();
  if (fresh) {
    await stopPlatform(workspace);
    deleteWorkspaceState(workspace);
  }
  rememberSources(source, workspace);
  // The services start with the platform.
  if (rememberPrograms(program, workspace) && findDaemon(workspace) !== undefined) await stopPlatform(workspace);
  const ranBefore = findDaemon(workspace) !== undefined;
  const progress = openProgress(terminal);
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  process.once("SIGINT", interrupt);
  try {
    const { realized, status } = await startPlatform(workspace, {
      ...(wanted && { systems: wanted }),
      onEvent: progress.event,
      onStage: progress.stage,
      onFetch: progress.fetch,
      signal: controller.signal,
    });
    if (!ranBefore) await (await import("./scripts.ts")).reloadAllScripts(workspace);
    progress.end();
    terminal.print(formatSummary({ realized, status, workspace, seconds: (performance.now() - start) / 1000 }, terminal));
    for (const move of movedPorts(status)) terminal.log(move);
    const note = reportEndpoint(status, workspace);
    if (note !== undefined) terminal.log(terminal.style.warn(note));
    if (isHealthy(status)) return DONE;
    terminal.log(describeProblems(status).join("\n"));
    return FAILED;
  } finally {
    progress.end();
    process.off("SIGINT", interrupt);
  }
}

async function parseSystems(text: string | undefined): Promise<string[] | undefined> {
  if (text === undefined) return undefined;
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) await findSystem(systems, name);
  return names;
}
