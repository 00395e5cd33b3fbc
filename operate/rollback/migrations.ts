/** The migrations that were applied since a deployment, and what they mean for a return to it. */
import { existsSync } from "node:fs";
import { type Session, withSession } from "../../postdeploy/connect/session.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import { foldEvents, type LedgerEntry } from "../../postdeploy/migrate/ledger/history.ts";
import { type Event, LedgerTable, readLedger } from "../../postdeploy/migrate/ledger/ledger.ts";
import { buildFileSet } from "../../postdeploy/migrate/lint/file-set.ts";
import { type Folder, type MigrationFile, readFolder } from "../../postdeploy/migrate/read/files.ts";
import { positionAt } from "../../postdeploy/migrate/read/position.ts";
import { parseFile } from "../../postdeploy/migrate/read/prepare.ts";
import type { System } from "../../systems/definition.ts";
import { findBreak, findLosses, type Loss } from "./effects.ts";

export interface LaterMigration {
  readonly file: string;
  readonly at: Date;
  /** "only adds", or the reason in the file; undefined: the older version may not work with it. */
  readonly compatible: string | undefined;
  /** What the older version may not work with. */
  readonly breaks: readonly string[];
  /** Whether there is a down migration, or the reason why not. */
  readonly back: true | string;
  /** What the down migration loses now. */
  readonly losses: readonly ActualLoss[];
}

export interface ActualLoss extends Loss {
  /** "12 rows of public.notes" */
  readonly text: string;
}

export interface LaterMigrations {
  /** In the order in which they were applied. */
  readonly applied: readonly LaterMigration[];
  /** Files that the older version was deployed with, and that were reverted since. */
  readonly reverted: readonly string[];
}

export interface MigrationSource {
  readonly system: System;
  readonly connection: Connection;
  readonly folder: string;
}

const NONE: LaterMigrations = { applied: [], reverted: [] };

export async function readLaterMigrations({ system, connection, folder }: MigrationSource, since: Date): Promise<LaterMigrations> {
  if (!existsSync(folder)) return NONE;
  return await withSession(connection, { application: "slipway rollback", settings: { statement_timeout: "30s" } }, async (session) => {
    const ledger = await readLedger(session, new LedgerTable(), system.name);
    if (ledger === undefined) return NONE;
    const [before, now] = [foldEvents(ledger.events.filter((event) => timeOf(event) <= since)), foldEvents(ledger.events)];
    const files = readFolder(folder);
    const later = [...now.values()].filter((entry) => isLater(entry, before.get(entry.file)));
    const schemas = system.postgres.schemas;
    return {
      applied: await describeAll(later, files, { session, schemas }),
      reverted: [...before.keys()].filter((file) => !now.has(file) && !file.endsWith(".down.sql")),
    };
  });
}

export const timeOf = ({ at }: Pick<Event, "at">): Date => new Date(at.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));

/** A repeatable file that was applied again with the same text makes no difference. */
const isLater = ({ file, state, id, checksum }: LedgerEntry, before: LedgerEntry | undefined): boolean =>
  (state === "applied" || state === "running") &&
  !file.endsWith(".down.sql") &&
  (before === undefined || (before.id !== id && before.checksum !== checksum));

interface Described {
  readonly session: Session;
  readonly schemas: readonly string[];
}

async function describeAll(later: readonly LedgerEntry[], folder: Folder, context: Described): Promise<readonly LaterMigration[]> {
  const files = later.map((entry) => ({ entry, file: folder.files.find(({ name }) => name === entry.file) }));
  const parsed = new Map<string, Awaited<ReturnType<typeof parseFile>>["statements"]>();
  for (const { file } of files) if (file !== undefined) parsed.set(file.name, (await parseFile(file)).statements);
  const set = buildFileSet([...parsed.values()].flat());
  const described: LaterMigration[] = [];
  for (const { entry, file } of files) {
    const about = { file: entry.file, at: timeOf(entry) };
    if (file === undefined) {
      const reason = `it is not in ${folder.path}: check out the commit that has it`;
      described.push({ ...about, compatible: undefined, breaks: [reason], back: reason, losses: [] });
      continue;
    }
    const breaks = parsed.get(file.name)!.flatMap((statement) => findBreak(statement, set) ?? []);
    const declared = file.header.compatible;
    described.push({
      ...about,
      compatible: declared ?? (breaks.length === 0 && entry.state === "applied" ? "it only adds" : undefined),
      breaks: entry.state === "running" ? ["it stopped half way: slipway migrate up finishes it", ...breaks] : breaks,
      back: reversibilityOf(file),
      losses: file.down === undefined ? [] : await lossesOf(file.down, context),
    });
  }
  return described;
}

function reversibilityOf({ kind, name, down, header: { irreversible } }: MigrationFile): true | string {
  if (down !== undefined) return true;
  if (irreversible !== undefined) return `it is irreversible: ${irreversible}`;
  return kind === "repeatable" ? `the earlier text of ${name} is in version control only` : "it has no down migration";
}

async function lossesOf(down: NonNullable<MigrationFile["down"]>, { session, schemas }: Described): Promise<readonly ActualLoss[]> {
  const { statements } = await parseFile(down);
  const losses: ActualLoss[] = [];
  for (const statement of statements)
    for (const loss of findLosses(statement, `${down.name}:${positionAt(down.text, statement.start).line}`)) {
      const text = await describeLoss(loss, { session, schemas });
      if (text !== undefined && !losses.some(({ name }) => name === loss.name)) losses.push({ ...loss, text });
    }
  return losses;
}

const MOST_COUNTED = 1_000_000;

/** @returns undefined where there is nothing to lose: the table is empty, or the column has no values */
async function describeLoss({ name, table, column }: Loss, { session, schemas }: Described): Promise<string | undefined> {
  if (table === undefined) return `what ${name} changes or removes`;
  const what = column === undefined ? `rows of ${table}` : `values of ${name}`;
  const condition = column === undefined ? "" : ` WHERE ${column} IS NOT NULL`;
  try {
    await session.query(`SELECT set_config('search_path', $1, false)`, [schemas.join(", ")]);
    const [row] = await session.query<{ count: string }>(
      `SELECT count(*)::text AS count FROM (SELECT FROM ${table}${condition} LIMIT ${MOST_COUNTED + 1}) AS counted`,
    );
    const count = Number(row!.count);
    if (count === 0) return undefined;
    return count > MOST_COUNTED ? `more than ${MOST_COUNTED} ${what}` : `${count} ${what}`;
  } catch {
    // It does not exist at this point, is a view, or counting takes too long.
    return `all ${what}`;
  }
}
