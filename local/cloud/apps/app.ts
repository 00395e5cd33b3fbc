import { unassignFromProject } from "../account/projects.ts";
import type { BackedApp, Placement } from "../backing.ts";
import { orNotFound } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { resolveEnv } from "./bindables.ts";
import type { AppSpec } from "./spec.ts";

/** An App Platform app as stored. */
export interface App {
  readonly id: string;
  /** The random part of its address. */
  readonly suffix: string;
  readonly spec: AppSpec;
  readonly placement: Placement;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Where alerts are sent, by alert id. */
  readonly destinations: Readonly<Record<string, Destinations>>;
  /** Set by a rollback until it is committed or reverted. */
  readonly pinned?: { readonly deployment: string; readonly before: AppSpec };
}

export interface Destinations {
  readonly emails: readonly string[];
  readonly slack_webhooks: readonly { readonly url: string; readonly channel: string }[];
}

const apps = (cloud: Cloud) => cloud.store.collection<App>("apps");

export const allApps = (cloud: Cloud): App[] => apps(cloud).all();

export const findApp = (cloud: Cloud, id: string): App => orNotFound(apps(cloud).get(id), "app not found");

export const findAppNamed = (cloud: Cloud, name: string): App | undefined => allApps(cloud).find((app) => app.spec.name === name);

export const urnOf = ({ id }: Pick<App, "id">): string => `do:app:${id}`;

export function deleteAppRecord(cloud: Cloud, app: App): void {
  apps(cloud).delete(app.id);
  unassignFromProject(cloud, urnOf(app));
}

export const putApp = (cloud: Cloud, app: App): void => apps(cloud).put(app.id, app);

/** Resolves the environment that a component would get if it started now. */
export const resolveComponentEnv = (
  cloud: Cloud,
  appId: string,
  component: string,
  when: "run" | "build" = "run",
): Record<string, string> => resolveEnv(cloud, findApp(cloud, appId), component, when);

export const toBackedApp = ({ id, suffix, spec }: Pick<App, "id" | "suffix" | "spec">): BackedApp => ({
  id,
  name: spec.name,
  suffix,
  services: (spec.services ?? []).map(({ name, http_port, internal_ports }) => ({ name, port: http_port ?? internal_ports?.[0] ?? 8080 })),
});
