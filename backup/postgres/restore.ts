/**
 * Restores a dump into a new database, compares it with the manifest, and only then gives it its name. A restore that is killed leaves a database
 * with another name, which the next one removes.
 */
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { identifier, literal } from "../../postdeploy/connect/quote.ts";
import { open, type Session } from "../../postdeploy/connect/session.ts";
import { sqlstate } from "../../postdeploy/connect/sqlstate.ts";
import { type Connection, nameOf, targetOf } from "../../postdeploy/connect/target.ts";
import { connectionTo, dropStaleDatabases, nameTemporaryDatabase } from "../../postdeploy/connect/temporary-database.ts";
import type { PostgresContents } from "../manifest.ts";
import type { PostgresClients } from "./clients.ts";
import { compareContents, missingRoles } from "./compare.ts";
import { READER_SETTINGS, readContents } from "./contents.ts";
import { runProgram } from "./programs.ts";

export interface PostgresRestore {
  /** To any database of the target server, as a role that may create databases. */
  readonly server: Connection;
  /** Which must not exist. */
  readonly database: string;
  readonly contents: PostgresContents;
  readonly findClients: (major: number) => Promise<PostgresClients>;
  /** Creates missing roles, without a password and without LOGIN. @default they are a failure */
  readonly createRoles?: boolean;
  /** Everything belongs to the role that restores, without grants. */
  readonly withoutOwners?: boolean;
  /** @default the number of processors */
  readonly jobs?: number;
}

export interface PostgresRestored {
  readonly database: string;
  readonly tables: number;
  readonly rows: number;
  readonly createdRoles: readonly string[];
  readonly serverVersion: string;
}

const NAME = /^[^\0]{1,63}$/;
/** Longer than any restore takes. */
const STALE_MS = 24 * 3_600_000;
const UNFINISHED = "slipway_restore";

/** @param openArchive called once the target is ready; the archive that pg_dump wrote */
export async function restorePostgres(options: PostgresRestore, openArchive: () => Promise<Readable>): Promise<PostgresRestored> {
  const { server, database, contents, withoutOwners = false, jobs = availableParallelism() } = options;
  if (!NAME.test(database)) throw new Failure("bad-name", 2, `"${database}" is not a name for a database.`);
  const admin = await open(server, { application: "slipway restore" });
  const unfinished = nameTemporaryDatabase(UNFINISHED);
  try {
    const major = await checkServer(admin, options);
    await dropStaleDatabases(admin, UNFINISHED, STALE_MS);
    const createdRoles = await prepareRoles(admin, options);
    await createDatabase(admin, unfinished, contents);
    const restored = connectionTo(server, unfinished);
    try {
      const archive = await openArchive();
      if (!withoutOwners) await letOwnersCreate(restored, contents);
      await load(restored, archive, { ...options, jobs, major });
      if (!withoutOwners) await takeBackCreate(restored, contents);
      // At least one: a table that is not in the backup must be found as well.
      const found = await analyzeAndRead(restored, Math.max(1, Math.min(jobs, contents.tables.length)));
      const differences = compareContents(contents, found, { withoutOwners });
      if (differences.length > 0) throw differenceFailure(contents.database, differences);
      await admin.query(`ALTER DATABASE ${identifier(unfinished)} RENAME TO ${identifier(database)}`);
      return {
        ...{ database, createdRoles, serverVersion: found.server.version, tables: found.tables.length },
        rows: found.tables.reduce((sum, { rows }) => sum + rows, 0),
      };
    } catch (error) {
      await admin.query(`DROP DATABASE IF EXISTS ${identifier(unfinished)} WITH (FORCE)`).catch(() => {});
      throw error;
    }
  } finally {
    await admin.end();
  }
}

