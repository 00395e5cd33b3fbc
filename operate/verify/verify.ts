/** Looks at everything that a deployment of one system has to show, in the order in which a failure explains the next one. */
import type { Session } from "../../postdeploy/connect/session.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { StoreAddress } from "../../postdeploy/keyspaces/wire/target.ts";
import type { System } from "../../systems/definition.ts";
import type { ApiClient } from "../recover/api.ts";
import { type AddedRows, addRows, checkKept, openCanaries, removeRows } from "./canary.ts";
import type { Check } from "./check.ts";
import { checkClusters } from "./clusters.ts";
import { canariesOf, checkMigrations, describeFailure, openVerifier } from "./database.ts";
import { type DeployedApp, findApps, readCurrentApp } from "./deployed-app.ts";
import { checkDeployment, checkVariables, waitForDeployment } from "./deployment.ts";
import { checkMonitoring } from "./monitoring.ts";
import { checkHealth, checkLog, checkProbes, type ServiceSubject } from "./service.ts";
import { checkKeyspaces } from "./stores.ts";
import { measureTargets } from "./targets.ts";

export interface VerifySubject {
  readonly system: System;
  readonly api: ApiClient;
  /** For messages: "the local platform". */
  readonly account: string;
  /** "-staging"; "" in production. */
  readonly suffix: string;
  /** To the system's database, as its owner; undefined where the account has none. */
  readonly database: { readonly cluster: string; readonly owner: Connection } | undefined;
  readonly stores: ReadonlyMap<string, StoreAddress & { readonly cluster: string }>;
  readonly folders: { readonly migrations: string; readonly keyspaces: string };
  /** Placeholders run in place of the services. */
  readonly isLocal: boolean;
  readBackups(): Promise<readonly Check[]>;
}

export interface VerifyOptions {
  /** How long to wait for a deployment that is running. */
  readonly waitMs: number;
  /** Whether to measure the targets. */
  readonly bench: boolean;
}

export async function verify(subject: VerifySubject, { waitMs, bench }: VerifyOptions): Promise<readonly Check[]> {
  const { system, api, account, database, stores, folders } = subject;
  const found = await findApps(api, system, subject.suffix);
  const checks: Check[] = [{ kind: "account", subject: account, outcome: "passed", evidence: "the API answers with this token" }];
  const apps: DeployedApp[] = [];
  const services: ServiceSubject[] = [];
  for (const { key, declared, name, app: before } of found) {
    const newest = before === undefined ? undefined : await waitForDeployment(api, before.id, waitMs);
    const app = before === undefined ? undefined : await readCurrentApp(api, before.id);
    if (app === undefined) {
      checks.push({
        ...{
          kind: "deployment",
          subject: name,
          outcome: "failed",
          evidence: `the account has no app of this name (${system.name}/${key})`,
        },
        next: { text: "Deploy it.", command: "pulumi up" },
      });
      continue;
    }
    apps.push(app);
    checks.push(await checkDeployment(api, app, newest), checkVariables(app, declared));
    const running = new Set((app.active?.spec.services ?? []).map((service) => service.name));
    for (const [component, service] of Object.entries(declared.components))
      if (service.kind === "service" && running.has(component)) services.push({ app, name: component, service });
  }
  const clusters = { database: database?.cluster, stores: new Map([...stores].map(([name, { cluster }]) => [name, cluster])) };
  checks.push(...(await checkClusters(api, system, clusters)));
  if (database !== undefined) checks.push(await checkMigrations(system, database.owner, folders.migrations));
  checks.push(...(await checkServices()));
  checks.push(...(await checkKeyspaces(system, stores, folders.keyspaces)));
  checks.push(...(await subject.readBackups()));
  const watched = [...(database === undefined ? [] : [database.cluster]), ...clusters.stores.values()];
  checks.push(await checkMonitoring(api, system, apps, watched));
  if (bench) checks.push(...(await measureTargets(system, database?.owner, apps.find(({ url }) => url !== undefined)?.url)));
  else if (system.targets !== undefined)
    checks.push({ kind: "targets", subject: `${system.name}/targets`, outcome: "skipped", evidence: "measured with --bench" });
  return checks;

  /** Requests are made while the rows for them exist. Where the database cannot be reached, the services still answer or not. */
  async function checkServices(): Promise<readonly Check[]> {
    const found: Check[] = [];
    const canaries = canariesOf(system);
    const session = await openSession(found);
    const added = session === undefined ? NO_ROWS : await addRows(session, canaries);
    try {
      for (const service of services) {
        const { check, isPlaceholder } = await checkHealth(service);
        found.push(check, ...(await checkProbes(service, added.names)), await checkLog(api, service, subject.isLocal && isPlaceholder));
      }
    } finally {
      if (session !== undefined) await removeRows(session, canaries, added);
    }
    for (const [table, problem] of added.problems)
      found.push({ kind: "canary", subject: table, outcome: "failed", evidence: `no row could be added: ${problem}` });
    if (session !== undefined) {
      const deployments = apps.map(({ name, active }) => `${name} ${active?.id ?? ""}`).join(", ");
      found.push(await checkKept(session, `${system.name}/postgres`, deployments));
      await session.end().catch(() => {});
    }
    return found;
  }

  /** @returns undefined where there is no database, or nothing was migrated */
  async function openSession(found: Check[]): Promise<Session | undefined> {
    if (database === undefined) return undefined;
    try {
      const session = await openVerifier(database.owner);
      if (await openCanaries(session)) return session;
      await session.end();
    } catch (error) {
      found.push({ kind: "canary", subject: `${system.name}/postgres`, ...describeFailure(error) });
    }
    return undefined;
  }
}

const NO_ROWS: AddedRows = { names: new Map(), problems: new Map() };
