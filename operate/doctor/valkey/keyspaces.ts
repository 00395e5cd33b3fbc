/** Keys, scripts and databases of a store against the files of its keyspaces, compared by the engine that seeds them. */
import { Failure } from "../../../postdeploy/connect/failure.ts";
import { escapeControlCharacters, type Keyspace, type KeyspaceResult, readKeyspaces, verify } from "../../../postdeploy/keyspaces/index.ts";
import type { DatabaseSize } from "../../../postdeploy/keyspaces/inspect/server.ts";
import { INTERNAL_PREFIX } from "../../../postdeploy/keyspaces/read/internal-keys.ts";
import type { Pattern } from "../../../postdeploy/keyspaces/read/pattern.ts";
import type { StoreConnection } from "../../../postdeploy/keyspaces/wire/connection.ts";
import { Commands } from "../../../postdeploy/keyspaces/wire/resp.ts";
import { type Fact, type Finding, formatCount, listSome, type Thresholds } from "../finding.ts";
import type { DeclaredStore, StoreSubject } from "./subject.ts";

interface KeyspacesExamination {
  readonly facts: readonly Fact[];
  readonly findings: readonly Finding[];
  readonly unchecked: readonly string[];
}

export async function examineKeyspaces(
  connection: StoreConnection,
  subject: StoreSubject,
  sizes: readonly DatabaseSize[],
  { scannedKeys }: Thresholds,
): Promise<KeyspacesExamination> {
  const { declared } = subject;
  if (declared === undefined) return { facts: [], findings: [], unchecked: [] };
  const keyspaces = readKeyspaces(declared.folder, declared.system).filter(({ store }) => store === declared.store);
  const compared = await compareKeyspaces(subject, declared);
  const findings: Finding[] = [...findUndeclaredDatabases(sizes, declared), ...compared.findings];
  const facts: Fact[] = [];
  for (const keyspace of keyspaces) {
    const { found, keys, complete } = await findKeysWithoutTtl(connection, keyspace, scannedKeys);
    findings.push(...found);
    facts.push({
      name: "keyspace",
      value: `${keyspace.keyspace}: database ${keyspace.database}, ${complete ? "" : "the first "}${formatCount(keys)} keys examined`,
    });
  }
  await connection.tryCall("SELECT", "0");
  return { facts, findings, unchecked: compared.unchecked };
}

/** A client that passes a wrong number to SELECT writes where nothing seeds, verifies or exports. */
function findUndeclaredDatabases(sizes: readonly DatabaseSize[], { databases, store }: DeclaredStore): Finding[] {
  return sizes
    .filter(({ database }) => !databases.includes(database))
    .map(({ database, keys }) => ({
      id: "database-undeclared",
      severity: "warning",
      subject: `database ${database}`,
      evidence: `It holds ${formatCount(keys)} keys, and no keyspace of the store ${store} has this number: nothing verifies or backs them up.`,
      next: {
        text: "Find the client that writes there (CLIENT LIST), or declare a keyspace. If the keys are of no use, remove them.",
        valkey: [`SELECT ${database}`, "FLUSHDB"],
      },
    }));
}

