/** Guarded seeding: every key compared with what is there, every write on condition that it is still so. */

import { Failure } from "../../connect/failure.ts";
import { findMismatches, readTypes } from "../inspect/mismatch.ts";
import { readBatches, readPieces } from "../read/entries.ts";
import { type Entry, escapeControlCharacters, formatLocation, type Type } from "../read/entry.ts";
import type { InternalKeys } from "../read/internal-keys.ts";
import { KeySet } from "../read/key-set.ts";
import type { Keyspace } from "../read/keyspace.ts";
import { parseRunEntries, type RunState, type StringRun, StringRunStore } from "../read/string-runs.ts";
import { addReadCommands, countReadReplies, decodeValue, digestValue } from "../read/value.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { Commands, type Reply } from "../wire/resp.ts";
import { forEachConcurrently } from "./concurrency.ts";
import { type Decision, decide, parseLedgerRow, readKeyStates } from "./decide.ts";
import { addChange, addStringRun, count, createTally, type Tally } from "./tally.ts";
import { type PendingWrite, removeKeys, writeKeys, writeTtls } from "./write.ts";

export interface GuardedPlan {
  readonly tally: Tally;
  readonly removals: readonly Removal[];
  readonly declared: KeySet;
  /** What was found of each run of strings, by its place. */
  readonly runs: ReadonlyMap<string, RunState>;
}

export interface GuardedPlanOptions {
  /** Look whether keys that are to live for ever do. */
  readonly everyTtl?: boolean;
  /** When a run began to write, by performance.now(): what was to live for no longer than since then may be gone again. */
  readonly writingSince?: number | undefined;
  /** Look for keys that we wrote and that are not declared any more. */
  readonly findRemovals: boolean;
  readonly onKeys?: (keys: number) => void;
}

const CONCURRENCY = 6;

export async function planGuarded(
  connection: StoreConnection,
  keyspace: Keyspace,
  names: InternalKeys,
  options: GuardedPlanOptions,
): Promise<GuardedPlan> {
  const tally = createTally();
  const declared = new KeySet();
  const runs = new Map<string, RunState>();
  const strings = new StringRunStore(connection);
  const pieces = options.everyTtl ? readBatches(keyspace, declared) : readPieces(keyspace, declared);
  await forEachConcurrently(pieces, CONCURRENCY, async (piece) => {
    const found = "marks" in piece ? await strings.look(piece) : "otherwise";
    if ("marks" in piece) runs.set(formatLocation(piece), found);
    if ("marks" in piece && found === "absent") addStringRun(tally, piece);
    else if (found === "otherwise") {
      const batch = "marks" in piece ? parseRunEntries(piece, keyspace) : piece;
      const seen = await findMismatches(connection, batch, options.everyTtl);
      const open = seen.filter(({ entry, difference }) => difference.kind !== "absent" || !mayHaveExpired(entry, options.writingSince));
      count(tally, await decide(connection, names.ledger, open));
    }
    tally.keys += "marks" in piece ? piece.keys : piece.length;
    options.onKeys?.(tally.keys);
  });
  const doomed = options.findRemovals ? await findRemovals(connection, names, declared) : [];
  for (const { key, dumpDigest: seen } of doomed) if (seen !== "") addChange(tally, key, "remove");
  return { tally, removals: doomed, declared, runs };
}

/** Asked after the look, whose own time counts. The server cuts its clock to whole milliseconds: a key may be gone one too early. */
const mayHaveExpired = ({ ttl }: Entry, since = Number.POSITIVE_INFINITY): boolean => ttl > 0 && ttl <= performance.now() - since + 1;

export async function seedGuarded(
  connection: StoreConnection,
  keyspace: Keyspace,
  names: InternalKeys,
  { runs }: GuardedPlan,
  onKeys: (keys: number) => void,
): Promise<Tally> {
  const done = createTally();
  const strings = new StringRunStore(connection);
  await forEachConcurrently(readPieces(keyspace), CONCURRENCY, async (piece) => {
    let open: readonly Entry[] =
      "marks" in piece ? await seedRun(strings, keyspace, names, piece, runs.get(formatLocation(piece)), done) : piece;
    // Somebody may write between our look and our write; then the key is looked at again. Twenty times in a row is somebody's loop.
    for (let turn = 0; open.length > 0; turn++) {
      if (turn === 20)
        throw new Failure(
          "contended",
          1,
          `${escapeControlCharacters(open[0]?.key ?? "")} changes faster than it can be written. Stop what writes it, then run again; what was written stays.`,
        );
      const decisions = await decide(connection, names.ledger, await findMismatches(connection, open));
      open = await applyDecisions(connection, names, decisions, done);
    }
    done.keys += "marks" in piece ? piece.keys : piece.length;
    onKeys(done.keys);
  });
  return done;
}

