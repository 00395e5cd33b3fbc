/**
 * The ledger: an append-only table of events in the migrated database. Each event is written in the transaction that it records.
 *
 * history.ts folds the events into the current state of each file. The view `applied` shows the same in psql.
 */
import { Failure } from "../../connect/failure.ts";
import { checkedName, literal } from "../../connect/quote.ts";
import type { Row, Session } from "../../connect/session.ts";
import { type DatabaseError, sqlstate } from "../../connect/sqlstate.ts";

/** The version of these tables. An older slipway rejects a ledger with a higher version. */
const LEDGER_VERSION = 1;

type EventKind =
  /** the transaction of the file, or its last statement, is committed */
  | "applied"
  /** statement n of a non-transactional file starts, succeeded, or failed without effect */
  | "started"
  | "done"
  | "failed"
  | "reverted"
  /** the operator declared the file as applied before slipway */
  | "baselined"
  /** an entry of a former ledger, kept as history */
  | "adopted"
  /** the file changed after it was applied, and the operator accepted the change */
  | "accepted"
  /** the file is no longer in the folder, and the operator confirmed it */
  | "retired"
  /** the fingerprint of the schema after a run */
  | "measured";

export interface Event {
  readonly id: number;
  readonly kind: EventKind;
  readonly file: string;
  readonly checksum?: string;
  readonly meaning?: string;
  readonly statement?: number;
  readonly statements?: number;
  readonly fingerprint?: string;
  readonly note?: string;
  /** The file may have dropped objects of repeatable files, so they are applied again. */
  readonly repeats?: boolean;
  readonly at: string;
  readonly by: string;
}

export interface Ledger {
  /** Identifies the database: two connections that read the same id reach the same database. */
  readonly id: string;
  readonly system?: string;
  readonly events: readonly Event[];
}

export type NewEvent = Omit<Event, "id" | "at" | "by">;

export class LedgerTable {
  readonly schema: string;

  constructor(schema = "slipway") {
    this.schema = checkedName(schema, "ledger schema");
  }

  /** One statement, so that it fits in the message that acquires the lock. */
  get selectSql(): string {
    return `SELECT a.id AS ledger, a.version, a.system, e.id, e.kind, e.file, e.checksum, e.meaning, e.statement, e.statements, e.fingerprint, e.note, e.repeats, e.at, e.by
      FROM ${this.schema}.about a LEFT JOIN ${this.schema}.events e ON true ORDER BY e.id`;
  }

  /** Fails if the table exists: another run created it, and holds the lock. */
  createLockSql(schemaExists: boolean): string {
    // CREATE SCHEMA IF NOT EXISTS requires the CREATE privilege even if the schema exists.
    return `${schemaExists ? "" : `CREATE SCHEMA ${this.schema};`}
      CREATE TABLE ${this.schema}.lock (
        one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
        key bigint NOT NULL DEFAULT ('x' || right(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint);
      INSERT INTO ${this.schema}.lock DEFAULT VALUES;`;
  }

  /** Idempotent. The caller holds the lock. */
  createSql(system: string | undefined): string {
    const { schema } = this;
    return `
      CREATE TABLE IF NOT EXISTS ${schema}.about (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        version int NOT NULL,
        system text,
        made_at timestamptz NOT NULL DEFAULT clock_timestamp());
      CREATE TABLE IF NOT EXISTS ${schema}.events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL,
        file text NOT NULL,
        checksum text,
        meaning text,
        statement int,
        statements int,
        fingerprint text,
        note text,
        repeats boolean NOT NULL DEFAULT false,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        by text NOT NULL DEFAULT session_user,
        application text NOT NULL DEFAULT current_setting('application_name'));
      CREATE TABLE IF NOT EXISTS ${schema}.schema_objects (
        event bigint PRIMARY KEY,
        objects jsonb NOT NULL);
      CREATE OR REPLACE VIEW ${schema}.applied AS
        SELECT file, kind AS how, at, by, checksum, note FROM (
          SELECT DISTINCT ON (file) * FROM ${schema}.events WHERE kind NOT IN ('measured', 'started', 'done', 'failed') ORDER BY file, id DESC
        ) last WHERE kind NOT IN ('reverted', 'retired') ORDER BY id;
      INSERT INTO ${schema}.about (version, system) SELECT ${LEDGER_VERSION}, ${literal(system ?? null)}
        WHERE NOT EXISTS (SELECT FROM ${schema}.about);`;
  }

