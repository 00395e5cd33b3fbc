/** Guarded seeding: compares every key with the store, and writes it only if it has not changed since. */

import { Failure } from "../../connect/failure.ts";
import { findMismatches } from "../inspect/mismatch.ts";
import type { Session } from "../inspect/session.ts";
import { addReadCommands, countReadReplies, decodeValue, readTypes } from "../inspect/stored-values.ts";
import { readBatches, readPieces } from "../read/entries.ts";
import { type Entry, escapeControlCharacters, formatLocation, type Type } from "../read/entry.ts";
import type { InternalKeys } from "../read/internal-keys.ts";
import { KeySet } from "../read/key-set.ts";
import type { Keyspace } from "../read/keyspace.ts";
import { parseRunEntries, type StringRun } from "../read/string-runs.ts";
import { digestValue } from "../read/value.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { Commands, type Reply } from "../wire/resp.ts";
import { addChange, addDecisions, addStringRun, type ChangeCounts, createCounts } from "./change-counts.ts";
import { forEachConcurrently } from "./concurrency.ts";
import { type Decision, decide, type KeyState, parseLedgerRow, readKeyStates } from "./decide.ts";
import { type RunState, StringRunStore } from "./string-run-store.ts";
import { type PendingWrite, removeKeys, writeKeys, writeTtls } from "./write.ts";

export interface GuardedPlan {
  readonly tally: ChangeCounts;
  readonly removals: readonly Removal[];
  readonly declared: KeySet;
  /** The state of each run of strings, by its location. */
  readonly runs: ReadonlyMap<string, RunState>;
}

interface GuardedPlanOptions {
  /** Also compare the TTL of keys that are declared without one. */
  readonly everyTtl?: boolean;
  /** When the run started to write, by performance.now(). Keys with a shorter TTL may have expired since. */
  readonly writingSince?: number | undefined;
  /** Find keys that slipway wrote and that are no longer declared. */
  readonly findRemovals: boolean;
  readonly onKeys?: (keys: number) => void;
}

const CONCURRENCY = 6;

export async function planGuarded({ connection, keyspace, internalKeys }: Session, options: GuardedPlanOptions): Promise<GuardedPlan> {
  const tally = createCounts();
  const declared = new KeySet();
  const runs = new Map<string, RunState>();
  const strings = new StringRunStore(connection);
  const pieces = options.everyTtl ? readBatches(keyspace, declared) : readPieces(keyspace, declared);
  await forEachConcurrently(pieces, CONCURRENCY, async (piece) => {
    const state = "marks" in piece ? await strings.compare(piece) : "different";
    if ("marks" in piece) runs.set(formatLocation(piece), state);
    if ("marks" in piece && state === "absent") addStringRun(tally, piece);
    else if (state === "different") {
      const batch = "marks" in piece ? parseRunEntries(piece, keyspace) : piece;
      const mismatches = await findMismatches(connection, batch, options.everyTtl);
      const open = mismatches.filter(
        ({ entry, difference }) => difference.kind !== "absent" || !mayHaveExpired(entry, options.writingSince),
      );
      addDecisions(tally, await decide(connection, internalKeys.ledger, open));
    }
    tally.keys += "marks" in piece ? piece.keys : piece.length;
    options.onKeys?.(tally.keys);
  });
  const removals = options.findRemovals ? await findRemovals(connection, internalKeys, declared) : [];
  for (const { key, dumpDigest } of removals) if (dumpDigest !== "") addChange(tally, key, "remove");
  return { tally, removals, declared, runs };
}

/** Called after the comparison, so that its duration counts. One more millisecond, because the server truncates its clock. */
const mayHaveExpired = ({ ttl }: Entry, since = Number.POSITIVE_INFINITY): boolean => ttl > 0 && ttl <= performance.now() - since + 1;

export async function seedGuarded(
  { connection, keyspace, internalKeys }: Session,
  { runs }: GuardedPlan,
  onKeys: (keys: number) => void,
): Promise<ChangeCounts> {
  const done = createCounts();
  const strings = new StringRunStore(connection);
  await forEachConcurrently(readPieces(keyspace), CONCURRENCY, async (piece) => {
    let open: readonly Entry[] =
      "marks" in piece ? await seedRun(strings, keyspace, internalKeys, piece, runs.get(formatLocation(piece)), done) : piece;
    // A key that another client writes between the comparison and the write is compared again, up to 20 times.
    for (let turn = 0; open.length > 0; turn++) {
      if (turn === 20)
        throw new Failure(
          "contended",
          1,
          `${escapeControlCharacters(open[0]?.key ?? "")} changes faster than slipway can write it. Stop the client that writes it, then run again; keys that are already written stay.`,
        );
      const decisions = await decide(connection, internalKeys.ledger, await findMismatches(connection, open));
      open = await applyDecisions(connection, internalKeys, decisions, done);
    }
    done.keys += "marks" in piece ? piece.keys : piece.length;
    onKeys(done.keys);
  });
  return done;
}

