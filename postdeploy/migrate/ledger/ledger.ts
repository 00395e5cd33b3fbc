/**
 * What has been applied, in the database itself: an append-only list of events, each written in the transaction of what it reports.
 *
 * Nothing is ever changed or removed, so the history of an accepted edit or a revert stays; what holds now is the last word on each file
 * (`standing`). The view `applied` says the same to a person with psql.
 */
import { Failure } from "../../connect/failure.ts";
import { checkedName, literal } from "../../connect/quote.ts";
import type { Row, Session } from "../../connect/session.ts";
import { type DatabaseError, sqlstate } from "../../connect/sqlstate.ts";

/** The shape of these tables. A slipway that finds a higher number leaves the ledger alone. */
export const LEDGER_VERSION = 1;

export type EventKind =
  /** the file's transaction, or its last statement, is committed */
  | "applied"
  /** statement n of a file without a transaction is about to run, has ended well, has ended without any effect */
  | "started"
  | "done"
  | "failed"
  | "reverted"
  /** it was there before us: said by a person, who named the file */
  | "baselined"
  /** a line of a former ledger, kept as history */
  | "adopted"
  /** its text changed after it was applied, and a person gave the reason */
  | "accepted"
  /** its file is gone from the folder, and a person gave the reason */
  | "retired"
  /** what the schema looked like after a run */
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
  /** It took away what repeatable files make: they are to be applied again after it. */
  readonly repeats?: boolean;
  readonly at: string;
  readonly by: string;
}

export interface Ledger {
  /** Made with the ledger: two connections that read the same one are at the same database. */
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

  /** Everything, in one statement: it is read in the same message as the lock is taken. */
  get read(): string {
    return `SELECT a.id AS ledger, a.version, a.system, e.id, e.kind, e.file, e.checksum, e.meaning, e.statement, e.statements, e.fingerprint, e.note, e.repeats, e.at, e.by
      FROM ${this.schema}.about a LEFT JOIN ${this.schema}.events e ON true ORDER BY e.id`;
  }

  /** Safe to run again; the caller holds the lock. */
  create(system: string | undefined, schemaIsThere: boolean): string {
    const { schema } = this;
    // IF NOT EXISTS would ask for the right to make schemas even where nothing is to be made.
    return `${schemaIsThere ? "" : `CREATE SCHEMA ${schema};`}
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

  write(event: NewEvent): string {
    const { kind, file, checksum, meaning, statement, statements, fingerprint, note, repeats } = event;
    const text = [kind, file, checksum, meaning, fingerprint, note].map((value) => literal(value ?? null)).join(", ");
    return `INSERT INTO ${this.schema}.events (kind, file, checksum, meaning, fingerprint, note, statement, statements, repeats) VALUES (${text}, ${statement ?? "NULL"}, ${statements ?? "NULL"}, ${repeats ?? false});`;
  }
}

const ABSENT = new Set(["42P01", "3F000"]);

/** A column that is missing, a view of another shape, another kind of thing under our name. */
const OTHER_SHAPE = new Set(["42703", "42P16", "42809", "42P07", "42P10"]);

/** @returns undefined where the error says nothing of what is in the schema. */
export function foreignSchemaFailure(error: Error, { schema }: LedgerTable): Failure | undefined {
  return OTHER_SHAPE.has(sqlstate(error) ?? "")
    ? new Failure(
        "foreign-ledger",
        2,
        `The schema ${schema} holds something else than a ledger of slipway: ${error.message}. Nothing was touched. If it belongs to another application, keep the ledger under another name: --ledger slipway_ledger`,
        { cause: error },
      )
    : undefined;
}

/** @returns undefined when the database has no ledger yet. Throws what else the server said. */
export function parseLedger(
  rows: readonly Row[] | undefined,
  error: Error | undefined,
  table: LedgerTable,
  system: string | undefined,
): Ledger | undefined {
  if (error !== undefined) {
    if (ABSENT.has(sqlstate(error) ?? "")) return undefined;
    if (sqlstate(error) === "42501")
      throw new Failure(
        "ledger-closed",
        2,
        `${(error as DatabaseError).message}: this role may not read the ledger ${table.schema}. Connect as the owner of the migrations.`,
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
      `The ledger ${table.schema} was written by a newer slipway (ledger version ${version}, this one knows ${LEDGER_VERSION}). Nothing was touched. Update: npm install slipway@latest`,
    );
  const owner = first.system;
  if (system !== undefined && owner !== null && owner !== undefined && owner !== system)
    throw new Failure(
      "foreign-ledger",
      2,
      `The ledger ${table.schema} in this database belongs to ${owner}, and this run is for ${system}. Is it the right database? Two systems in one database keep a ledger each: --ledger slipway_${system}`,
    );
  return { id: first.ledger!, ...(owner ? { system: owner } : {}), events: rows!.filter((row) => row.id !== null).map(eventFrom) };
}

export async function readLedger(session: Session, table: LedgerTable, system?: string): Promise<Ledger | undefined> {
  const { replies, error } = await session.send(table.read);
  return parseLedger(replies[0]?.rows, error, table, system);
}

function eventFrom(row: Row): Event {
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
