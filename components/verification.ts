/**
 * The last step of a deployment: verifies each system after its apps, alerts and project exist, with the engine of `slipway verify`.
 *
 * It runs when something that it verifies changes: an app, a migration, a keyspace, an expectation of the definition, or a server. The work is in
 * `operate/verify/`, which the program never loads.
 */
import * as pulumi from "@pulumi/pulumi";
import { isUnderEngine } from "../settings/read.ts";
import { activeUser } from "../settings/settings.ts";
import type { Component, Env, System } from "../systems/definition.ts";
import type { App } from "./app.ts";
import { contentOf } from "./content.ts";
import { child } from "./names.ts";
import { filesOf } from "./postdeploy.ts";
import { Step } from "./step.ts";
import type { SystemDeployment } from "./system.ts";

export interface VerificationOptions {
  readonly parent: pulumi.Resource;
  /** Everything that has to exist before. */
  readonly dependsOn: readonly pulumi.Resource[];
}

/** @param apps By the app's key. */
export function createVerification(
  { stack, settings, postgres, stores }: SystemDeployment,
  apps: Readonly<Record<string, App>>,
  { parent, dependsOn }: VerificationOptions,
): pulumi.Resource {
  const { system } = settings;
  const { migrations, keyspaces } = filesOf(system.name);
  const hasKeyspaces = Object.keys(system.keyspaces).length > 0;
  return new Step(
    "Verification",
    child(system.name, "verification"),
    {
      system: system.name,
      mode: stack.verify,
      ...{ stack: stack.stack, suffix: stack.suffix, isLocal: stack.environment === "local" },
      definition: JSON.stringify(verifiedPart(system)),
      apps: Object.fromEntries(Object.entries(apps).map(([key, app]) => [key, app.declared()])),
      files: {
        migrations: { folder: migrations, digest: contentOf(migrations).digest },
        // A system whose stores belong to a feature that is off has a folder, and nothing to verify in it.
        ...(hasKeyspaces && Object.keys(stores).length > 0
          ? { keyspaces: { folder: keyspaces, digest: contentOf(keyspaces).digest } }
          : {}),
      },
      url: pulumi.secret(postgres.url(system.postgres.database, activeUser(settings, "owner"))),
      ca: postgres.ca,
      cluster: postgres.id,
      stores: Object.fromEntries(
        Object.entries(stores).map(([store, it]) => [store, { url: pulumi.secret(it.url(0)), ca: it.ca, cluster: it.id }]),
      ),
      ...account(),
    },
    // Its deletion changes nothing, so it can be switched off in a protected stack.
    { parent, dependsOn: [...dependsOn], protect: false },
  );
}

/** The provider's own settings. A recorded program has none: a plan contains no token. */
function account(): Record<string, unknown> {
  if (!isUnderEngine()) return {};
  const config = new pulumi.Config("digitalocean");
  const endpoint = config.get("apiEndpoint") ?? process.env.DIGITALOCEAN_API_URL;
  const token = config.getSecret("token") ?? process.env.DIGITALOCEAN_TOKEN ?? process.env.DIGITALOCEAN_ACCESS_TOKEN;
  return { account: { ...(endpoint === undefined ? {} : { endpoint }), ...(token === undefined ? {} : { token: pulumi.secret(token) }) } };
}

/** Without what verification does not read, so that a change of it does not verify again. */
function verifiedPart({ name, title, postgres, stores, keyspaces, apps, alerts }: System): object {
  const { database, schemas, roles, statementTimeoutSeconds } = postgres;
  return {
    ...{ name, title, stores, keyspaces },
    postgres: { database, schemas, roles, statementTimeoutSeconds },
    apps: mapValues(apps, (app) => ({ name: app.name, components: mapValues(app.components, verifiedComponent) })),
    alerts: alerts.slack === undefined ? {} : { slack: { channel: alerts.slack.channel } },
  };
}

function verifiedComponent(component: Component): object {
  const { kind, feature } = component;
  const env = mapValues(component.env, verifiedVariable);
  return kind === "service" ? { kind, feature, env, health: component.health, checks: component.checks } : { kind, feature, env };
}

/** Its presence, not its value. */
function verifiedVariable(variable: Env): object {
  return { from: variable.from, feature: variable.feature, ...("replica" in variable ? { replica: variable.replica } : {}) };
}

/** In the order of the keys, so that another order in the definition is no change. */
function mapValues<T>(values: Readonly<Record<string, T>>, map: (value: T) => object): Record<string, object> {
  const keys = Object.keys(values).sort();
  return Object.fromEntries(keys.map((key) => [key, map(values[key]!)]));
}