/** @returns the entries that need a comparison one by one. */
async function seedRun(
  strings: StringRunStore,
  keyspace: Keyspace,
  internalKeys: InternalKeys,
  run: StringRun,
  state: RunState | undefined,
  done: ChangeCounts,
): Promise<readonly Entry[]> {
  if (state === "as declared") return [];
  if (state !== "absent") return parseRunEntries(run, keyspace);
  const changed = await strings.write(run, internalKeys.ledger, keyspace.policy);
  addStringRun(done, run);
  done.changes.write -= changed.length;
  return parseRunEntries(run, keyspace, changed);
}

async function applyDecisions(
  connection: StoreConnection,
  internalKeys: InternalKeys,
  decisions: readonly Decision[],
  done: ChangeCounts,
): Promise<readonly Entry[]> {
  const conflict = decisions.find(({ kind }) => kind === "type");
  if (conflict?.kind === "type")
    throw wrongTypeFailure({
      conflicting: 1,
      conflicts: [{ key: conflict.entry.key, declared: conflict.entry.value.type, actual: conflict.actual }],
    });
  const writes = decisions.filter((decision): decision is PendingWrite => ["write", "update", "restore"].includes(decision.kind));
  const ttls = decisions.filter(({ kind }) => kind === "ttl").map(({ entry }) => entry);
  const { changed } = await writeKeys(connection, internalKeys.ledger, writes);
  if (ttls.length > 0) await writeTtls(connection, ttls);
  const retried = new Set(changed);
  addDecisions(
    done,
    decisions.filter(({ entry }) => !retried.has(entry)),
  );
  return changed;
}

interface Removal {
  readonly key: string;
  /** Digest of the DUMP that may be removed; "" to keep the key and remove only its ledger row, because another client changed it. */
  readonly dumpDigest: string;
}

async function findRemovals(connection: StoreConnection, internalKeys: InternalKeys, declared: KeySet): Promise<Removal[]> {
  const removals: Removal[] = [];
  let cursor = "0";
  do {
    const [next, fields] = (await connection.call("HSCAN", internalKeys.ledger, cursor, "COUNT", "1000")) as readonly [
      Buffer,
      readonly Reply[],
    ];
    cursor = next.toString();
    const keys = fields.filter((_, index) => index % 2 === 0).map(String);
    removals.push(...(await decideRemovals(connection, internalKeys, [...new Set(keys.filter((key) => !declared.has(key)))])));
  } while (cursor !== "0");
  return removals;
}

/** For keys that are no longer declared: removes owned keys, and `ensure` keys that are unchanged since slipway wrote them. */
async function decideRemovals(connection: StoreConnection, internalKeys: InternalKeys, keys: readonly string[]): Promise<Removal[]> {
  if (keys.length === 0) return [];
  const states = await readKeyStates(connection, internalKeys.ledger, keys);
  const types = await readTypes(connection, keys);
  const commands = new Commands();
  for (const [index, key] of keys.entries()) addReadCommands(commands, types[index] ?? "string", key);
  const replies = await connection.send(commands);
  let at = 0;
  return keys.map((key, index) => {
    const { row, dump } = states[index] as KeyState;
    const type: Type = types[index] ?? "string";
    const current = decodeValue(type, replies.slice(at, at + countReadReplies(type)));
    at += countReadReplies(type);
    const written = parseLedgerRow(row);
    const isRemovable =
      written?.policy === "own" || (written?.policy === "ensure" && current !== undefined && digestValue(current) === written.digest);
    return { key, dumpDigest: isRemovable ? dump : "" };
  });
}

export async function removeUndeclared(
  connection: StoreConnection,
  internalKeys: InternalKeys,
  removals: readonly Removal[],
): Promise<number> {
  return removals.length === 0 ? 0 : removeKeys(connection, internalKeys.ledger, removals);
}

export function wrongTypeFailure({ conflicting, conflicts }: Pick<ChangeCounts, "conflicting" | "conflicts">): Failure {
  const shown = conflicts
    .slice(0, 10)
    .map(({ key, declared, actual }) => `\n  ${escapeControlCharacters(key)} is a ${actual}, but is declared as a ${declared}`);
  const more = conflicting > shown.length ? `\n  and ${conflicting - shown.length} more` : "";
  return new Failure(
    "wrong-type",
    1,
    `${conflicting === 1 ? "A key has" : `${conflicting} keys have`} a different type than declared (WRONGTYPE); slipway did not change them.${shown.join("")}${more}\nRename the keys in the files, or ask their owner to remove them.`,
  );
}
