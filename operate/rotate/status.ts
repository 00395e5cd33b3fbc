/** The users of the database roles of a system: which is used, since when, and what the server says. */
import { userIn } from "../../catalog/alternate-user.ts";
import { daysBetween, MOST_CREDENTIAL_DAYS } from "../../catalog/credential-age.ts";
import type { RoleKind } from "../../postdeploy/roles/index.ts";
import type { DatabaseAddress } from "../recover/cluster.ts";
import { connectionOf, type RoleAccount } from "./account.ts";
import { countSessions } from "./sessions.ts";
import type { Credential } from "./stack-file.ts";

export interface RoleStatus {
  readonly role: RoleKind;
  /** The user that is used. */
  readonly active: string;
  /** The day since which its credential is used: of a role that was never rotated, the day on which its cluster was created. */
  readonly since: string;
  readonly rotated: boolean;
  readonly days: number;
  readonly isOld: boolean;
  /** The user whose password an unfinished rotation still has to replace. */
  readonly retiring?: string;
  /** By user, as far as the users exist. */
  readonly sessions: Readonly<Record<string, number>>;
}

export interface StatusSubject {
  readonly account: RoleAccount;
  readonly address: DatabaseAddress;
  readonly postgres: { readonly database: string; readonly roles: Readonly<Record<RoleKind, string>> };
  readonly kinds: readonly RoleKind[];
  readonly credentials: Readonly<Partial<Record<RoleKind, Credential>>>;
  /** YYYY-MM-DD */
  readonly today: string;
}

/** @returns undefined where the account has no such database */
export async function readRoleStatus({
  account,
  address,
  postgres,
  kinds,
  credentials,
  today,
}: StatusSubject): Promise<readonly RoleStatus[] | undefined> {
  const { database, roles } = postgres;
  const cluster = await account.findCluster(address);
  if (cluster === undefined) return undefined;
  const users = kinds.flatMap((kind) => [userIn("a", roles[kind]), ...(credentials[kind] === undefined ? [] : [userIn("b", roles[kind])])]);
  const sessions = await countSessions(connectionOf(cluster, cluster.admin, database), users);
  return kinds.map((kind) => {
    const credential = credentials[kind];
    const own = [userIn("a", roles[kind]), userIn("b", roles[kind])].filter((user) => users.includes(user));
    return {
      role: kind,
      active: userIn(credential?.active ?? "a", roles[kind]),
      ...ageOf(credential, cluster.createdAt, today),
      ...(credential?.retiring !== undefined && { retiring: userIn(credential.retiring, roles[kind]) }),
      sessions: Object.fromEntries(own.map((user) => [user, sessions.get(user) ?? 0])),
    };
  });
}

/** @param createdAt The day on which the cluster was created, and its users with it or later. */
export function ageOf(credential: Pick<Credential, "since"> | undefined, createdAt: string, today: string) {
  const since = credential?.since ?? createdAt;
  const days = Math.max(0, daysBetween(since, today));
  return { since, rotated: credential?.since !== undefined, days, isOld: days > MOST_CREDENTIAL_DAYS };
}
