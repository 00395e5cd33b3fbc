/** Plan, seed and verify: the three questions, asked of each keyspace in turn. */
import { Failure } from "../../connect/failure.ts";
import type { Options } from "../inspect/options.ts";
import { checkMemory, readServerInfo } from "../inspect/server.ts";
import { type Session, selectKeyspaces, withSession } from "../inspect/session.ts";
import { escapeControlCharacters } from "../read/entry.ts";
import type { Keyspace } from "../read/keyspace.ts";
import { StoreUnavailable } from "../wire/errors.ts";
import { withLock } from "../wire/lock.ts";
import { type BulkPlan, planBulk, seedBulk } from "./bulk.ts";
import { type GuardedPlan, planGuarded, removeUndeclared, seedGuarded, wrongTypeFailure } from "./guarded.ts";
import { isInPlace, loadScripts, readScriptStatus, readScripts, storeScripts } from "./scripts.ts";
import { countChanges, createTally, type Tally } from "./tally.ts";
import { computeContentDigest, readVersion, writeVersion } from "./version.ts";

export interface KeyspaceResult {
  readonly keyspace: string;
  readonly store: string;
  readonly database: number;
  readonly mode: Keyspace["mode"];
  readonly tally: Tally;
  /** Names of scripts that are not in place, or were put there. */
  readonly scripts: readonly string[];
  readonly notes: readonly string[];
  /** Nothing to do, or nothing was done. */
  readonly unchanged: boolean;
  readonly ms: number;
}

export interface SeedOptions extends Options {
  /** Read everything back afterwards. @default true */
  readonly verify?: boolean | undefined;
  /** How long to wait for another run. @default 60000 */
  readonly waitMs?: number | undefined;
}

/** What `seed` would do. Writes nothing. */
export function plan(options: Options): Promise<KeyspaceResult[]> {
  return forEachKeyspace(options, (at) => timed(at, planKeyspace(at, options, { phase: "compare", counting: true })));
}

/** Brings every keyspace to what its files declare. A second call changes nothing. */
export function seed(options: SeedOptions): Promise<KeyspaceResult[]> {
  return forEachKeyspace(options, (at) => timed(at, seedKeyspace(at, options)));
}

/** Reads everything back: types, values, and whether keys live as long as they are to. Writes nothing. */
export function verify(options: Options): Promise<KeyspaceResult[]> {
  return forEachKeyspace(options, (at) => timed(at, planKeyspace(at, options, { phase: "verify", counting: true })));
}

async function forEachKeyspace(options: Options, work: (at: Session) => Promise<KeyspaceResult>): Promise<KeyspaceResult[]> {
  const results: KeyspaceResult[] = [];
  for (const keyspace of selectKeyspaces(options)) results.push(await withSession(options, keyspace, work));
  return results;
}

async function timed(
  { keyspace: { keyspace, store, database, mode }, notes }: Session,
  work: Promise<KeyspaceOutcome>,
): Promise<KeyspaceResult> {
  const start = performance.now();
  const { tally, scripts } = await work;
  const unchanged = countChanges(tally) + scripts.length === 0;
  return { keyspace, store, database, mode, tally, scripts, notes, unchanged, ms: performance.now() - start };
}

interface KeyspaceOutcome {
  readonly tally: Tally;
  readonly scripts: readonly string[];
}

