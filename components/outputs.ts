/** The outputs of a stack. */
import * as pulumi from "@pulumi/pulumi";
import { BACKUP_VARIABLES } from "../catalog/backup-variables.ts";
import { API_PORT, PAGE_PATH } from "../catalog/local-api.ts";
import { instancePrice } from "../catalog/prices.ts";
import { formatKept } from "../catalog/retention.ts";
import { quoteWord } from "../catalog/shell.ts";
import { activeUser, type BackupSchedule, type BackupSettings, ROLE_KINDS, type Settings } from "../settings/settings.ts";
import { exportsJson } from "../settings/systems.ts";
import type { System } from "../systems/definition.ts";
import type { App } from "./app.ts";
import { WORKER_SIZE } from "./backup-worker.ts";
import type { Backups } from "./backups.ts";
import type { Bucket } from "./bucket.ts";
import type { Postgres } from "./postgres.ts";
import { ADMIN } from "./postgres-args.ts";
import type { SystemDeployment } from "./system.ts";
import type { Valkey } from "./valkey.ts";
import type { ScheduledBackups } from "./wiring.ts";

const CONTROL_PANEL = "https://cloud.digitalocean.com";

export interface Deployed {
  readonly postgres: ReadonlyMap<string, Postgres>;
  readonly valkey: ReadonlyMap<string, Valkey>;
  readonly deployments: readonly SystemDeployment[];
  /** By "system/app". */
  readonly apps: ReadonlyMap<string, App>;
  /** Absent in a stack without backups. */
  readonly backups: Backups | undefined;
  /** Absent where nothing makes backups. */
  readonly scheduled: ScheduledBackups | undefined;
}

/** The addresses of everything, and the connections and the variables of `slipway backup` as one secret each. */
export function stackOutputs({ postgres, valkey, apps, deployments, backups, scheduled }: Deployed): Record<string, unknown> {
  const urls = Object.fromEntries([...apps].map(([key, app]) => [key, app.liveUrl]));
  const links = deployments[0]?.stack.environment === "local" ? localLinks() : controlPanelLinks();
  const connections = Object.fromEntries(deployments.map((deployment) => [deployment.settings.system.name, connectionsOf(deployment)]));
  const variables = backups === undefined ? {} : { backupVariables: backupVariables(backups, scheduled) };
  return { urls, links, connections: pulumi.secret(connections), ...variables };

  function controlPanelLinks() {
    return {
      postgres: Object.fromEntries([...postgres].map(([key, { id }]) => [key, linkTo("databases", id)])),
      valkey: Object.fromEntries([...valkey].map(([key, { id }]) => [key, linkTo("databases", id)])),
      ...bucketLinks(({ bucket, region }) => bucket.apply((name) => `${CONTROL_PANEL}/spaces/${name}?region=${region}`)),
      apps: Object.fromEntries([...apps].map(([key, { id }]) => [key, linkTo("apps", id)])),
      deployments: Object.fromEntries(
        [...apps].map(([key, { id, deployment }]) => [key, pulumi.interpolate`${CONTROL_PANEL}/apps/${id}/deployments/${deployment}`]),
      ),
    };
  }

  /** The platform on this machine has one page, and each app answers by itself. */
  function localLinks() {
    const page = new URL(PAGE_PATH, new pulumi.Config("digitalocean").get("apiEndpoint") ?? `http://127.0.0.1:${API_PORT}`).href;
    const toPage = (keys: Iterable<string>) => Object.fromEntries([...keys].map((key) => [key, page]));
    return {
      postgres: toPage(postgres.keys()),
      valkey: toPage(valkey.keys()),
      ...bucketLinks(() => page),
      apps: Object.fromEntries([...apps].map(([key, { liveUrl }]) => [key, liveUrl.apply((url) => `${url}${healthPath(key)}`)])),
      deployments: toPage(apps.keys()),
    };
  }

  /** By "system/bucket"; absent in a stack without buckets. */
  function bucketLinks(linkOf: (bucket: Bucket) => pulumi.Input<string>) {
    const links = deployments.flatMap(({ settings: { system }, buckets }) =>
      Object.entries(buckets).map(([key, bucket]) => [`${system.name}/${key}`, linkOf(bucket)] as const),
    );
    return links.length === 0 ? {} : { buckets: Object.fromEntries(links) };
  }

  function healthPath(key: string): string {
    const components = deployments.flatMap(({ settings: { system } }) =>
      Object.entries(system.apps).flatMap(([app, it]) => (`${system.name}/${app}` === key ? Object.values(it.components) : [])),
    );
    return (
      components.flatMap((component) =>
        component.kind === "service" && component.feature === undefined ? [component.health.path] : [],
      )[0] ?? ""
    );
  }
}

