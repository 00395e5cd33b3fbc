/** How the local platform is written down: the same words in every verb. */

import { endpointCommand } from "../local/platform/stack-endpoint.ts";
import type { PlatformStatus, ServerLine } from "../local/platform/status.ts";
import { STACK } from "../local/platform/workspace.ts";

const TITLES: Readonly<Record<string, string>> = { postgres: "Postgres", pgbouncer: "PgBouncer", valkey: "Valkey" };

export function shortType(type: string): string {
  return type.split(":").at(-1) ?? type;
}

/** Columns, as wide as what stands in them. */
export function table(rows: readonly (readonly string[])[], indent = "  "): string[] {
  const widths = rows.reduce<number[]>((sofar, row) => row.map((cell, column) => Math.max(sofar[column] ?? 0, cell.length)), []);
  return rows.map((row) => `${indent}${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
}

export function serverRow({ cluster, kind, port, pid }: ServerLine): string[] {
  return [TITLES[kind] ?? kind, cluster, pid === undefined ? "does not run" : `127.0.0.1:${port}`];
}

export function appRows({ apps }: PlatformStatus): string[][] {
  return apps.flatMap(({ app, url, components }) =>
    components.map(({ name, kind, health }) => [
      app,
      name,
      url,
      health === undefined ? kindOf(kind) : health === "ok" ? "healthy" : "NOT HEALTHY",
    ]),
  );
}

const kindOf = (kind: string): string => kind.replace("static_site", "site");

/** A sentence for each thing that is not as it should be. */
export function problems({ daemon, servers, apps }: PlatformStatus): string[] {
  return [
    ...(daemon === undefined ? ["The local platform does not run. Start it: slipway local up"] : []),
    ...servers
      .filter(({ pid }) => pid === undefined)
      .map(({ kind, cluster, log }) => `${TITLES[kind] ?? kind} of ${cluster} does not run. Its log: ${log}`),
    ...apps.flatMap(({ app, components }) =>
      components
        .filter(({ health = "ok" }) => health !== "ok")
        .map(({ name, health, log }) => `${app} ${name}: ${health}\n  its log: ${log}`),
    ),
  ];
}

/** Ports that other processes hold, so that what should listen there listens elsewhere. The API's is in `endpointNote` where it matters. */
export const moves = ({ daemon }: PlatformStatus): readonly string[] => daemon?.moves ?? [];

/** Where Pulumi would look for the API at another address than it has, and the command that changes that. */
export function endpointNote({ daemon }: PlatformStatus, checkout: string): string | undefined {
  const command = daemon && endpointCommand(checkout, daemon.api);
  if (command === undefined) return undefined;
  const why = daemon?.apiMoved === undefined ? `The API is at ${daemon?.api}.` : daemon.apiMoved;
  return `${why} Pulumi.${STACK}.yaml names another address. Before you run pulumi -s ${STACK}, type:\n  ${command}`;
}
