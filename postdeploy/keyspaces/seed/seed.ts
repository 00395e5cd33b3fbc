/** Plans, seeds and verifies keyspaces, one after the other. */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../connect/failure.ts";
import type { Options } from "../inspect/options.ts";
import { checkMemory, readDatabaseSizes, readServerInfo } from "../inspect/server.ts";
import { type Session, selectKeyspaces, withSession } from "../inspect/session.ts";
import { escapeControlCharacters } from "../read/entry.ts";
import { dataFilePath } from "../read/files.ts";
import type { InternalKeys } from "../read/internal-keys.ts";
import { type Keyspace, readKeyspaces } from "../read/keyspace.ts";
import { readScripts } from "../read/scripts.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { StoreUnavailable } from "../wire/errors.ts";
import { withLock } from "../wire/lock.ts";
import { type BulkPlan, planBulk, seedBulk } from "./bulk.ts";
import { type ChangeCounts, countChanges, createCounts } from "./change-counts.ts";
import { type GuardedPlan, planGuarded, removeUndeclared, seedGuarded, wrongTypeFailure } from "./guarded.ts";
import { isInPlace, loadScripts, readScriptStatus, storeScripts } from "./scripts.ts";

export interface KeyspaceResult {
  readonly keyspace: string;
  readonly store: string;
  readonly database: number;
  readonly mode: Keyspace["mode"];
  readonly tally: ChangeCounts;
  /** Scripts that are missing in the store, or that the run has stored. */
  readonly scripts: readonly string[];
  readonly notes: readonly string[];
  /** Of `verify`: what is wrong with the store besides keys and scripts. */
  readonly problems: readonly string[];
  /** No key and no script differs, or was changed, and there is no problem. */
  readonly unchanged: boolean;
  readonly ms: number;
}

export interface SeedOptions extends Options {
  /** Read everything back after writing. @default true */
  readonly verify?: boolean | undefined;
  /** How long to wait for the lock. @default 60000 */
  readonly waitMs?: number | undefined;
}

/** Reports what `seed` would change. Writes nothing. */
export function plan(options: Options): Promise<KeyspaceResult[]> {
  return forEachKeyspace(options, (session) => measure(session, planKeyspace(session, options, { phase: "compare", counting: true })));
}

/** Writes what the files declare. Idempotent. */
export function seed(options: SeedOptions): Promise<KeyspaceResult[]> {
  return forEachKeyspace(options, (session) => measure(session, seedKeyspace(session, options)));
}

/** Compares types, values and TTLs of all declared keys, the loaded scripts, and which databases of the store hold keys. Writes nothing. */
export async function verify(options: Options): Promise<KeyspaceResult[]> {
  // Of every store: one cluster can hold several.
  const declared = new Set(readKeyspaces(options.folder, options.system).map(({ database }) => database));
  return forEachKeyspace(options, (session) =>
    measure(session, planKeyspace(session, options, { phase: "verify", counting: true }), () =>
      findStoreProblems(session, options, declared),
    ),
  );
}

/**
 * A client with the password of a store can flush every database, and fill one that no keyspace declares. A flush also removes the record of the last
 * seed, which distinguishes a flushed database from one that lost some keys.
 */
async function findStoreProblems(
  { connection, keyspace, internalKeys, where }: Session,
  { system, sharedStores = false }: Options,
  declared: ReadonlySet<number>,
): Promise<string[]> {
  const recorded = await readVersion(connection, internalKeys);
  const undeclared = sharedStores ? [] : (await readDatabaseSizes(connection)).filter(({ database }) => !declared.has(database));
  return [
    ...(recorded === undefined
      ? [`Database ${keyspace.database} of ${where} has no record of a seed: it was flushed, or never seeded. Run: slipway keyspaces seed`]
      : []),
    ...undeclared.map(
      ({ database, keys }) =>
        `Database ${database} of the store ${keyspace.store} holds ${keys} keys, and no keyspace of ${system} declares it. Declare a keyspace, or move the client that writes there.`,
    ),
  ];
}

async function forEachKeyspace(options: Options, work: (session: Session) => Promise<KeyspaceResult>): Promise<KeyspaceResult[]> {
  const results: KeyspaceResult[] = [];
  for (const keyspace of selectKeyspaces(options)) results.push(await withSession(options, keyspace, work));
  return results;
}

async function measure(
  { keyspace: { keyspace, store, database, mode }, notes }: Session,
  work: Promise<KeyspaceOutcome>,
  findProblems: () => Promise<string[]> = async () => [],
): Promise<KeyspaceResult> {
  const start = performance.now();
  const { tally, scripts } = await work;
  const problems = await findProblems();
  const unchanged = countChanges(tally) + scripts.length + problems.length === 0;
  return { keyspace, store, database, mode, tally, scripts, notes, problems, unchanged, ms: performance.now() - start };
}

interface KeyspaceOutcome {
  readonly tally: ChangeCounts;
  readonly scripts: readonly string[];
}

interface KeyspacePlan extends KeyspaceOutcome {
  readonly digest: string | undefined;
  /** The last completed run wrote the same content. */
  readonly isCurrent: boolean;
  /** Either `guarded` or `bulk` is set, by the mode of the keyspace. */
  readonly guarded?: GuardedPlan;
  readonly bulk?: BulkPlan;
}

interface PlanRequest {
  readonly phase: "compare" | "verify";
  /** See planBulk. */
  readonly counting: boolean;
  /** See planGuarded. */
  readonly writingSince?: number;
}

