/** What `slipway local up` started, how to connect, and what to do next. Fits 80 columns where names do. */
import type { RealizeResult } from "../../engine/realize.ts";
import { type DeployedResource, stateFile } from "../../engine/state.ts";
import { isHealthy, type PlatformStatus } from "../../local/platform/status.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import { systems } from "../../systems/index.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Terminal } from "../shared/terminal.ts";
import { table } from "../shared/width.ts";
import { appRows, serverRow } from "./text.ts";

interface Started {
  readonly realized: RealizeResult;
  readonly status: PlatformStatus;
  readonly workspace: Workspace;
  readonly seconds: number;
}

export function formatSummary({ realized, status, workspace, seconds }: Started, { style }: Terminal): string {
  const { resources } = stateFile(workspace.stack).load();
  const title = (text: string) => `\n${style.bold(text)}`;
  return [
    style.bold(`${headline(status)} ${changes(realized)} in ${seconds.toFixed(1)} s.`),
    title("Running"),
    ...table([
      ...status.servers.map(serverRow),
      ["API", "DigitalOcean's API, token: local", status.daemon?.api ?? ""],
      ["Page", "an overview for the browser", status.daemon?.page ?? ""],
    ]),
    "",
    ...table(appRows(status)),
    "  Services are placeholders: they connect like the real ones and report health.",
    title("Data"),
    ...table(contents(resources)),
    title("How to connect"),
    ...connect(resources),
    title("Next steps"),
    ...table([
      ["npx slipway local status", "show the health of everything"],
      ["npx slipway local logs api", "print the logs of the services"],
      ["npx slipway local up", "apply a change of the program"],
      ["npx slipway local down", "stop it and keep the data"],
    ]),
  ].join("\n");
}

const headline = (status: PlatformStatus): string =>
  isHealthy(status) ? "The local platform is running." : "The local platform is not healthy; the problems are listed last.";

function changes({ counts: { create, update, replace, delete: gone, same } }: RealizeResult): string {
  const parts = [
    [create, "created"],
    [update, "updated"],
    [replace, "replaced"],
    [gone, "deleted"],
  ].flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`]));
  if (parts.length === 0) return `${same === 1 ? "Its resource is" : `All ${same} resources are`} as declared, checked`;
  return [...parts, ...(same === 0 ? [] : [`${same} unchanged,`])].join(", ");
}

function contents(resources: readonly DeployedResource[]): string[][] {
  return systems.flatMap(({ name, title }) => {
    const step = (kind: string) => resources.find(({ type, inputs }) => type.endsWith(`:${kind}`) && inputs.system === name);
    const migrations = step("Migrations");
    if (!migrations) return [];
    const files = (migrations.inputs.files as string[]).filter((file) => /^\S+\.sql /.test(file) && !/\.down\.sql /.test(file));
    const seeds = (step("Keyspaces")?.inputs.files ?? []) as string[];
    const seeded = seeds.length === 0 ? "" : pluralize(seeds.length, "keyspace file");
    return [[name, title, pluralize(files.length, "migration"), seeded]];
  });
}

/** Examples with the first system. */
function connect(resources: readonly DeployedResource[]): string[] {
  const name = systems.map((system) => system.name).find((system) => resources.some(({ inputs }) => inputs.system === system));
  const stored = resources.find(({ type }) => type.endsWith(":Keyspaces"))?.inputs.system;
  if (name === undefined) return ["  No system is declared."];
  return [
    `  npx slipway local env ${name} api      # the variables of the service`,
    `  eval "$(npx slipway local env ${name} api --export)"`,
    '  psql "$DATABASE_URL"',
    ...(stored === undefined
      ? []
      : [`  eval "$(npx slipway local env ${stored} api --export)"`, '  redis-cli --tls --cacert "$NODE_EXTRA_CA_CERTS" -u "$REDIS_URL"']),
  ];
}
