/** Guarded seeding: every key compared with what is there, every write on condition that it is still so. */

import { Failure } from "../../connect/failure.ts";
import { look, typesOf } from "../inspect/mismatch.ts";
import { batchesOf, piecesOf } from "../read/entries.ts";
import { type Entry, placed, printable, type Type } from "../read/entry.ts";
import type { Names } from "../read/internal-keys.ts";
import { KeySet } from "../read/key-set.ts";
import type { Keyspace } from "../read/keyspace.ts";
import { entriesOf, type Found, type Run, Strings } from "../read/string-runs.ts";
import { addRead, digestOf, readsOf, valueFrom } from "../read/value.ts";
import type { Wire } from "../wire/connection.ts";
import { Commands, type Reply } from "../wire/resp.ts";
import { inFlight } from "./concurrency.ts";
import { type Decision, decide, inspect, readRow } from "./decide.ts";
import { count, countChange, countRun, newTally, type Tally } from "./tally.ts";
import { remove, type Writing, write, writeTtls } from "./write.ts";

export interface GuardedPlan {
  readonly tally: Tally;
  readonly doomed: readonly Doomed[];
  readonly declared: KeySet;
  /** What was found of each run of strings, by its place. */
  readonly runs: ReadonlyMap<string, Found>;
}

export interface LookOptions {
  /** Look whether keys that are to live for ever do. */
  readonly everyTtl?: boolean;
  /** When a run began to write, by performance.now(): what was to live for no longer than since then may be gone again. */
  readonly writingSince?: number | undefined;
  /** Look for keys that we wrote and that are not declared any more. */
  readonly removals: boolean;
  readonly onKeys?: (keys: number) => void;
}

const AT_A_TIME = 6;

export async function planGuarded(wire: Wire, keyspace: Keyspace, names: Names, options: LookOptions): Promise<GuardedPlan> {
  const tally = newTally();
  const declared = new KeySet();
  const runs = new Map<string, Found>();
  const strings = new Strings(wire);
  const pieces = options.everyTtl ? batchesOf(keyspace, declared) : piecesOf(keyspace, declared);
  await inFlight(pieces, AT_A_TIME, async (piece) => {
    const found = "marks" in piece ? await strings.look(piece) : "otherwise";
    if ("marks" in piece) runs.set(placed(piece), found);
    if ("marks" in piece && found === "absent") countRun(tally, piece);
    else if (found === "otherwise") {
      const batch = "marks" in piece ? entriesOf(piece, keyspace) : piece;
      const seen = await look(wire, batch, options.everyTtl);
      const open = seen.filter(({ entry, difference }) => difference.kind !== "absent" || !mayBeOver(entry, options.writingSince));
      count(tally, await decide(wire, names.ledger, open));
    }
    tally.keys += "marks" in piece ? piece.keys : piece.length;
    options.onKeys?.(tally.keys);
  });
  const doomed = options.removals ? await doomedOf(wire, names, declared) : [];
  for (const { key, seen } of doomed) if (seen !== "") countChange(tally, key, "remove");
  return { tally, doomed, declared, runs };
}

/** Asked after the look, whose own time counts. The server cuts its clock to whole milliseconds: a key may be gone one too early. */
const mayBeOver = ({ ttl }: Entry, since = Number.POSITIVE_INFINITY): boolean => ttl > 0 && ttl <= performance.now() - since + 1;

export async function seedGuarded(
  wire: Wire,
  keyspace: Keyspace,
  names: Names,
  { runs }: GuardedPlan,
  onKeys: (keys: number) => void,
): Promise<Tally> {
  const done = newTally();
  const strings = new Strings(wire);
  await inFlight(piecesOf(keyspace), AT_A_TIME, async (piece) => {
    let open: readonly Entry[] = "marks" in piece ? await seedRun(strings, keyspace, names, piece, runs.get(placed(piece)), done) : piece;
    // Somebody may write between our look and our write; then the key is looked at again. Twenty times in a row is somebody's loop.
    for (let turn = 0; open.length > 0; turn++) {
      if (turn === 20)
        throw new Failure(
          "contended",
          1,
          `${printable(open[0]?.key ?? "")} changes faster than it can be written. Stop what writes it, then run again; what was written stays.`,
        );
      const decisions = await decide(wire, names.ledger, await look(wire, open));
      open = await carryOut(wire, names, decisions, done);
    }
    done.keys += "marks" in piece ? piece.keys : piece.length;
    onKeys(done.keys);
  });
  return done;
}

