/** `slipway local up`: everything running, everything as declared, and what to do with it. */

import { findDaemon, stopPlatform } from "../local/platform/daemon/client.ts";
import { startPlatform } from "../local/platform/start.ts";
import { isHealthy } from "../local/platform/status.ts";
import { deleteWorkspaceState, type Workspace } from "../local/platform/workspace.ts";
import { systems } from "../systems/index.ts";
import { DONE, FAILED, type Given } from "./command.ts";
import { progressOn } from "./local-progress.ts";
import { rememberSources } from "./local-source.ts";
import { summary } from "./local-summary.ts";
import { endpointNote, moves, problems } from "./local-text.ts";
import { systemNamed } from "./system.ts";
import type { Terminal } from "./terminal.ts";

export async function up({ values, place }: Given & { place: Workspace }, terminal: Terminal): Promise<number> {
  const wanted = systemsOf(values.systems);
  const began = performance.now();
  if (values.fresh === true) {
    await stopPlatform(place);
    deleteWorkspaceState(place);
  }
  rememberSources(values.source, place);
  const ranBefore = findDaemon(place) !== undefined;
  const progress = progressOn(terminal);
  const stop = new AbortController();
  const interrupted = () => stop.abort();
  process.once("SIGINT", interrupted);
  try {
    const { realized, status } = await startPlatform(place, {
      ...(wanted && { systems: wanted }),
      onEvent: progress.event,
      onStage: progress.stage,
      onFetch: progress.fetch,
      signal: stop.signal,
    });
    if (!ranBefore) await (await import("./local-scripts.ts")).recallAll(place);
    progress.end();
    terminal.print(summary({ realized, status, place, seconds: (performance.now() - began) / 1000 }, terminal));
    for (const move of moves(status)) terminal.say(move);
    const note = endpointNote(status, place.checkout);
    if (note !== undefined) terminal.say(terminal.style.warn(note));
    if (isHealthy(status)) return DONE;
    terminal.say(problems(status).join("\n"));
    return FAILED;
  } finally {
    progress.end();
    process.off("SIGINT", interrupted);
  }
}

function systemsOf(said: unknown): string[] | undefined {
  if (said === undefined) return undefined;
  const names = String(said)
    .split(",")
    .map((name) => name.trim());
  for (const name of names) systemNamed(systems, name);
  return names;
}