/** @returns the server's major version */
async function checkServer(admin: Session, { server, database, contents }: PostgresRestore): Promise<number> {
  const [row] = await admin.query<{ number: string; taken: boolean; creates: boolean }>(
    `SELECT current_setting('server_version_num') AS number, EXISTS (SELECT FROM pg_database WHERE datname = $1) AS taken,
            (SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user) AS creates`,
    [database],
  );
  const major = Math.floor(Number(row!.number) / 10_000);
  const where = nameOf(targetOf(server));
  if (row!.taken)
    throw new Failure(
      "database-exists",
      2,
      `Database ${database} exists on ${where}. A backup is restored into a new database only: name another one with --into.`,
    );
  if (!row!.creates)
    throw new Failure(
      "no-createdb",
      2,
      `The role of ${where} may not create a database. Connect as the administrator, at DigitalOcean doadmin.`,
    );
  if (major < contents.server.major)
    throw new Failure(
      "older-server",
      2,
      `The backup is from Postgres ${contents.server.version}, and ${where} has ${major}, which is older. Restore it on ${contents.server.major} or newer.`,
    );
  return major;
}

async function prepareRoles(
  admin: Session,
  { contents, createRoles = false, withoutOwners = false, server }: PostgresRestore,
): Promise<string[]> {
  if (withoutOwners) return [];
  const existing = new Set((await admin.query<{ name: string }>("SELECT rolname AS name FROM pg_roles")).map(({ name }) => name));
  const missing = missingRoles(contents, existing);
  if (missing.length === 0) return [];
  if (!createRoles)
    throw new Failure(
      "missing-roles",
      2,
      `The backup has objects and grants of roles that ${nameOf(targetOf(server))} does not have: ${missing.join(", ")}. ` +
        "Deploy the stack first, whose roles step creates them; or create them without a login: --create-roles; or restore without owners and grants: --no-owner",
    );
  const isSuperuser = await readIsSuperuser(admin);
  // Two restores at once can create the same role.
  for (const name of missing)
    await admin.query(`CREATE ROLE ${identifier(name)} NOLOGIN`).catch((error) => {
      if (!["42710", "23505"].includes(sqlstate(error) ?? "")) throw error;
    });
  for (const { name, attributes, memberOf } of contents.roles.filter((role) => missing.includes(role.name))) {
    for (const role of memberOf.filter((one) => existing.has(one) || missing.includes(one)))
      await admin.query(`GRANT ${identifier(role)} TO ${identifier(name)}`);
    // Only a member gives objects to a role. From Postgres 16 on, a role that creates another is no member of it.
    if (!isSuperuser) await admin.query(`GRANT ${identifier(name)} TO CURRENT_USER`);
    if (attributes.includes("BYPASSRLS")) await admin.query(`ALTER ROLE ${identifier(name)} BYPASSRLS`).catch(() => {});
  }
  return missing;
}

/**
 * An administrator who is no superuser, such as doadmin, gives an object only to a role that may create objects in its schema. pg_restore grants that
 * last. So the owners may create objects in every schema during a restore.
 */
async function letOwnersCreate(connection: Connection, contents: PostgresContents): Promise<void> {
  await asAdministrator(connection, contents, async (session, owners) => {
    const roles = owners.map(identifier).join(", ");
    await session.query(`ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO ${roles}`);
    await session.query(`GRANT CREATE ON SCHEMA public TO ${roles}`);
  });
}

async function takeBackCreate(connection: Connection, contents: PostgresContents): Promise<void> {
  await asAdministrator(connection, contents, async (session, owners) => {
    await session.query(`ALTER DEFAULT PRIVILEGES REVOKE CREATE ON SCHEMAS FROM ${owners.map(identifier).join(", ")}`);
    const found = await session.query<{ schema: string; role: string; label: string; grantee: string }>(
      `SELECT nspname AS schema, rolname AS role, 'schema ' || quote_ident(nspname) AS label, quote_ident(rolname) AS grantee
         FROM pg_namespace n CROSS JOIN LATERAL aclexplode(nspacl) JOIN pg_roles r ON r.oid = grantee
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND privilege_type = 'CREATE' AND grantee <> nspowner AND rolname = ANY ($1)`,
      [owners],
    );
    for (const { schema, role, label, grantee } of found) {
      const grants = contents.schema.find(({ kind, name }) => kind === "grants" && name === label)?.definition.split(", ") ?? [];
      const isInBackup = grants.some((grant) => grant.startsWith(`${grantee}=`) && /=[A-Za-z*]*C/.test(grant));
      if (!isInBackup) await session.query(`REVOKE CREATE ON SCHEMA ${identifier(schema)} FROM ${identifier(role)}`);
    }
  });
}

