/** `slipway local logs`: where they are, or how they end. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findAppLogs } from "../local/apps/logs.ts";
import type { Place } from "../local/platform/place.ts";
import type { AppLine } from "../local/platform/status.ts";
import { DONE, FAILED, type Given, UsageError } from "./command.ts";
import { statusOf } from "./local-status.ts";
import { table } from "./local-text.ts";
import type { Terminal } from "./terminal.ts";

export async function logs(
  { values, positionals: [name], place }: Given & { place: Place },
  { print, say, style }: Terminal,
): Promise<number> {
  const lines = Number(values.lines ?? 40);
  if (!Number.isInteger(lines) || lines < 1)
    throw new UsageError(`--lines takes a number of lines, not "${values.lines}": slipway local logs api --lines 100`);
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
  if (wanted.length === 0) {
    say(`No log has "${name}" in its name. There are: ${all.map(({ title }) => title).join(", ")}`);
    return FAILED;
  }
  for (const { title, path } of wanted) print(`${style.bold(`${title}  ${path}`)}\n${ending(path, lines)}\n`);
  return DONE;
}

async function logsOf(place: Place): Promise<{ title: string; path: string }[]> {
  const { servers, apps } = await statusOf(place);
  return [
    { title: "daemon", path: join(place.daemon, "log") },
    ...servers.map(({ kind, cluster, log }) => ({ title: `${cluster}/${kind}`, path: log })),
    ...appLogs(place, apps),
  ];
}

/** Those of what runs; else those on the disk, such as the ones of `slipway local api`. */
function appLogs({ home }: Place, apps: readonly AppLine[]): { title: string; path: string }[] {
  if (apps.length === 0) return findAppLogs(home.state).map(({ app, component, path }) => ({ title: `${app}/${component}`, path }));
  return apps.flatMap(({ app, components }) =>
    components.flatMap(({ name, log }) => (log === undefined ? [] : [{ title: `${app}/${name}`, path: log }])),
  );
}

function ending(path: string, lines: number): string {
  if (!existsSync(path)) return "(nothing yet)";
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
}
