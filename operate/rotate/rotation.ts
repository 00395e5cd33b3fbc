/**
 * Moves everything that logs in as a role from one of its two users to the other, and replaces the password of the first.
 *
 * Each step begins with what is there: the setting in the stack's file, the account and the server. So a run that was killed at any moment continues with the
 * next one, and a step that was done already does nothing.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { otherSlot, type UserSlot, userIn } from "../../catalog/alternate-user.ts";
import { tryLogin } from "../../postdeploy/connect/login.ts";
import { compareEffectiveRights } from "../../postdeploy/roles/effective-rights.ts";
import { applyRoles, type RoleKind, type RolesOptions } from "../../postdeploy/roles/index.ts";
import type { DatabaseAddress } from "../recover/cluster.ts";
import { type AccountCluster, type AccountPool, connectionOf, type RoleAccount } from "./account.ts";
import { RotateError } from "./error.ts";
import { type DrainOptions, drainSessions } from "./sessions.ts";
import { type Credential, type CredentialSetting, readCredential, writeCredential } from "./stack-file.ts";

/** Deploys the stack, whichever engine it uses. */
export interface Deployer {
  /** @throws if the deployed stack differs from the program: a rotation would deploy that too */
  requireNoChanges(): Promise<void>;
  deploy(): Promise<void>;
  /** Reads users and pools of a cluster into the stack's state, after the account changed them. */
  refresh(resources: { readonly cluster: string; readonly users: readonly string[]; readonly pools: readonly string[] }): Promise<void>;
}

export interface RotationSubject {
  readonly system: string;
  readonly kind: RoleKind;
  /** The options of the roles step without the connection. */
  readonly declared: Omit<RolesOptions, "connection">;
  readonly address: DatabaseAddress;
  readonly setting: CredentialSetting;
  readonly account: RoleAccount;
  readonly deployer: Deployer;
}