/** @returns what is left for the long way. */
async function seedRun(
  strings: Strings,
  keyspace: Keyspace,
  names: Names,
  run: Run,
  found: Found | undefined,
  done: Tally,
): Promise<readonly Entry[]> {
  if (found === "as declared") return [];
  // What was absent a moment ago is written on condition that it still is.
  if (found !== "absent") return entriesOf(run, keyspace);
  const changed = await strings.write(run, names.ledger, keyspace.policy);
  countRun(done, run);
  done.changes.write -= changed.length;
  return entriesOf(run, keyspace, changed);
}

async function carryOut(wire: Wire, names: Names, decisions: readonly Decision[], done: Tally): Promise<readonly Entry[]> {
  const conflict = decisions.find(({ kind }) => kind === "type");
  if (conflict?.kind === "type")
    throw wrongTypes({
      conflicting: 1,
      conflicts: [{ key: conflict.entry.key, declared: conflict.entry.value.type, actual: conflict.actual }],
    });
  const writings = decisions.filter((decision): decision is Writing => ["write", "update", "restore"].includes(decision.kind));
  const ttls = decisions.filter(({ kind }) => kind === "ttl").map(({ entry }) => entry);
  const { changed } = await write(wire, names.ledger, writings);
  if (ttls.length > 0) await writeTtls(wire, ttls);
  const again = new Set(changed);
  count(
    done,
    decisions.filter(({ entry }) => !again.has(entry)),
  );
  return changed;
}

export interface Doomed {
  readonly key: string;
  /** What may be removed; "" where only the row goes, because somebody else has a say in the key. */
  readonly seen: string;
}

async function doomedOf(wire: Wire, names: Names, declared: KeySet): Promise<Doomed[]> {
  const doomed: Doomed[] = [];
  let cursor = "0";
  do {
    const [next, fields] = (await wire.call("HSCAN", names.ledger, cursor, "COUNT", "1000")) as readonly [Buffer, readonly Reply[]];
    cursor = next.toString();
    const keys = fields.filter((_, index) => index % 2 === 0).map(String);
    doomed.push(...(await judged(wire, names, [...new Set(keys.filter((key) => !declared.has(key)))])));
  } while (cursor !== "0");
  return doomed;
}

/** The three-way rule for keys that are declared no more: what is still as we wrote it goes, and what is ours goes anyway. */
async function judged(wire: Wire, names: Names, keys: readonly string[]): Promise<Doomed[]> {
  if (keys.length === 0) return [];
  const inspected = await inspect(wire, names.ledger, keys);
  const types = await typesOf(wire, keys);
  const commands = new Commands();
  for (const [index, key] of keys.entries()) addRead(commands, types[index] ?? "string", key);
  const replies = await wire.send(commands);
  let at = 0;
  return keys.map((key, index) => {
    const { row, dump } = inspected[index] as { row: string; dump: string };
    const type: Type = types[index] ?? "string";
    const current = valueFrom(type, replies.slice(at, at + readsOf(type)));
    at += readsOf(type);
    const written = readRow(row);
    const goes =
      written?.policy === "own" || (written?.policy === "ensure" && current !== undefined && digestOf(current) === written.digest);
    return { key, seen: goes ? dump : "" };
  });
}

export async function removeDoomed(wire: Wire, names: Names, doomed: readonly Doomed[]): Promise<number> {
  return doomed.length === 0 ? 0 : remove(wire, names.ledger, doomed);
}

export function wrongTypes({ conflicting, conflicts }: Pick<Tally, "conflicting" | "conflicts">): Failure {
  const shown = conflicts
    .slice(0, 10)
    .map(({ key, declared, actual }) => `\n  ${printable(key)} is a ${actual}, and declared as a ${declared}`);
  const more = conflicting > shown.length ? `\n  and ${conflicting - shown.length} more` : "";
  return new Failure(
    "wrong-type",
    1,
    `${conflicting === 1 ? "A key has" : `${conflicting} keys have`} another type than is declared (WRONGTYPE); nothing of theirs was touched.${shown.join("")}${more}\nRename them here, or have their owner remove them.`,
  );
}