async function compareKeyspaces(subject: StoreSubject, { system, store, folder }: DeclaredStore) {
  try {
    const results = await verify({
      folder,
      system,
      stores: { [store]: { ...subject.address, class: subject.class } },
      patienceMs: 0,
      sharedStores: true,
    });
    const findings = results.flatMap((result) => describeDifferences(result, system));
    return { findings, unchecked: results.flatMap(({ notes }) => notes) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { findings: [], unchecked: [`keyspaces: ${error.message}`] };
  }
}

function describeDifferences({ keyspace, database, tally, scripts, problems }: KeyspaceResult, system: string): Finding[] {
  const subject = `keyspace ${keyspace}`;
  const seed = `slipway keyspaces seed --system ${system}`;
  const { changes, examples, conflicts } = tally;
  const differing = Object.values(changes).reduce((sum, count) => sum + count, 0);
  const findings = problems.map(
    (): Finding => ({
      id: "keyspace-not-seeded",
      severity: "error",
      subject,
      evidence: "It has no record of a seed: its database was flushed, or never seeded.",
      next: { text: "Seed it. If it was flushed, restore the keys of its clients from a backup.", command: seed },
    }),
  );
  if (scripts.length > 0)
    findings.push({
      id: "scripts-missing",
      severity: "error",
      subject,
      evidence: `The store has lost ${scripts.join(", ")}: EVALSHA answers NOSCRIPT. A restart, a failover and SCRIPT FLUSH remove scripts.`,
      next: { text: "Load them.", command: seed },
    });
  if (differing > 0)
    findings.push({
      id: "keys-differ",
      severity: "warning",
      subject,
      evidence: `${formatCount(differing)} of ${formatCount(tally.keys)} declared keys are missing or differ: ${list(examples.map(({ key, change }) => `${escapeControlCharacters(key)} (${CHANGES[change]})`))}.`,
      next: { text: "See what a seed changes (slipway keyspaces plan), then seed.", command: seed },
    });
  if (tally.conflicting > 0)
    findings.push({
      id: "keys-of-another-type",
      severity: "error",
      subject,
      evidence: `${formatCount(tally.conflicting)} keys have another type than declared: ${list(conflicts.map(({ key, declared, actual }) => `${escapeControlCharacters(key)} (${actual}, not ${declared})`))}.`,
      next: {
        text: "Find the client that writes them. Remove the keys, then seed.",
        valkey: [`SELECT ${database}`, ...conflicts.slice(0, 20).map(({ key }) => `DEL ${quoteWord(key)}`)],
        command: seed,
      },
    });
  if (tally.kept > 0)
    findings.push({
      id: "keys-kept",
      severity: "info",
      subject,
      evidence: `${formatCount(tally.kept)} declared keys have a value that another client wrote, which a seed keeps.`,
      next: { text: "See them.", command: `slipway keyspaces plan --system ${system}` },
    });
  return findings;
}

const CHANGES = {
  write: "missing",
  update: "old value",
  restore: "changed",
  ttl: "other time to live",
  remove: "not declared any more",
} as const;

interface EndlessKeys {
  /** undefined: of no declared pattern. */
  readonly pattern: Pattern | undefined;
  count: number;
  readonly examples: string[];
}

async function findKeysWithoutTtl(connection: StoreConnection, keyspace: Keyspace, limit: number) {
  const endless = new Map<Pattern | undefined, EndlessKeys>();
  let keys = 0;
  let cursor = "0";
  const { durable, patterns, database, scripts } = keyspace;
  if (durable && patterns.every(({ ttl }) => ttl === 0)) return { found: [], keys, complete: true };
  await connection.call("SELECT", String(database));
  do {
    const [next, page] = (await connection.call("SCAN", cursor, "COUNT", "1000")) as [Buffer, Buffer[]];
    cursor = next.toString();
    const names = page.map(String).filter((key) => !key.startsWith(INTERNAL_PREFIX) && key !== scripts?.registry);
    keys += names.length;
    const expiring = names
      .map((key) => ({ key, pattern: patterns.find((one) => one.matches(key)) }))
      .filter(({ pattern }) => (pattern === undefined ? !durable : pattern.ttl > 0));
    const commands = new Commands();
    for (const { key } of expiring) commands.add("PTTL", key);
    const replies = await connection.send(commands);
    for (const [index, { key, pattern }] of expiring.entries()) if (replies[index] === -1) count(endless, pattern, key);
  } while (cursor !== "0" && keys < limit);
  return { found: [...endless.values()].map((one) => describeEndless(one, keyspace)), keys, complete: cursor === "0" };
}

function count(endless: Map<Pattern | undefined, EndlessKeys>, pattern: Pattern | undefined, key: string): void {
  const group = endless.get(pattern) ?? { pattern, count: 0, examples: [] };
  group.count++;
  if (group.examples.length < 4) group.examples.push(escapeControlCharacters(key));
  endless.set(pattern, group);
}

const DEFAULT_TTL_MS = 3_600_000;

function describeEndless({ pattern, count, examples }: EndlessKeys, { keyspace, database, patterns }: Keyspace): Finding {
  const keys = count === 1 ? "1 key" : `${formatCount(count)} keys`;
  const declared = pattern === undefined ? "that all keys expire" : `a time to live of ${pattern.ttlText}`;
  const longest = pattern?.ttl ?? Math.max(DEFAULT_TTL_MS, ...patterns.map(({ ttl }) => ttl));
  return {
    id: "keys-without-ttl",
    severity: "warning",
    subject: `keyspace ${keyspace}`,
    evidence: `${keys} of ${pattern?.text ?? "no declared pattern"} without a time to live, and the file declares ${declared}${pattern?.secret ? "" : `: ${list(examples)}`}.`,
    next: {
      text: "Find the client that writes them. This gives them a time to live:",
      valkey: [`SELECT ${database}`, `EVAL "${EXPIRE}" 0 ${quoteWord(pattern === undefined ? "*" : globOf(pattern.text))} ${longest}`],
    },
  };
}

/** Without the keys that slipway keeps itself. */
const EXPIRE =
  "local n = 0 for _, key in ipairs(redis.call('KEYS', ARGV[1])) do if redis.call('PTTL', key) == -1 and string.sub(key, 1, 8) ~= 'slipway:' then redis.call('PEXPIRE', key, ARGV[2]) n = n + 1 end end return n";

const globOf = (pattern: string): string =>
  pattern
    .split(/<[^>]*>/)
    .map((part) => part.replace(/[*?[\]\\]/g, "\\$&"))
    .join("*");

const quoteWord = (word: string): string => (/^[\w:.{}/*-]+$/.test(word) ? word : `"${word.replace(/["\\]/g, "\\$&")}"`);

const list = (items: readonly string[]): string => listSome(items, 3);
