/** What stands after `up`, how to reach it, and what to try next. Fits 80 columns where names do. */

import type { RealizeResult } from "../engine/realize.ts";
import { type DeployedResource, stateFile } from "../engine/state.ts";
import { isHealthy, type PlatformStatus } from "../local/platform/status.ts";
import type { Workspace } from "../local/platform/workspace.ts";
import { systems } from "../systems/index.ts";
import { counted } from "./count.ts";
import { appRows, serverRow, table } from "./local-text.ts";
import type { Terminal } from "./terminal.ts";

interface Told {
  readonly realized: RealizeResult;
  readonly status: PlatformStatus;
  readonly place: Workspace;
  readonly seconds: number;
}

export function summary({ realized, status, place, seconds }: Told, { style }: Terminal): string {
  const { resources } = stateFile(place.stack).load();
  const title = (text: string) => `\n${style.bold(text)}`;
  return [
    style.bold(`${headline(status)} ${changes(realized)} in ${seconds.toFixed(1)} s.`),
    title("What runs"),
    ...table([
      ...status.servers.map(serverRow),
      ["API", "DigitalOcean's, token: local", status.daemon?.api ?? ""],
      ["Page", "all of this, to look at", status.daemon?.page ?? ""],
    ]),
    "",
    ...table(appRows(status)),
    "  Services are stand-ins: they connect as the real ones would and serve health.",
    title("What is in it"),
    ...table(contents(resources)),
    title("How to connect"),
    ...connect(resources),
    title("What to try next"),
    ...table([
      ["npx slipway local status", "how everything is"],
      ["npx slipway local logs api", "what the services say"],
      ["npx slipway local up", "after a change: makes it so"],
      ["npx slipway local down", "ends it; the data stays"],
    ]),
  ].join("\n");
}

const headline = (status: PlatformStatus): string =>
  isHealthy(status) ? "The local platform is running." : "The local platform is not healthy; the problems are listed last.";

function changes({ counts: { create, update, replace, delete: gone, same } }: RealizeResult): string {
  const parts = [
    [create, "made"],
    [update, "changed"],
    [replace, "replaced"],
    [gone, "deleted"],
  ].flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`]));
  if (parts.length === 0) return `Nothing to do: ${same === 1 ? "the one resource is" : `all ${same} resources are`} as declared, checked`;
  return [...parts, ...(same === 0 ? [] : [`${same} unchanged,`])].join(", ");
}

function contents(resources: readonly DeployedResource[]): string[][] {
  return systems.flatMap(({ name, title }) => {
    const step = (kind: string) => resources.find(({ type, inputs }) => type.endsWith(`:${kind}`) && inputs.system === name);
    const migrations = step("Migrations");
    if (!migrations) return [];
    const files = (migrations.inputs.files as string[]).filter((file) => /^\S+\.sql /.test(file) && !/\.down\.sql /.test(file));
    const seeds = (step("Keyspaces")?.inputs.files ?? []) as string[];
    const seeded = seeds.length === 0 ? "" : counted(seeds.length, "keyspace file");
    return [[name, title, counted(files.length, "migration"), seeded]];
  });
}

/** The first system there is will do as an example. */
function connect(resources: readonly DeployedResource[]): string[] {
  const name = systems.map((system) => system.name).find((system) => resources.some(({ inputs }) => inputs.system === system));
  const stored = resources.find(({ type }) => type.endsWith(":Keyspaces"))?.inputs.system;
  if (name === undefined) return ["  Nothing is declared."];
  return [
    `  npx slipway local env ${name} api      # what the service is started with`,
    `  eval "$(npx slipway local env ${name} api --export)"`,
    '  psql "$DATABASE_URL"',
    ...(stored === undefined
      ? []
      : [`  eval "$(npx slipway local env ${stored} api --export)"`, '  redis-cli --tls --cacert "$NODE_EXTRA_CA_CERTS" -u "$REDIS_URL"']),
  ];
}