/** Calls `work` with the other owners of what is in the backup, unless the role is a superuser, who needs no grants. */
async function asAdministrator(
  connection: Connection,
  { schema, roles }: PostgresContents,
  work: (session: Session, owners: readonly string[]) => Promise<void>,
): Promise<void> {
  const session = await open(connection, { application: "slipway restore" });
  try {
    if (await readIsSuperuser(session)) return;
    const owning = new Set(schema.filter(({ kind }) => kind === "owner").map(({ definition }) => definition.replace(/^"(.*)"$/, "$1")));
    const names = roles.map(({ name }) => name).filter((name) => owning.has(name));
    const others = await session.query<{ name: string }>(
      "SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ($1) AND rolname <> current_user",
      [names],
    );
    const owners = others.map(({ name }) => name);
    if (owners.length > 0) await work(session, owners);
  } finally {
    await session.end();
  }
}

async function readIsSuperuser(session: Session): Promise<boolean> {
  const [row] = await session.query<{ super: boolean }>("SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user");
  return row!.super;
}

/** Sorting and comparing text depend on the locale: indexes and constraints need the one that they were made with. */
async function createDatabase(
  admin: Session,
  name: string,
  { encoding, collate, ctype, provider, locale, server }: PostgresContents,
): Promise<void> {
  const icu = provider === "i" && locale !== null ? ` LOCALE_PROVIDER icu ICU_LOCALE ${literal(locale)}` : "";
  const builtin = provider === "b" && locale !== null ? ` LOCALE_PROVIDER builtin BUILTIN_LOCALE ${literal(locale)}` : "";
  try {
    await admin.query(
      `CREATE DATABASE ${identifier(name)} TEMPLATE template0 ENCODING ${literal(encoding)} LC_COLLATE ${literal(collate)} LC_CTYPE ${literal(ctype)}${icu}${builtin}`,
    );
  } catch (error) {
    if (sqlstate(error) !== "22023" && sqlstate(error) !== "42809") throw error;
    throw new Failure(
      "no-locale",
      1,
      `The database of the backup sorts by locale ${locale ?? collate} (Postgres ${server.version}), which this server does not have: ${(error as Error).message}. Restore it on a server with this locale.`,
      { cause: error },
    );
  }
}

type LoadOptions = PostgresRestore & { readonly major: number; readonly jobs: number };

async function load(connection: Connection, archive: Readable, options: LoadOptions): Promise<void> {
  const { contents, findClients, major, withoutOwners = false, jobs } = options;
  // A client reads no archive of a newer one.
  const clients = await findClients(Math.max(major, Number.parseInt(contents.client, 10)));
  // A materialized view is filled as its owner, under the policies that apply to it, as it was in the source.
  const common = ["--enable-row-security", ...(withoutOwners ? ["--no-owner", "--no-privileges"] : [])];
  // pg_restore 17 and newer set transaction_timeout, which older servers do not know.
  if (clients.major >= 17 && major < 17) return await loadAsText(connection, archive, { clients, args: common });
  if (jobs === 1) {
    const { child, finished } = runProgram(clients, "pg_restore", {
      connection,
      args: ["--exit-on-error", "--no-password", `--dbname=${databaseOf(connection)}`, ...common],
      input: "pipe",
      purpose: "The restore",
    });
    await feed(archive, child.stdin!, finished);
    return;
  }
  // Several processes read it at once, each at its own place.
  const folder = mkdtempSync(join(tmpdir(), "slipway-restore-"));
  try {
    const file = join(folder, "archive");
    await pipeline(archive, createWriteStream(file, { mode: 0o600, highWaterMark: 2 ** 20 })).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOSPC") throw error;
      throw new Failure(
        "disk-full",
        1,
        `There is no space for the dump of ${contents.database} in ${tmpdir()}. Free space, set TMPDIR, or restore with --jobs 1.`,
        { cause: error },
      );
    });
    await runProgram(clients, "pg_restore", {
      connection,
      args: ["--exit-on-error", "--no-password", `--dbname=${databaseOf(connection)}`, `--jobs=${jobs}`, ...common, file],
      purpose: "The restore",
    }).finished;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const databaseOf = (connection: Connection): string => targetOf(connection).database;