/** @returns what is left for the long way. */
async function seedRun(
  strings: StringRunStore,
  keyspace: Keyspace,
  names: InternalKeys,
  run: StringRun,
  found: RunState | undefined,
  done: Tally,
): Promise<readonly Entry[]> {
  if (found === "as declared") return [];
  // What was absent a moment ago is written on condition that it still is.
  if (found !== "absent") return parseRunEntries(run, keyspace);
  const changed = await strings.write(run, names.ledger, keyspace.policy);
  addStringRun(done, run);
  done.changes.write -= changed.length;
  return parseRunEntries(run, keyspace, changed);
}

async function applyDecisions(
  connection: StoreConnection,
  names: InternalKeys,
  decisions: readonly Decision[],
  done: Tally,
): Promise<readonly Entry[]> {
  const conflict = decisions.find(({ kind }) => kind === "type");
  if (conflict?.kind === "type")
    throw wrongTypeFailure({
      conflicting: 1,
      conflicts: [{ key: conflict.entry.key, declared: conflict.entry.value.type, actual: conflict.actual }],
    });
  const writings = decisions.filter((decision): decision is PendingWrite => ["write", "update", "restore"].includes(decision.kind));
  const ttls = decisions.filter(({ kind }) => kind === "ttl").map(({ entry }) => entry);
  const { changed } = await writeKeys(connection, names.ledger, writings);
  if (ttls.length > 0) await writeTtls(connection, ttls);
  const again = new Set(changed);
  count(
    done,
    decisions.filter(({ entry }) => !again.has(entry)),
  );
  return changed;
}

export interface Removal {
  readonly key: string;
  /** What may be removed; "" where only the row goes, because somebody else has a say in the key. */
  readonly dumpDigest: string;
}

async function findRemovals(connection: StoreConnection, names: InternalKeys, declared: KeySet): Promise<Removal[]> {
  const doomed: Removal[] = [];
  let cursor = "0";
  do {
    const [next, fields] = (await connection.call("HSCAN", names.ledger, cursor, "COUNT", "1000")) as readonly [Buffer, readonly Reply[]];
    cursor = next.toString();
    const keys = fields.filter((_, index) => index % 2 === 0).map(String);
    doomed.push(...(await decideRemovals(connection, names, [...new Set(keys.filter((key) => !declared.has(key)))])));
  } while (cursor !== "0");
  return doomed;
}

/** The three-way rule for keys that are declared no more: what is still as we wrote it goes, and what is ours goes anyway. */
async function decideRemovals(connection: StoreConnection, names: InternalKeys, keys: readonly string[]): Promise<Removal[]> {
  if (keys.length === 0) return [];
  const inspected = await readKeyStates(connection, names.ledger, keys);
  const types = await readTypes(connection, keys);
  const commands = new Commands();
  for (const [index, key] of keys.entries()) addReadCommands(commands, types[index] ?? "string", key);
  const replies = await connection.send(commands);
  let at = 0;
  return keys.map((key, index) => {
    const { row, dump } = inspected[index] as { row: string; dump: string };
    const type: Type = types[index] ?? "string";
    const current = decodeValue(type, replies.slice(at, at + countReadReplies(type)));
    at += countReadReplies(type);
    const written = parseLedgerRow(row);
    const goes =
      written?.policy === "own" || (written?.policy === "ensure" && current !== undefined && digestValue(current) === written.digest);
    return { key, dumpDigest: goes ? dump : "" };
  });
}

export async function removeUndeclared(connection: StoreConnection, names: InternalKeys, doomed: readonly Removal[]): Promise<number> {
  return doomed.length === 0 ? 0 : removeKeys(connection, names.ledger, doomed);
}

export function wrongTypeFailure({ conflicting, conflicts }: Pick<Tally, "conflicting" | "conflicts">): Failure {
  const shown = conflicts
    .slice(0, 10)
    .map(({ key, declared, actual }) => `\n  ${escapeControlCharacters(key)} is a ${actual}, and declared as a ${declared}`);
  const more = conflicting > shown.length ? `\n  and ${conflicting - shown.length} more` : "";
  return new Failure(
    "wrong-type",
    1,
    `${conflicting === 1 ? "A key has" : `${conflicting} keys have`} another type than is declared (WRONGTYPE); nothing of theirs was touched.${shown.join("")}${more}\nRename them here, or have their owner remove them.`,
  );
}