/** With `apply` and not `interpolate`, which creates four Outputs from one. */
function linkTo(kind: string, id: pulumi.Output<string>): pulumi.Output<string> {
  return id.apply((known) => `${CONTROL_PANEL}/${kind}/${known}`);
}

/** Direct connections from the machine that runs Pulumi. The commands of `slipway` read them from the stack's outputs. */
function connectionsOf({ settings, postgres, stores }: SystemDeployment): Record<string, unknown> {
  const { database } = settings.system.postgres;
  return {
    admin: postgres.url(database, ADMIN),
    ...Object.fromEntries(ROLE_KINDS.map((kind) => [kind, postgres.url(database, activeUser(settings, kind))])),
    ca: postgres.ca,
    stores: Object.fromEntries(Object.entries(stores).map(([store, valkey]) => [store, { url: valkey.url(0), ca: valkey.ca }])),
  };
}

/** A file that a shell reads before `slipway backup`: NAME=value, a line each. */
function backupVariables({ copies: [primary, offsite] }: Backups, scheduled: ScheduledBackups | undefined): pulumi.Output<string> {
  const values: Partial<Record<keyof typeof BACKUP_VARIABLES, pulumi.Input<string>>> = {
    store: primary!.url,
    storeKey: primary!.key,
    ...(offsite === undefined ? {} : { offsite: offsite.url, offsiteKey: offsite.key }),
    ...(scheduled === undefined ? {} : scheduledVariables(scheduled)),
  };
  const lines = Object.entries(values).map(([name, value]) =>
    pulumi.output(value).apply((text) => `${BACKUP_VARIABLES[name as keyof typeof BACKUP_VARIABLES]}=${quoteWord(text)}`),
  );
  return pulumi.secret(pulumi.all(lines).apply((all) => all.join("\n")));
}

function scheduledVariables({ schedule: { recipients, verifyKeys, retention }, signingKey }: ScheduledBackups) {
  return {
    ...{ recipients: recipients.join(","), signingKey, keep: formatKept(retention) },
    ...(verifyKeys.length === 0 ? {} : { verifyKeys: verifyKeys.join(",") }),
  };
}

/** What a plan prints about the systems themselves: their backups, and where they differ from the products' documents. */
export function planMetadata({ systems: settings, backups, postDeploy, environment }: Settings): Record<string, unknown> {
  const systems = settings.map(({ system }) => system);
  const exported = settings.filter((one) => exportsJson(one, environment)).map(({ system }) => system.name);
  return {
    ...(backups.schedule === undefined
      ? {}
      : { backups: { ...describeBackups(systems, exported, backups, backups.schedule), beforeChanges: postDeploy.mode !== "manual" } }),
    systems: systems.map(({ name, title, backups }) => ({ name, title, backups })),
    deviations: systems.flatMap(({ deviations }) => deviations),
  };
}

/** When backups are made, for how long they are kept, where they are, and what the workers cost. */
function describeBackups(
  systems: readonly System[],
  exported: readonly string[],
  { region, offsiteRegion }: BackupSettings,
  schedule: BackupSchedule,
) {
  const { hourly, retention, recipients, maxAgeHours } = schedule;
  return {
    systems: systems.map(({ name, backups: { postgres } }) => ({
      ...{ name, dailyAtHourUtc: postgres.hourUtc, hourly },
      ...(exported.includes(name) && { exportsJson: true }),
    })),
    ...{ retention, regions: [region, offsiteRegion], recipients: recipients.length, maxAgeHours },
    workersUsdMonthly: systems.length * instancePrice(WORKER_SIZE)!,
  };
}