export interface RotationOptions extends Pick<DrainOptions, "idleSeconds" | "timeoutSeconds" | "endsSessions"> {
  /** YYYY-MM-DD */
  readonly today: string;
  readonly report: (line: string) => void;
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

export interface Rotated {
  readonly active: string;
  readonly retired: string;
  readonly since: string;
  /** Sessions of the retired user that had to be ended. */
  readonly endedSessions: number;
  /** Where the old password was tried, and refused. */
  readonly refusedAt: readonly string[];
}

/** How long the deployments of the apps may take after the stack was deployed. */
const DEPLOYMENT_TIMEOUT_MS = 30 * 60_000;
const POLL_MS = 500;

export async function rotate(subject: RotationSubject, options: RotationOptions): Promise<Rotated> {
  const { setting } = subject;
  const before = readCredential(setting);
  if (before?.retiring === undefined) await prepare(subject, before, options);
  else options.report(`Continue the rotation of ${subject.declared.roles[subject.kind]}`);
  const credential = readCredential(setting);
  if (credential?.retiring === undefined) throw new RotateError(`${setting.name} has changed during this run. See: slipway rotate status`);
  return await finish(subject, { ...credential, retiring: credential.retiring }, options);
}

/** Creates the other user where it is missing, checks it, and writes which user is to be used. */
async function prepare(subject: RotationSubject, before: Credential | undefined, options: RotationOptions): Promise<void> {
  const { setting, deployer, declared, kind } = subject;
  const { report, today } = options;
  const role = declared.roles[kind];
  const active = before?.active ?? "a";
  const next = userIn(otherSlot(active), role);
  const cluster = await findCluster(subject);
  let current = before;
  if (current === undefined) {
    await deployer.requireNoChanges();
    current = { active };
    writeCredential(setting, undefined, current);
  }
  if (kind === "runtime") await openPools(subject, cluster, report);
  // Without a day the role was never switched: the run that was to create the user may have been killed.
  if (current.since === undefined) {
    report(`Create ${next}`);
    await deployer.deploy();
  } else {
    await deployer.refresh({ cluster: cluster.id, users: [next], pools: [] });
    await deployer.requireNoChanges();
  }
  await checkUser(subject, cluster, next, userIn(active, role), report);
  writeCredential(setting, current, { active: otherSlot(active), since: today, retiring: active });
}

/** A pool with a user admits only that one, and Pulumi replaces a pool whose user changes, while clients need it. */
async function openPools({ account, deployer, declared, kind }: RotationSubject, cluster: AccountCluster, report: (line: string) => void) {
  const users = usersOf(declared.roles[kind]);
  const pools = await account.listPools(cluster, declared.database);
  const closed = pools.filter(({ user }) => users.includes(user));
  for (const pool of closed) {
    report(`Let pool ${pool.name} admit both users`);
    await account.openPool(cluster, pool);
  }
  await deployer.refresh({
    cluster: cluster.id,
    users: [],
    pools: pools.filter(({ user }) => user === "" || users.includes(user)).map(nameOf),
  });
}

const nameOf = ({ name }: { readonly name: string }): string => name;
const usersOf = (role: string): readonly [string, string] => [userIn("a", role), userIn("b", role)];

/** The new user must be able to log in, and to do what the other one can, before an app depends on it. */
async function checkUser(
  { account, declared, kind }: RotationSubject,
  cluster: AccountCluster,
  user: string,
  current: string,
  report: (line: string) => void,
): Promise<void> {
  const administrator = connectionOf(cluster, cluster.admin, declared.database);
  const { statements } = await applyRoles({ ...declared, connection: administrator });
  if (statements.length > 0) report(`Repaired the roles with ${statements.length} ${statements.length === 1 ? "statement" : "statements"}`);
  const [a, b] = usersOf(declared.roles[kind]);
  const differences = await compareEffectiveRights(administrator, [a, b]);
  if (differences.length > 0)
    throw new RotateError(
      `${user} cannot replace ${current}, because they may not do the same. Nothing was switched:${differences
        .slice(0, 10)
        .map(({ object, privilege, only }) => `\n  ${only} alone has ${privilege} on ${object}`)
        .join("")}\nFind out who granted that. Then run the same command again.`,
    );
  await requireLogin({ account, declared }, cluster, user);
  report(`${user} may do what ${current} may do`);
}

async function requireLogin(
  { account, declared }: Pick<RotationSubject, "account" | "declared">,
  cluster: AccountCluster,
  user: string,
): Promise<void> {
  const password = await account.readPassword(cluster, user);
  if (password === undefined) throw new RotateError(`The account has no user ${user}. Deploy the stack, then run the same command again.`);
  if ((await tryLogin(connectionOf(cluster, { user, password }, declared.database))) === "refused")
    throw new RotateError(
      `The server refuses the password that the account has of ${user}. Replace it in the control panel (Users & Databases → Reset password), then run the same command again.`,
    );
}

/** Switches what uses the role, waits until nothing uses the old user, and replaces its password. */
async function finish(
  subject: RotationSubject,
  credential: Credential & { readonly retiring: UserSlot },
  options: RotationOptions,
): Promise<Rotated> {
  const { setting, deployer, declared, kind } = subject;
  const { report } = options;
  const role = declared.roles[kind];
  const active = userIn(credential.active, role);
  const retired = userIn(credential.retiring, role);
  const cluster = await findCluster(subject);
  report(`Deploy with ${active}`);
  await deployer.deploy();
  await waitForApps(subject, cluster, { active, retired }, options);
  report(`Wait until ${retired} has no session`);
  const { ended } = await drainSessions(connectionOf(cluster, cluster.admin, declared.database), retired, options);
  const refusedAt = await retire(subject, cluster, { active, retired }, report);
  await deployer.refresh({ cluster: cluster.id, users: [retired], pools: [] });
  const { active: slot, since = options.today } = credential;
  writeCredential(setting, credential, { active: slot, since });
  return { active, retired, since, endedSessions: ended, refusedAt };
}

interface Users {
  readonly active: string;
  readonly retired: string;
}

/** Until the deployment that serves requests logs in as the active user, in every app. */
async function waitForApps(
  { account }: RotationSubject,
  cluster: AccountCluster,
  { active, retired }: Users,
  { report, pause = sleep }: RotationOptions,
): Promise<void> {
  for (const until = Date.now() + DEPLOYMENT_TIMEOUT_MS; ; await pause(POLL_MS)) {
    const apps = await account.listApps(cluster, [active, retired]);
    const old = apps.filter(({ specified }) => specified.includes(retired));
    if (old.length > 0)
      throw new RotateError(
        `${old.map(nameOf).join(", ")} still logs in as ${retired} after the deployment. If this stack does not deploy it, change db_user in its spec to ${active}. Then run the same command again.`,
      );
    const waiting = apps.filter(({ active: serving, deploying }) => serving.includes(retired) || deploying !== undefined);
    if (waiting.length === 0) {
      if (apps.length > 0) report(`${apps.map(nameOf).join(", ")} log in as ${active}`);
      return;
    }
    const failed = waiting.filter(({ deploying }) => deploying === undefined);
    if (failed.length > 0)
      throw new RotateError(
        `The deployment of ${failed.map(nameOf).join(", ")} with ${active} is not active, and the one before it serves requests as ${retired}. ` +
          "See its log, fix the cause, and run the same command again.",
      );
    if (Date.now() >= until)
      throw new RotateError(
        `The deployment of ${waiting.map(nameOf).join(", ")} has not ended after ${DEPLOYMENT_TIMEOUT_MS / 60_000} minutes. Run the same command again when it has.`,
      );
  }
}

/** @returns where the old password was refused */
async function retire(
  subject: RotationSubject,
  cluster: AccountCluster,
  { active, retired }: Users,
  report: (line: string) => void,
): Promise<readonly string[]> {
  const { account, declared, kind } = subject;
  await requireLogin(subject, cluster, active);
  const before = await account.readPassword(cluster, retired);
  if (before === undefined) throw new RotateError(`The account has no user ${retired}. Deploy the stack, then run the same command again.`);
  report(`Replace the password of ${retired}`);
  await account.resetPassword(cluster, retired, before);
  const pools = kind === "runtime" ? await account.listPools(cluster, declared.database) : [];
  const { host, port, ca } = cluster;
  const places = [{ name: declared.database, host, port, ca, database: declared.database }, ...pools.map((pool) => placeOf(pool, cluster))];
  for (const place of places) {
    const answer = await tryLogin(connectionOf(place, { user: retired, password: before }, place.database));
    if (answer === "accepted")
      throw new RotateError(
        `The server still accepts the old password of ${retired} at ${place.name}. Run the same command again; if it says the same, ask DigitalOcean's support.`,
      );
  }
  const refusedAt = places.map(nameOf);
  report(`The old password of ${retired} is refused`);
  return refusedAt;
}

const placeOf = ({ name, host, port }: AccountPool, { ca }: AccountCluster) => ({ name: `pool ${name}`, host, port, ca, database: name });

async function findCluster({ account, address }: RotationSubject): Promise<AccountCluster> {
  const cluster = await account.findCluster(address);
  if (cluster !== undefined) return cluster;
  throw new RotateError(`The stack has no database "${address.database}" with a user "${address.owner}". Deploy the stack first.`);
}
