/** The outputs of a stack. */
import * as pulumi from "@pulumi/pulumi";
import type { System } from "../systems/definition.ts";
import type { App } from "./app.ts";
import type { Postgres } from "./postgres.ts";
import { ADMIN } from "./postgres-args.ts";
import type { SystemDeployment } from "./system.ts";
import type { Valkey } from "./valkey.ts";

const CONTROL_PANEL = "https://cloud.digitalocean.com";

interface Deployed {
  readonly postgres: ReadonlyMap<string, Postgres>;
  readonly valkey: ReadonlyMap<string, Valkey>;
  readonly deployments: readonly SystemDeployment[];
  /** By "system/app". */
  readonly apps: ReadonlyMap<string, App>;
}

/** The addresses of everything, and the connections as one secret. */
export function stackOutputs({ postgres, valkey, apps, deployments }: Deployed): Record<string, unknown> {
  const urls = Object.fromEntries([...apps].map(([key, app]) => [key, app.liveUrl]));
  const links = {
    postgres: Object.fromEntries([...postgres].map(([key, { id }]) => [key, linkTo("databases", id)])),
    valkey: Object.fromEntries([...valkey].map(([key, { id }]) => [key, linkTo("databases", id)])),
    apps: Object.fromEntries([...apps].map(([key, { id }]) => [key, linkTo("apps", id)])),
    deployments: Object.fromEntries(
      [...apps].map(([key, { id, deployment }]) => [key, pulumi.interpolate`${CONTROL_PANEL}/apps/${id}/deployments/${deployment}`]),
    ),
  };
  const connections = Object.fromEntries(deployments.map((deployment) => [deployment.settings.system.name, connectionsOf(deployment)]));
  return { urls, links, connections: pulumi.secret(connections) };
}

/** With `apply` and not `interpolate`, which creates four Outputs from one. */
function linkTo(kind: string, id: pulumi.Output<string>): pulumi.Output<string> {
  return id.apply((known) => `${CONTROL_PANEL}/${kind}/${known}`);
}

/** Direct connections from the machine that runs Pulumi. The commands of `slipway` read them from the stack's outputs. */
function connectionsOf({ settings: { system }, postgres, stores }: SystemDeployment): Record<string, unknown> {
  const { database, roles } = system.postgres;
  return {
    admin: postgres.url(database, ADMIN),
    ...Object.fromEntries(Object.entries(roles).map(([kind, role]) => [kind, postgres.url(database, role)])),
    ca: postgres.ca,
    stores: Object.fromEntries(Object.entries(stores).map(([store, valkey]) => [store, { url: valkey.url(0), ca: valkey.ca }])),
  };
}

/** What a plan prints about the systems themselves: their backups, and where they differ from the products' documents. */
export function planMetadata(systems: readonly System[]): Record<string, unknown> {
  return {
    systems: systems.map(({ name, title, backups }) => ({ name, title, backups })),
    deviations: systems.flatMap(({ deviations }) => deviations),
  };
}
