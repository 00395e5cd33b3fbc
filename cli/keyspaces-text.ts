/** How `slipway keyspaces` tells what it found. */
import { escapeControlCharacters, type Keyspace, type KeyspaceResult } from "../postdeploy/keyspaces/index.ts";
import { counted } from "./count.ts";
import type { Style } from "./terminal.ts";

/** What lives in a keyspace, for people and for machines. */
export function described({ keyspace, store, database, durable, purpose, patterns, seeds, data, scripts }: Keyspace) {
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

type Described = ReturnType<typeof described>;

export function keyspacesText(keyspaces: readonly Described[], style: Style): string {
  if (keyspaces.length === 0) return "No keyspaces are declared here.";
  return keyspaces
    .map(({ keyspace, store, database, durable, purpose, keys, seeds, data, scripts }) => {
      const head = `${style.bold(keyspace)}  ${store}, database ${database}, ${durable ? "durable" : "may be lost"}`;
      const width = Math.max(0, ...keys.map(({ pattern }) => pattern.length));
      const lives = keys.map(
        ({ pattern, type, ttl, owner }) =>
          `  ${pattern.padEnd(width)}  ${type.padEnd(6)}  ${ttl === "none" ? "for ever" : ttl}  ${style.dim(owner)}`,
      );
      const seeded = [
        ...(seeds > 0 ? [counted(seeds, "key")] : []),
        ...data,
        ...(scripts.length > 0 ? [`${scripts.length === 1 ? "script" : "scripts"} ${scripts.join(", ")}`] : []),
      ];
      return [head, `  ${style.dim(purpose)}`, ...lives, `  seeded with ${seeded.join(", ") || "nothing"}`].join("\n");
    })
    .join("\n\n");
}

/** One past and one coming tense: a plan and a verification tell what is not so, a seed what it did. */
const WORDS = {
  write: ["missing", "written"],
  update: ["outdated", "updated"],
  restore: ["changed by others", "put back"],
  ttl: ["with another TTL", "given their TTL"],
  remove: ["declared no more", "removed"],
} as const;

export function foundText(verb: "status" | "plan" | "seed" | "verify", found: readonly KeyspaceResult[], style: Style): string {
  if (found.length === 0) return "Nothing is to be seeded.";
  const tense = verb === "seed" ? 1 : 0;
  return found
    .map(({ keyspace, store, database, tally, scripts, notes }) => {
      const changes = Object.entries(tally.changes)
        .filter(([, count]) => count > 0)
        .map(([kind, count]) => `${counted(count, "key")} ${WORDS[kind as keyof typeof WORDS][tense]}`);
      const loaded =
        scripts.length === 0
          ? []
          : [`${counted(scripts.length, "script")} ${tense ? "put in place" : "not in place"} (${scripts.join(", ")})`];
      const what = [...changes, ...loaded].join(", ") || (verb === "seed" ? "nothing to do" : "as declared");
      return [
        `${style.bold(keyspace)}  ${store}, database ${database}: ${what}${tally.keys > 0 ? style.dim(`, of ${counted(tally.keys, "key")}`) : ""}`,
        ...tally.examples.slice(0, 10).map(({ key, change }) => `  ${escapeControlCharacters(key)}  ${style.dim(WORDS[change][tense])}`),
        ...tally.conflicts.map(({ key, declared, actual }) =>
          style.bad(`  ${escapeControlCharacters(key)} is a ${actual}, and declared as a ${declared}`),
        ),
        ...tally.keptKeys.map(({ key, why }) => style.warn(`  ${escapeControlCharacters(key)} ${why}; it stays as it is`)),
        ...notes.map((note) => style.dim(`  ${note}`)),
      ].join("\n");
    })
    .join("\n");
}
