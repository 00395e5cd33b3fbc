/** Texts about the local platform that several commands print. */

import { endpointCommand, writeEndpoint } from "../../local/platform/stack-endpoint.ts";
import type { PlatformStatus, ServerLine } from "../../local/platform/status.ts";
import { STACK, type Workspace } from "../../local/platform/workspace.ts";

const TITLES: Readonly<Record<string, string>> = { postgres: "Postgres", pgbouncer: "PgBouncer", valkey: "Valkey" };

export function serverRow({ cluster, kind, port, pid }: ServerLine): string[] {
  return [TITLES[kind] ?? kind, cluster, pid === undefined ? "not running" : `127.0.0.1:${port}`];
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

/** A message for each server and app that is not healthy. */
export function describeProblems({ daemon, servers, apps }: PlatformStatus): string[] {
  return [
    ...(daemon === undefined ? ["The local platform is not running. Start it: slipway local up"] : []),
    ...servers
      .filter(({ pid }) => pid === undefined)
      .map(({ kind, cluster, log }) => `${TITLES[kind] ?? kind} of ${cluster} is not running. Its log: ${log}`),
    ...apps.flatMap(({ app, components }) =>
      components
        .filter(({ health = "ok" }) => health !== "ok")
        .map(({ name, health, log }) => `${app} ${name}: ${health}\n  its log: ${log}`),
    ),
  ];
}

/** Servers that listen on another port, because another process holds theirs. `describeEndpoint` reports the port of the API. */
export const movedPorts = ({ daemon }: PlatformStatus): readonly string[] => daemon?.moves ?? [];

/** Writes the API's address into the stack's file where it differs, and says so. */
export function reportEndpoint(status: PlatformStatus, workspace: Workspace): string | undefined {
  const { daemon } = status;
  const written = daemon && writeEndpoint(workspace, daemon.api);
  if (written === undefined) return describeEndpoint(status, workspace.checkout);
  return `${daemon?.apiMoved ?? `The API is at ${daemon?.api}.`} ${written}`;
}

/** The command that fixes the API's address in the stack file, where it differs. */
export function describeEndpoint({ daemon }: PlatformStatus, checkout: string): string | undefined {
  const command = daemon && endpointCommand(checkout, daemon.api);
  if (command === undefined) return undefined;
  const why = daemon?.apiMoved === undefined ? `The API is at ${daemon?.api}.` : daemon.apiMoved;
  return `${why} Pulumi.${STACK}.yaml names another address. Before you run pulumi -s ${STACK}, type:\n  ${command}`;
}