interface Planned extends KeyspaceOutcome {
  readonly digest: string | undefined;
  /** The store's mark says that all of this is there. */
  readonly marked: boolean;
  /** One of the two, by the keyspace's mode. */
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
  { connection, keyspace, keys: names }: Session,
  { onProgress, restore = false }: Options,
  { phase, counting, writingSince }: PlanRequest,
): Promise<Planned> {
  const scripts = readScripts(keyspace);
  const bulk =
    keyspace.mode === "bulk" && phase === "compare"
      ? await planBulk(connection, keyspace, names, { counting, restoring: restore })
      : undefined;
  // What the store has nothing of cannot be marked as complete, and its digest is known when it is written.
  const digest = bulk !== undefined && bulk.digests === undefined ? undefined : await computeContentDigest(keyspace, bulk?.digests);
  const marked = digest !== undefined && (await readVersion(connection, names)) === digest;
  const missing = (await readScriptStatus(connection, { registry: keyspace.scripts?.registry ?? "" }, names, scripts)).filter(
    (state) => !isInPlace(state),
  );
  const found = { digest, marked, scripts: missing.map(({ script }) => script.name) };
  const onKeys = (keys: number) => onProgress?.({ kind: "keys", keyspace: keyspace.keyspace, phase, keys });
  if (bulk !== undefined) return { ...found, tally: bulk.tally, bulk };
  const guarded = await planGuarded(connection, keyspace, names, {
    everyTtl: phase === "verify",
    writingSince,
    findRemovals: keyspace.mode === "guarded" && !marked,
    onKeys,
  });
  return { ...found, tally: guarded.tally, guarded };
}

async function seedKeyspace(at: Session, options: SeedOptions): Promise<KeyspaceOutcome> {
  const { connection, keyspace, keys: names, server, where } = at;
  const planned = await planKeyspace(at, options, { phase: "compare", counting: false });
  if (planned.tally.conflicting > 0) throw wrongTypeFailure(planned.tally);
  if (planned.marked && countChanges(planned.tally) + planned.scripts.length === 0) return planned;
  checkMemory(server, keyspace, planned.tally.bytes, where);
  return withLock(connection, names.lock, options.waitMs ?? 60_000, async () => {
    const start = performance.now();
    const scripts = readScripts(keyspace);
    await loadScripts(connection, scripts, (key) => planned.guarded?.declared.has(key) ?? false);
    const { tally, digest } = await writeKeyspace(at, options, planned);
    if (planned.scripts.length > 0) await storeScripts(connection, keyspace.scripts?.registry ?? "", names, scripts);
    if (options.verify !== false && countChanges(tally) > 0) await verifyWritten(at, options, start);
    await confirmServer(at);
    await writeVersion(connection, names, digest, tally.keys);
    return { tally, scripts: planned.scripts };
  });
}

async function writeKeyspace(
  { connection, keyspace, keys: names }: Session,
  { onProgress }: Options,
  { tally: wanted, digest, guarded, bulk }: Planned,
): Promise<{ tally: Tally; digest: string }> {
  const onKeys = (keys: number) => onProgress?.({ kind: "keys", keyspace: keyspace.keyspace, phase: "seed", keys });
  if (bulk !== undefined) {
    const { tally, digests } = await seedBulk(connection, keyspace, names, bulk, onKeys);
    return { tally, digest: await computeContentDigest(keyspace, digests) };
  }
  const tally =
    guarded !== undefined && countChanges(wanted) > 0
      ? await seedGuarded(connection, keyspace, names, guarded, onKeys)
      : { ...createTally(), keys: wanted.keys };
  tally.changes.remove += await removeUndeclared(connection, names, guarded?.removals ?? []);
  return { tally, digest: digest ?? (await computeContentDigest(keyspace)) };
}

async function verifyWritten(at: Session, options: Options, writingSince: number): Promise<void> {
  const { tally } = await planKeyspace(at, options, { phase: "verify", counting: true, writingSince });
  const differing = countChanges(tally) + tally.conflicting;
  if (differing > 0)
    throw new Failure(
      "not-as-written",
      1,
      `${at.keyspace.keyspace}: ${differing} keys are not as they were written (${tally.examples
        .map(({ key }) => escapeControlCharacters(key))
        .slice(0, 5)
        .join(", ")}). Somebody else writes them, or the store is full and drops keys. Run again; see who: slipway keyspaces verify`,
    );
}

/** What was acknowledged may still be lost if another server has taken over meanwhile. */
async function confirmServer({ connection, server, where }: Session): Promise<void> {
  if (server.replicas > 0) await connection.tryCall("WAIT", "1", "1000");
  const { runId } = await readServerInfo(connection);
  if (runId !== server.runId) throw new StoreUnavailable("failed-over", `${where} was restarted or failed over while it was seeded.`);
}