async function loadAsText(
  connection: Connection,
  archive: Readable,
  { clients, args }: { readonly clients: PostgresClients; readonly args: readonly string[] },
): Promise<void> {
  const script = runProgram(clients, "pg_restore", { connection, args: ["--file=-", ...args], input: "pipe", purpose: "Reading the dump" });
  const psql = runProgram(clients, "psql", {
    connection,
    args: ["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--output=/dev/null"],
    input: "pipe",
    purpose: "The restore",
  });
  await Promise.all([
    feed(archive, script.child.stdin!, script.finished),
    // A script that was cut off would be run up to there.
    pipeline(script.child.stdout!, withoutTransactionTimeout(), psql.child.stdin!).catch(() => {}),
    psql.finished.catch((error: Error) => {
      script.child.kill("SIGKILL");
      throw error;
    }),
  ]);
}

const HEAD_BYTES = 64 * 1024;

/** Removes the line from the settings at the top of the script, which are shorter than that, and not from data. */
function withoutTransactionTimeout(): Transform {
  let head: Buffer | undefined = Buffer.alloc(0);
  const cleaned = (text: Buffer) => Buffer.from(text.toString("latin1").replace(/^SET transaction_timeout = 0;$/m, ""), "latin1");
  return new Transform({
    transform(chunk: Buffer, _, done) {
      if (head === undefined) return done(null, chunk);
      head = Buffer.concat([head, chunk]);
      if (head.length < HEAD_BYTES) return done();
      const full = head;
      head = undefined;
      done(null, cleaned(full));
    },
    flush(done) {
      done(null, head && cleaned(head));
    },
  });
}

/** Writes an archive to a program. If either fails, the other ends, and the first reason counts. */
async function feed(archive: Readable, input: NodeJS.WritableStream, finished: Promise<void>): Promise<void> {
  let failure: unknown;
  const fed = pipeline(archive, input).catch((error: NodeJS.ErrnoException) => {
    // The program ended first, and says why.
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_PREMATURE_CLOSE") failure = error;
  });
  const ended = finished.catch((error: unknown) => {
    archive.destroy();
    failure ??= error;
  });
  await Promise.all([fed, ended]);
  if (failure) throw failure;
}

/** One connection analyzes while the others read, because neither keeps more than one processor of a small server busy. */
async function analyzeAndRead(connection: Connection, tableReaderCount: number): Promise<Omit<PostgresContents, "client">> {
  const opened = await Promise.allSettled(Array.from({ length: tableReaderCount + 2 }, () => openReader(connection)));
  const sessions = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  try {
    for (const result of opened) if (result.status === "rejected") throw result.reason;
    const [analyzer, reader, ...tableReaders] = sessions as [Session, Session, ...Session[]];
    const [contents] = await Promise.all([readContents(reader, tableReaders), analyzer.query("ANALYZE")]);
    return contents;
  } finally {
    await Promise.all(sessions.map((session) => session.end()));
  }
}

async function openReader(connection: Connection): Promise<Session> {
  const session = await open(connection, { application: "slipway restore", settings: READER_SETTINGS });
  try {
    // Rows that a policy hides would look lost.
    await session.query(
      "SELECT set_config('row_security', 'off', false) FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)",
    );
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

const SHOWN = 20;
function differenceFailure(database: string, differences: readonly string[]): Failure {
  const more = differences.length > SHOWN ? [`and ${differences.length - SHOWN} more`] : [];
  return new Failure(
    "differs",
    1,
    [
      `The restored database is not the one that was backed up (${database}), and was dropped:`,
      ...differences.slice(0, SHOWN),
      ...more,
    ].join("\n  "),
  );
}
