/** Plan, seed and verify: the three questions, asked of each keyspace in turn. */
import { Failure } from "../../connect/failure.ts";
import type { Options } from "../inspect/options.ts";
import { checkRoom, readServer } from "../inspect/server.ts";
import { keyspacesOf, type Visit, visit } from "../inspect/session.ts";
import { printable } from "../read/entry.ts";
import type { Keyspace } from "../read/keyspace.ts";
import { Away } from "../wire/errors.ts";
import { locked } from "../wire/lock.ts";
import { type BulkPlan, planBulk, seedBulk } from "./bulk.ts";
import { type GuardedPlan, planGuarded, removeDoomed, seedGuarded, wrongTypes } from "./guarded.ts";
import { isInPlace, keepScripts, loadScripts, lookAtScripts, readScripts } from "./scripts.ts";
import { changesOf, newTally, type Tally } from "./tally.ts";
import { contentDigest, readVersion, writeVersion } from "./version.ts";

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
  return each(options, (at) => timed(at, planOne(at, options, { phase: "compare", counting: true })));
}

/** Brings every keyspace to what its files declare. A second call changes nothing. */
export function seed(options: SeedOptions): Promise<KeyspaceResult[]> {
  return each(options, (at) => timed(at, seedOne(at, options)));
}

/** Reads everything back: types, values, and whether keys live as long as they are to. Writes nothing. */
export function verify(options: Options): Promise<KeyspaceResult[]> {
  return each(options, (at) => timed(at, planOne(at, options, { phase: "verify", counting: true })));
}

async function each(options: Options, work: (at: Visit) => Promise<KeyspaceResult>): Promise<KeyspaceResult[]> {
  const results: KeyspaceResult[] = [];
  for (const keyspace of keyspacesOf(options)) results.push(await visit(options, keyspace, work));
  return results;
}

async function timed({ keyspace: { keyspace, store, database, mode }, notes }: Visit, work: Promise<Found>): Promise<KeyspaceResult> {
  const start = performance.now();
  const { tally, scripts } = await work;
  const unchanged = changesOf(tally) + scripts.length === 0;
  return { keyspace, store, database, mode, tally, scripts, notes, unchanged, ms: performance.now() - start };
}

interface Found {
  readonly tally: Tally;
  readonly scripts: readonly string[];
}

interface Planned extends Found {
  readonly digest: string | undefined;
  /** The store's mark says that all of this is there. */
  readonly marked: boolean;
  /** One of the two, by the keyspace's mode. */
  readonly guarded?: GuardedPlan;
  readonly bulk?: BulkPlan;
}

interface Question {
  readonly phase: "compare" | "verify";
  /** See planBulk. */
  readonly counting: boolean;
  /** See planGuarded. */
  readonly writingSince?: number;
}

async function planOne(
  { wire, keyspace, names }: Visit,
  { onProgress, restore = false }: Options,
  { phase, counting, writingSince }: Question,
): Promise<Planned> {
  const scripts = readScripts(keyspace);
  const bulk =
    keyspace.mode === "bulk" && phase === "compare" ? await planBulk(wire, keyspace, names, { counting, restoring: restore }) : undefined;
  // What the store has nothing of cannot be marked as complete, and its digest is known when it is written.
  const digest = bulk !== undefined && bulk.digests === undefined ? undefined : await contentDigest(keyspace, bulk?.digests);
  const marked = digest !== undefined && (await readVersion(wire, names)) === digest;
  const missing = (await lookAtScripts(wire, { registry: keyspace.scripts?.registry ?? "" }, names, scripts)).filter(
    (state) => !isInPlace(state),
  );
  const found = { digest, marked, scripts: missing.map(({ script }) => script.name) };
  const onKeys = (keys: number) => onProgress?.({ kind: "keys", keyspace: keyspace.keyspace, phase, keys });
  if (bulk !== undefined) return { ...found, tally: bulk.tally, bulk };
  const guarded = await planGuarded(wire, keyspace, names, {
    everyTtl: phase === "verify",
    writingSince,
    removals: keyspace.mode === "guarded" && !marked,
    onKeys,
  });
  return { ...found, tally: guarded.tally, guarded };
}

async function seedOne(at: Visit, options: SeedOptions): Promise<Found> {
  const { wire, keyspace, names, server, where } = at;
  const planned = await planOne(at, options, { phase: "compare", counting: false });
  if (planned.tally.conflicting > 0) throw wrongTypes(planned.tally);
  if (planned.marked && changesOf(planned.tally) + planned.scripts.length === 0) return planned;
  checkRoom(server, keyspace, planned.tally.bytes, where);
  return locked(wire, names.lock, options.waitMs ?? 60_000, async () => {
    const start = performance.now();
    const scripts = readScripts(keyspace);
    await loadScripts(wire, scripts, (key) => planned.guarded?.declared.has(key) ?? false);
    const { tally, digest } = await writeAll(at, options, planned);
    if (planned.scripts.length > 0) await keepScripts(wire, keyspace.scripts?.registry ?? "", names, scripts);
    if (options.verify !== false && changesOf(tally) > 0) await readBack(at, options, start);
    await confirm(at);
    await writeVersion(wire, names, digest, tally.keys);
    return { tally, scripts: planned.scripts };
  });
}

async function writeAll(
  { wire, keyspace, names }: Visit,
  { onProgress }: Options,
  { tally: wanted, digest, guarded, bulk }: Planned,
): Promise<{ tally: Tally; digest: string }> {
  const onKeys = (keys: number) => onProgress?.({ kind: "keys", keyspace: keyspace.keyspace, phase: "seed", keys });
  if (bulk !== undefined) {
    const { tally, digests } = await seedBulk(wire, keyspace, names, bulk, onKeys);
    return { tally, digest: await contentDigest(keyspace, digests) };
  }
  const tally =
    guarded !== undefined && changesOf(wanted) > 0
      ? await seedGuarded(wire, keyspace, names, guarded, onKeys)
      : { ...newTally(), keys: wanted.keys };
  tally.changes.remove += await removeDoomed(wire, names, guarded?.doomed ?? []);
  return { tally, digest: digest ?? (await contentDigest(keyspace)) };
}

async function readBack(at: Visit, options: Options, writingSince: number): Promise<void> {
  const { tally } = await planOne(at, options, { phase: "verify", counting: true, writingSince });
  const differing = changesOf(tally) + tally.conflicting;
  if (differing > 0)
    throw new Failure(
      "not-as-written",
      1,
      `${at.keyspace.keyspace}: ${differing} keys are not as they were written (${tally.examples
        .map(({ key }) => printable(key))
        .slice(0, 5)
        .join(", ")}). Somebody else writes them, or the store is full and drops keys. Run again; see who: slipway keyspaces verify`,
    );
}

/** What was acknowledged may still be lost if another server has taken over meanwhile. */
async function confirm({ wire, server, where }: Visit): Promise<void> {
  if (server.replicas > 0) await wire.try("WAIT", "1", "1000");
  const { runId } = await readServer(wire);
  if (runId !== server.runId) throw new Away("failed-over", `${where} was restarted or failed over while it was seeded.`);
}