async function planKeyspace(
  session: Session,
  { onProgress, restore = false }: Options,
  { phase, counting, writingSince }: PlanRequest,
): Promise<KeyspacePlan> {
  const { connection, keyspace, internalKeys } = session;
  const scripts = readScripts(keyspace);
  const bulk = keyspace.mode === "bulk" && phase === "compare" ? await planBulk(session, { counting, restoring: restore }) : undefined;
  // On the first bulk run the files are not read yet; seedBulk computes the digests while it writes.
  const digest = bulk !== undefined && bulk.digests === undefined ? undefined : await computeContentDigest(keyspace, bulk?.digests);
  const isCurrent = digest !== undefined && (await readVersion(connection, internalKeys)) === digest;
  const missing = (await readScriptStatus(connection, { registry: keyspace.scripts?.registry ?? "" }, internalKeys, scripts)).filter(
    (status) => !isInPlace(status),
  );
  const found = { digest, isCurrent, scripts: missing.map(({ script }) => script.name) };
  const onKeys = (keys: number) => onProgress?.({ kind: "keys", keyspace: keyspace.keyspace, phase, keys });
  if (bulk !== undefined) return { ...found, tally: bulk.tally, bulk };
  const guarded = await planGuarded(session, {
    everyTtl: phase === "verify",
    writingSince,
    findRemovals: keyspace.mode === "guarded" && !isCurrent,
    onKeys,
  });
  return { ...found, tally: guarded.tally, guarded };
}

async function seedKeyspace(session: Session, options: SeedOptions): Promise<KeyspaceOutcome> {
  const { connection, keyspace, internalKeys, server, where } = session;
  const planned = await planKeyspace(session, options, { phase: "compare", counting: false });
  if (planned.tally.conflicting > 0) throw wrongTypeFailure(planned.tally);
  if (planned.isCurrent && countChanges(planned.tally) + planned.scripts.length === 0) return planned;
  checkMemory(server, keyspace, planned.tally.bytes, where);
  return withLock(connection, internalKeys.lock, options.waitMs ?? 60_000, async () => {
    const start = performance.now();
    const scripts = readScripts(keyspace);
    await loadScripts(connection, scripts, (key) => planned.guarded?.declared.has(key) ?? false);
    const { tally, digest } = await writeKeyspace(session, options, planned);
    if (planned.scripts.length > 0) await storeScripts(connection, keyspace.scripts?.registry ?? "", internalKeys, scripts);
    if (options.verify !== false && countChanges(tally) > 0) await verifyWritten(session, options, start);
    await confirmServer(session);
    await writeVersion(connection, internalKeys, digest, tally.keys);
    return { tally, scripts: planned.scripts };
  });
}

async function writeKeyspace(
  session: Session,
  { onProgress }: Options,
  { tally: planned, digest, guarded, bulk }: KeyspacePlan,
): Promise<{ tally: ChangeCounts; digest: string }> {
  const { connection, keyspace, internalKeys } = session;
  const onKeys = (keys: number) => onProgress?.({ kind: "keys", keyspace: keyspace.keyspace, phase: "seed", keys });
  if (bulk !== undefined) {
    const { tally, digests } = await seedBulk(session, bulk, onKeys);
    return { tally, digest: await computeContentDigest(keyspace, digests) };
  }
  const tally =
    guarded !== undefined && countChanges(planned) > 0
      ? await seedGuarded(session, guarded, onKeys)
      : { ...createCounts(), keys: planned.keys };
  tally.changes.remove += await removeUndeclared(connection, internalKeys, guarded?.removals ?? []);
  return { tally, digest: digest ?? (await computeContentDigest(keyspace)) };
}

async function verifyWritten(session: Session, options: Options, writingSince: number): Promise<void> {
  const { tally } = await planKeyspace(session, options, { phase: "verify", counting: true, writingSince });
  const differing = countChanges(tally) + tally.conflicting;
  if (differing > 0)
    throw new Failure(
      "not-as-written",
      1,
      `${session.keyspace.keyspace}: ${differing} keys differ from what was just written (${tally.examples
        .map(({ key }) => escapeControlCharacters(key))
        .slice(0, 5)
        .join(
          ", ",
        )}). Another client writes them, or the store evicts keys because it is full. Run again, then check: slipway keyspaces verify`,
    );
}

/** A failover can lose acknowledged writes, so a different run id makes the caller start again. */
async function confirmServer({ connection, server, where }: Session): Promise<void> {
  if (server.replicas > 0) await connection.tryCall("WAIT", "1", "1000");
  const { runId } = await readServerInfo(connection);
  if (runId !== server.runId) throw new StoreUnavailable("failed-over", `${where} restarted or failed over during the seed.`);
}

/**
 * Digests the keyspace file, data files and scripts.
 *
 * @param chunks digests of the chunks, if known, so that the data is not read again
 */
async function computeContentDigest(keyspace: Keyspace, chunks?: readonly string[]): Promise<string> {
  const digest = createHash("sha256").update(readFileSync(keyspace.file));
  if (chunks !== undefined) digest.update(chunks.join());
  else
    for (const name of keyspace.data)
      for await (const chunk of createReadStream(dataFilePath(keyspace, name), { highWaterMark: 1024 * 1024 }))
        digest.update(chunk as Buffer);
  for (const { file } of keyspace.scripts?.files ?? []) digest.update(readFileSync(join(keyspace.folder, file)));
  return digest.digest("hex");
}

async function readVersion(connection: StoreConnection, internalKeys: InternalKeys): Promise<string | undefined> {
  const digest = await connection.call("HGET", internalKeys.version, "digest");
  return digest === null ? undefined : String(digest);
}

async function writeVersion(connection: StoreConnection, internalKeys: InternalKeys, digest: string, keys: number): Promise<void> {
  await connection.call("HSET", internalKeys.version, "digest", digest, "keys", String(keys), "at", new Date().toISOString());
}
