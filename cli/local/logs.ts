/** `slipway local logs`: the paths of logs, or their last lines. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findAppLogs } from "../../local/apps/logs.ts";
import type { AppLine } from "../../local/platform/status.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import { table } from "../shared/width.ts";
import type { LogsOptions } from "./flags.ts";
import { readStatus } from "./status.ts";

export async function logs(
  name: string | undefined,
  { lines }: LogsOptions,
  workspace: Workspace,
  { print, style }: Terminal,
): Promise<number> {
  const all = await listLogs(workspace);
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
  for (const { title, path } of wanted) print(`${style.bold(`${title}  ${path}`)}\n${lastLines(path, lines)}\n`);
  return DONE;
}

async function listLogs(workspace: Workspace): Promise<{ title: string; path: string }[]> {
  const { servers, apps } = await readStatus(workspace);
  return [
    { title: "daemon", path: join(workspace.daemon, "log") },
    ...servers.map(({ kind, cluster, log }) => ({ title: `${cluster}/${kind}`, path: log })),
    ...listAppLogs(workspace, apps),
  ];
}

/** The logs of running apps; else those on the disk, such as those of `slipway local api`. */
function listAppLogs({ home }: Workspace, apps: readonly AppLine[]): { title: string; path: string }[] {
  if (apps.length === 0) return findAppLogs(home.state).map(({ app, component, path }) => ({ title: `${app}/${component}`, path }));
  return apps.flatMap(({ app, components }) =>
    components.flatMap(({ name, log }) => (log === undefined ? [] : [{ title: `${app}/${name}`, path: log }])),
  );
}

function lastLines(path: string, lines: number): string {
  if (!existsSync(path)) return "(empty)";
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
}
