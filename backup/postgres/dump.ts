/** Dumps a database, and reads in the same snapshot what the dump must contain. */
import { PassThrough, type Readable } from "node:stream";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { identifier } from "../../postdeploy/connect/quote.ts";
import { open, type Session } from "../../postdeploy/connect/session.ts";
import { sqlstate } from "../../postdeploy/connect/sqlstate.ts";
import { type Connection, nameOf } from "../../postdeploy/connect/target.ts";
import type { Compression, PostgresContents } from "../manifest.ts";
import { type PostgresClients, supportsZstd } from "./clients.ts";
import {
  listTables,
  READER_SETTINGS,
  readIdentification,
  readLargeObjects,
  readSchema,
  readSequences,
  readTables,
  type TableName,
} from "./contents.ts";
import { readOrigin } from "./origin.ts";
import { runProgram } from "./programs.ts";
import { checkReadable } from "./readable.ts";

export interface Dump {
  /** Ends only if pg_dump succeeded; otherwise it fails, so that nothing takes a part of a dump for a whole one. */
  readonly archive: Readable;
  readonly compression: Compression;
  readonly origin: string | undefined;
  /** Of the source when the dump began. */
  readonly databaseBytes: number;
  readonly contents: Promise<PostgresContents>;
  /** Ends everything. Safe to call twice. */
  close(): Promise<void>;
}

/** A migration may hold a lock for that long. */
const LOCK_TIMEOUT_SECONDS = 60;
const ATTEMPTS = 5;
/** Level 3, the default, takes 2.4 times the processor time of pg_dump, and made the dump of the benchmark larger. */
const COMPRESSION = "zstd:1";

/** Two connections: one holds the snapshot and counts, the other is pg_dump's. */
export async function startDump(connection: Connection, findClients: (major: number) => Promise<PostgresClients>): Promise<Dump> {
  const session = await open(connection, { application: "slipway backup", settings: READER_SETTINGS });
  try {
    // They are looked for while the server takes the snapshot.
    const clients = findClients(await readMajor(session)).then(async (found) => ({ found, dumpsZstd: await supportsZstd(found) }));
    clients.catch(() => {});
    const origin = await readOrigin(session);
    const { tables, snapshot } = await takeSnapshot(session);
    const { underPolicies } = await checkReadable(session);
    const identification = await readIdentification(session);
    const [size] = await session.query<{ bytes: string }>("SELECT pg_database_size(current_database())::text AS bytes");
    // Sequences are not part of a snapshot. Read first, they are at most as far as in the dump.
    const sequences = await readSequences(session);
    const { found, dumpsZstd } = await clients;

    const { child, finished } = runProgram(found, "pg_dump", {
      connection,
      purpose: "The dump",
      args: [
        ...["--format=custom", `--compress=${dumpsZstd ? COMPRESSION : "0"}`, "--no-password", `--snapshot=${snapshot}`],
        `--lock-wait-timeout=${LOCK_TIMEOUT_SECONDS * 1000}`,
        ...(underPolicies ? ["--enable-row-security"] : []),
      ],
    });
    const archive = new PassThrough({ highWaterMark: 2 ** 20 });
    archive.on("error", () => {});
    const contents = read(session, { tables, identification, sequences, client: found.version }).catch((error: Error) => {
      throw new Failure(
        "source-failed",
        1,
        `Reading ${nameOf(session.target)} failed, and no backup was made: ${error.message}. Try again.`,
        { cause: error },
      );
    });
    child.stdout!.pipe(archive, { end: false });
    finished.then(
      () => archive.end(),
      (error: Error) => archive.destroy(error),
    );
    contents.catch((error: Error) => archive.destroy(error));
    archive.once("close", () => {
      if (child.exitCode === null) child.kill("SIGKILL");
    });
    return {
      ...{ archive, origin },
      compression: dumpsZstd ? "pg_dump" : "zstd",
      databaseBytes: Number(size!.bytes),
      contents,
      async close() {
        archive.destroy();
        await finished.catch(() => {});
        session.destroy();
      },
    };
  } catch (error) {
    session.destroy();
    throw sqlstate(error) === "55P03" ? lockFailure(error) : error;
  }
}

async function readMajor(session: Session): Promise<number> {
  const [row] = await session.query<{ number: string }>("SELECT current_setting('server_version_num') AS number");
  return Math.floor(Number(row!.number) / 10_000);
}

/**
 * Locks every table before the snapshot: a TRUNCATE or a rewriting ALTER TABLE between the snapshot and pg_dump's own locks would make a table look
 * empty, and a changed policy would hide rows.
 */
async function takeSnapshot(session: Session): Promise<{ tables: readonly TableName[]; snapshot: string }> {
  for (let attempt = 1; ; attempt++) {
    const listed = await listTables(session);
    await session.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    try {
      await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT_SECONDS}s'`);
      if (listed.length > 0) await session.query(`LOCK TABLE ${listed.map(formatOnly).join(", ")} IN ACCESS SHARE MODE`);
      const [row] = await session.query<{ snapshot: string }>("SELECT pg_export_snapshot() AS snapshot");
      const tables = await listTables(session);
      if (sameTables(listed, tables)) return { tables, snapshot: row!.snapshot };
    } catch (error) {
      // The table was dropped meanwhile: list again.
      if (sqlstate(error) === "42501") await explainDenied(session);
      if (sqlstate(error) !== "42P01") throw error;
    }
    await session.query("ROLLBACK");
    if (attempt === ATTEMPTS)
      throw new Failure(
        "schema-changes",
        1,
        "Tables are created and dropped all the time, so no consistent backup could begin. Try again later.",
      );
  }
}

/** A table that may not be locked may not be read either. @throws which ones */
async function explainDenied(session: Session): Promise<void> {
  await session.query("ROLLBACK");
  await checkReadable(session);
}

const formatOnly = ({ schema, name }: TableName): string => `ONLY ${identifier(schema)}.${identifier(name)}`;
const sameTables = (one: readonly TableName[], other: readonly TableName[]): boolean => {
  const keys = (tables: readonly TableName[]) => JSON.stringify(tables.map(({ schema, name }) => [schema, name]).sort());
  return keys(one) === keys(other);
};

type KnownContents = Pick<PostgresContents, "sequences" | "client"> & {
  readonly tables: readonly TableName[];
  readonly identification: Awaited<ReturnType<typeof readIdentification>>;
};

async function read(session: Session, { tables, identification, sequences, client }: KnownContents): Promise<PostgresContents> {
  const schema = await readSchema(session);
  const counted = await readTables([session], tables);
  const largeObjects = await readLargeObjects(session);
  return { ...identification, ...schema, client, sequences, largeObjects, tables: counted };
}

const lockFailure = (cause: unknown) =>
  new Failure(
    "locked-table",
    1,
    `A table was locked for more than ${LOCK_TIMEOUT_SECONDS} seconds, perhaps by a migration. No backup was made: run it again later.`,
    { cause },
  );
