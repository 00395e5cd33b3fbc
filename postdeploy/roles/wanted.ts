/**
 * Who may do what in one database, and how Postgres spells it.
 *
 * owner     makes and owns every object of the system
 * runtime   reads and writes rows, and nothing else: no TRUNCATE, no DDL
 * readonly  reads rows
 * backup    reads rows and the ledger of migrations, so that a dump is whole
 */
import type { Connection } from "../connect/target.ts";

export type RoleKind = "owner" | "runtime" | "readonly" | "backup";

export interface RolesOptions {
  /** As DigitalOcean's administrator, to the system's own database. */
  readonly connection: Connection;
  readonly database: string;
  /** The first heads the search path. */
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
  readonly roles: Readonly<Record<RoleKind, string>>;
  readonly statementTimeoutSeconds: number;
  /** @default "slipway" */
  readonly ledgerSchema?: string;
}

export type ObjectKind = "table" | "sequence" | "function";

/** What each role may do with the owner's objects. The owner's own rights are Postgres's affair. */
export const PRIVILEGES: Readonly<Record<ObjectKind, Readonly<Partial<Record<RoleKind, readonly string[]>>>>> = {
  table: { runtime: ["SELECT", "INSERT", "UPDATE", "DELETE"], readonly: ["SELECT"], backup: ["SELECT"] },
  sequence: { runtime: ["SELECT", "USAGE"], readonly: ["SELECT"], backup: ["SELECT"] },
  // Postgres lets everybody call a new function; here only who writes rows may.
  function: { runtime: ["EXECUTE"] },
};

/** The ledger is nobody's to write but the owner's; a dump needs to read it. */
export const LEDGER_PRIVILEGES: typeof PRIVILEGES = { table: { backup: ["SELECT"] }, sequence: { backup: ["SELECT"] }, function: {} };

export const KEYWORD: Readonly<Record<ObjectKind, string>> = { table: "TABLE", sequence: "SEQUENCE", function: "FUNCTION" };