  insertSql(event: NewEvent): string {
    const { kind, file, checksum, meaning, statement, statements, fingerprint, note, repeats } = event;
    const text = [kind, file, checksum, meaning, fingerprint, note].map((value) => literal(value ?? null)).join(", ");
    return `INSERT INTO ${this.schema}.events (kind, file, checksum, meaning, fingerprint, note, statement, statements, repeats) VALUES (${text}, ${statement ?? "NULL"}, ${statements ?? "NULL"}, ${repeats ?? false});`;
  }
}

const NO_LEDGER = new Set(["42P01", "3F000"]);

/** Whether the error means that a table of the ledger does not exist. */
export function isMissing(error: Error): boolean {
  return NO_LEDGER.has(sqlstate(error) ?? "");
}

/** A missing column, a view with other columns, or another kind of object with the name. */
const FOREIGN_OBJECT = new Set(["42703", "42P16", "42809", "42P07", "42P10"]);

/** @returns a failure if the error means that the schema contains objects of another application. */
export function foreignSchemaFailure(error: Error, { schema }: LedgerTable): Failure | undefined {
  return FOREIGN_OBJECT.has(sqlstate(error) ?? "")
    ? new Failure(
        "foreign-ledger",
        2,
        `Schema ${schema} does not contain a slipway ledger: ${error.message}. Nothing was changed. If the schema belongs to another application, use another schema for the ledger: --ledger slipway_ledger`,
        { cause: error },
      )
    : undefined;
}

/** @returns undefined if the database has no ledger yet. @throws every other error of the server. */
export function parseLedger(
  rows: readonly Row[] | undefined,
  error: Error | undefined,
  table: LedgerTable,
  system: string | undefined,
): Ledger | undefined {
  if (error !== undefined) {
    if (isMissing(error)) return undefined;
    if (sqlstate(error) === "42501")
      throw new Failure(
        "ledger-closed",
        2,
        `This role cannot read the ledger in schema ${table.schema}: ${(error as DatabaseError).message}. Connect as the owner of the migrations.`,
        { cause: error },
      );
    throw foreignSchemaFailure(error, table) ?? error;
  }
  const [first] = rows ?? [];
  if (first === undefined) return undefined;
  const version = Number(first.version);
  if (version > LEDGER_VERSION)
    throw new Failure(
      "newer-ledger",
      2,
      `The ledger in schema ${table.schema} was written by a newer slipway (ledger version ${version}, supported: ${LEDGER_VERSION}). Nothing was changed. Update: npm install slipway@latest`,
    );
  const owner = first.system;
  if (system !== undefined && owner !== null && owner !== undefined && owner !== system)
    throw new Failure(
      "foreign-ledger",
      2,
      `The ledger in schema ${table.schema} belongs to ${owner}, but this run is for ${system}. Check the database. If two systems share it, give each its own ledger: --ledger slipway_${system}`,
    );
  return { id: first.ledger!, ...(owner ? { system: owner } : {}), events: rows!.filter((row) => row.id !== null).map(parseEvent) };
}

export async function readLedger(session: Session, table: LedgerTable, system?: string): Promise<Ledger | undefined> {
  const { replies, error } = await session.send(table.selectSql);
  return parseLedger(replies[0]?.rows, error, table, system);
}

function parseEvent(row: Row): Event {
  const text = (name: "checksum" | "meaning" | "fingerprint" | "note") => (row[name] == null ? {} : { [name]: row[name] });
  const count = (name: "statement" | "statements") => (row[name] == null ? {} : { [name]: Number(row[name]) });
  return {
    id: Number(row.id),
    kind: row.kind as EventKind,
    file: row.file!,
    at: row.at!,
    by: row.by!,
    ...text("checksum"),
    ...text("meaning"),
    ...text("fingerprint"),
    ...text("note"),
    ...(row.repeats === "t" ? { repeats: true } : {}),
    ...count("statement"),
    ...count("statements"),
  };
}
