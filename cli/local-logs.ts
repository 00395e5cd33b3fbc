/** `slipway local logs`: where they are, or how they end. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findAppLogs } from "../local/apps/logs.ts";
import type { AppLine } from "../local/platform/status.ts";
import type { Workspace } from "../local/platform/workspace.ts";
import { DONE, type Given, UsageError } from "./command.ts";
import { statusOf } from "./local-status.ts";
import { table } from "./local-text.ts";
import { wholeNumber } from "./number.ts";
import type { Terminal } from "./terminal.ts";

export async function logs(
  { values, positionals: [name], place }: Given & { place: Workspace },
  { print, style }: Terminal,
): Promise<number> {
  const lines = wholeNumber(values.lines ?? 40, { flag: "--lines", example: "slipway local logs api --lines 100" });
  const all = await logsOf(place);
  if (name === undefined) {
    print(
      table(
        all.map(({ title, path }) => [title, path]),
        "",
      ).join("\n"),
    );
    return DONE;
  }
  const wanted = all.filter(({ title }) => title.includes(name));
  if (wanted.length === 0) throw new UsageError(`No log has "${name}" in its name. There are: ${all.map(({ title }) => title).join(", ")}`);
  for (const { title, path } of wanted) print(`${style.bold(`${title}  ${path}`)}\n${ending(path, lines)}\n`);
  return DONE;
}

async function logsOf(place: Workspace): Promise<{ title: string; path: string }[]> {
  const { servers, apps } = await statusOf(place);
  return [
    { title: "daemon", path: join(place.daemon, "log") },
    ...servers.map(({ kind, cluster, log }) => ({ title: `${cluster}/${kind}`, path: log })),
    ...appLogs(place, apps),
  ];
}

/** Those of what runs; else those on the disk, such as the ones of `slipway local api`. */
function appLogs({ home }: Workspace, apps: readonly AppLine[]): { title: string; path: string }[] {
  if (apps.length === 0) return findAppLogs(home.state).map(({ app, component, path }) => ({ title: `${app}/${component}`, path }));
  return apps.flatMap(({ app, components }) =>
    components.flatMap(({ name, log }) => (log === undefined ? [] : [{ title: `${app}/${name}`, path: log }])),
  );
}

function ending(path: string, lines: number): string {
  if (!existsSync(path)) return "(nothing yet)";
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
}
