/**
 * The privileges of the four roles of a system.
 *
 * owner     creates and owns all objects of the system
 * runtime   reads and writes rows: no TRUNCATE, no DDL
 * readonly  reads rows
 * backup    reads rows and the migration ledger, so that a dump is complete
 */
import { alternateOf } from "../../catalog/alternate-user.ts";
import type { Connection } from "../connect/target.ts";

export type RoleKind = "owner" | "runtime" | "readonly" | "backup";

export interface RolesOptions {
  /** As the administrator (doadmin), to the database of the system. */
  readonly connection: Connection;
  readonly database: string;
  /** In the order of the search path. */
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
  readonly roles: Readonly<Record<RoleKind, string>>;
  readonly statementTimeoutSeconds: number;
}

/** A user of a role: the role itself, or the alternate that a rotation creates. */
export interface Holder {
  readonly name: string;
  readonly kind: RoleKind;
  /** Of an alternate: the role that it is a member of, and that has all of its privileges. */
  readonly memberOf?: string;
}

const KINDS: readonly RoleKind[] = ["owner", "runtime", "readonly", "backup"];

/** The roles of a system, and the names that their alternates have where these exist. */
export const holdersOf = (roles: RolesOptions["roles"]): readonly Holder[] =>
  KINDS.flatMap((kind) => [
    { name: roles[kind], kind },
    { name: alternateOf(roles[kind]), kind, memberOf: roles[kind] },
  ]);

/** The roles, and the alternates that a rotation created. */
export const existingHolders = (roles: RolesOptions["roles"], existing: { has(name: string): boolean }): readonly Holder[] =>
  holdersOf(roles).filter(({ name }) => existing.has(name));

export type ObjectKind = "table" | "sequence" | "function";

/** The privileges on the owner's objects. Ownership implies those of the owner. */
export const PRIVILEGES: Readonly<Record<ObjectKind, Readonly<Partial<Record<RoleKind, readonly string[]>>>>> = {
  table: { runtime: ["SELECT", "INSERT", "UPDATE", "DELETE"], readonly: ["SELECT"], backup: ["SELECT"] },
  sequence: { runtime: ["SELECT", "USAGE"], readonly: ["SELECT"], backup: ["SELECT"] },
  // By default every role can call a new function. Here only the runtime role can.
  function: { runtime: ["EXECUTE"] },
};

/** Only the owner writes the ledger. The backup role reads it for dumps. */
export const LEDGER_PRIVILEGES: typeof PRIVILEGES = { table: { backup: ["SELECT"] }, sequence: { backup: ["SELECT"] }, function: {} };

/** The database that DigitalOcean creates with a cluster, and that no system uses. */
export const DEFAULT_DATABASE = "defaultdb";

/**
 * An idle transaction keeps its locks, so it makes migrations fail, and keeps dead rows from being removed. statement_timeout also limits how long a
 * statement waits for a lock, so lock_timeout has no default here.
 */
export const IDLE_IN_TRANSACTION_TIMEOUT = "60s";

export const KEYWORD: Readonly<Record<ObjectKind, string>> = { table: "TABLE", sequence: "SEQUENCE", function: "FUNCTION" };
