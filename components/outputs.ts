/** What a stack tells about itself when it is done. */
import * as pulumi from "@pulumi/pulumi";
import type { System } from "../systems/definition.ts";
import type { Berth, Platform } from "./platform.ts";
import { ADMIN } from "./postgres-args.ts";

const CONTROL_PANEL = "https://cloud.digitalocean.com";

/** Where everything is, and, secretly, how to get in. */
export function outputsOf({ postgres, valkey, apps, berths }: Platform): Record<string, unknown> {
  const urls = Object.fromEntries([...apps].map(([key, app]) => [key, app.liveUrl]));
  const links = {
    postgres: Object.fromEntries([...postgres].map(([key, { id }]) => [key, linkTo("databases", id)])),
    valkey: Object.fromEntries([...valkey].map(([key, { id }]) => [key, linkTo("databases", id)])),
    apps: Object.fromEntries([...apps].map(([key, { id }]) => [key, linkTo("apps", id)])),
    deployments: Object.fromEntries(
      [...apps].map(([key, { id, deployment }]) => [key, pulumi.interpolate`${CONTROL_PANEL}/apps/${id}/deployments/${deployment}`]),
    ),
  };
  return {
    urls,
    links,
    connections: pulumi.secret(Object.fromEntries(berths.map((berth) => [berth.settings.system.name, connectionsOf(berth)]))),
  };
}

/** By `apply`: of one Output, an interpolation makes four. */
function linkTo(kind: string, id: pulumi.Output<string>): pulumi.Output<string> {
  return id.apply((known) => `${CONTROL_PANEL}/${kind}/${known}`);
}

/** Direct connections of the machine that runs Pulumi; the verbs of `slipway` read them from here. */
function connectionsOf({ settings: { system }, postgres, stores }: Berth): Record<string, unknown> {
  const { database, roles } = system.postgres;
  return {
    admin: postgres.url(database, ADMIN),
    ...Object.fromEntries(Object.entries(roles).map(([kind, role]) => [kind, postgres.url(database, role)])),
    ca: postgres.ca,
    stores: Object.fromEntries(Object.entries(stores).map(([store, valkey]) => [store, { url: valkey.url(0), ca: valkey.ca }])),
  };
}

/** What the plan says of the systems beside their resources: policies, what runs again and again, and what is built in another way than asked. */
export function told(systems: readonly System[]): Record<string, unknown> {
  return {
    systems: systems.map(({ name, title, backups, schedules = {} }) => ({ name, title, backups, schedules })),
    deviations: systems.flatMap(({ deviations }) => deviations),
  };
}
