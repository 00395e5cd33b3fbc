/** The results of `slipway keyspaces` as text. */
import { escapeControlCharacters, type Keyspace, type KeyspaceResult } from "../../postdeploy/keyspaces/index.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Style } from "../shared/terminal.ts";
import { displayWidth, padEnd } from "../shared/width.ts";

/** A declared keyspace, for JSON and text. */
export function describeKeyspace({ keyspace, store, database, durable, purpose, patterns, seeds, data, scripts }: Keyspace) {
  return {
    ...{ keyspace, store, database, durable, purpose },
    keys: patterns.map(({ text, type, ttlText, owner, purpose: why, secret }) => ({
      pattern: text,
      type,
      ttl: ttlText,
      owner,
      purpose: why,
      secret,
    })),
    seeds: seeds.length,
    data: [...data],
    scripts: (scripts?.files ?? []).map(({ name }) => name),
  };
}

type Described = ReturnType<typeof describeKeyspace>;

export function formatKeyspaces(keyspaces: readonly Described[], style: Style): string {
  if (keyspaces.length === 0) return "No keyspaces are declared here.";
  return keyspaces
    .map(({ keyspace, store, database, durable, purpose, keys, seeds, data, scripts }) => {
      const head = `${style.bold(keyspace)}  ${store}, database ${database}, ${durable ? "durable" : "not durable"}`;
      const width = Math.max(0, ...keys.map(({ pattern }) => displayWidth(pattern)));
      const patterns = keys.map(
        ({ pattern, type, ttl, owner }) =>
          `  ${padEnd(pattern, width)}  ${type.padEnd(6)}  ${(ttl === "none" ? "no expiry" : ttl).padEnd(9)}  ${style.dim(owner)}`,
      );
      const seeded = [
        ...(seeds > 0 ? [pluralize(seeds, "key")] : []),
        ...data,
        ...(scripts.length > 0 ? [`${scripts.length === 1 ? "script" : "scripts"} ${scripts.join(", ")}`] : []),
      ];
      return [head, `  ${style.dim(purpose)}`, ...patterns, `  seed: ${seeded.join(", ") || "none"}`].join("\n");
    })
    .join("\n\n");
}

/** A plan and a verification print the state of a key; a seed prints what it did. */
const WORDS = {
  write: ["missing", "written"],
  update: ["outdated", "updated"],
  restore: ["changed by others", "restored"],
  ttl: ["with another TTL", "with their TTL set"],
  remove: ["no longer declared", "removed"],
} as const;

export function formatChanges(command: "plan" | "seed" | "verify", found: readonly KeyspaceResult[], style: Style): string {
  if (found.length === 0) return "Nothing to seed.";
  const tense = command === "seed" ? 1 : 0;
  return found
    .map(({ keyspace, store, database, tally, scripts, notes, problems }) => {
      const changes = Object.entries(tally.changes)
        .filter(([, count]) => count > 0)
        .map(([kind, count]) => `${pluralize(count, "key")} ${WORDS[kind as keyof typeof WORDS][tense]}`);
      const loaded =
        scripts.length === 0 ? [] : [`${pluralize(scripts.length, "script")} ${tense ? "loaded" : "not loaded"} (${scripts.join(", ")})`];
      const changed = [...changes, ...loaded].join(", ") || (command === "seed" ? "nothing to do" : "as declared");
      return [
        `${style.bold(keyspace)}  ${store}, database ${database}: ${changed}${tally.keys > 0 ? style.dim(`, of ${pluralize(tally.keys, "key")}`) : ""}`,
        ...tally.examples.slice(0, 10).map(({ key, change }) => `  ${escapeControlCharacters(key)}  ${style.dim(WORDS[change][tense])}`),
        ...tally.conflicts.map(({ key, declared, actual }) =>
          style.bad(`  ${escapeControlCharacters(key)} is a ${actual}, but is declared as a ${declared}`),
        ),
        ...tally.keptKeys.map(({ key, why }) => style.warn(`  ${escapeControlCharacters(key)} ${why}; it is kept`)),
        ...problems.map((problem) => style.bad(`  ${problem}`)),
        ...notes.map((note) => style.dim(`  ${note}`)),
      ].join("\n");
    })
    .join("\n");
}
