/** The records that the gates between two phases read. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { type EvidenceKind, evidenceFolder, readEvidence } from "../../data/evidence.ts";
import type { Home } from "../../local/servers/home.ts";
import { readJsonLines } from "../../operate/json-lines.ts";
import type { Evidence } from "../../operate/phase/gates.ts";
import { readLastWrite } from "../../operate/phase/last-write.ts";
import type { Entry } from "../../operate/watch/journal.ts";
import { observationsIn } from "../../operate/watch/watch.ts";
import { type Environment, hasDisk } from "../../settings/settings.ts";
import type { System } from "../../systems/definition.ts";
import type { Account } from "../shared/local-connections.ts";

export interface EvidenceSource {
  readonly system: System;
  readonly account: Account;
  readonly stack: string;
  readonly home: Home;
  readonly environment: Environment;
}

export function openEvidence({ system, account, stack, home, environment }: EvidenceSource): Evidence {
  const read = (kind: EvidenceKind) => readEvidence(evidenceFolder(home.state, stack, system.name), kind);
  return {
    validations: async () => read("validate").map(({ at, outcome }) => ({ at, isClean: outcome === "passed" })),
    exports: async () => {
      const own = read("export").filter(({ outcome }) => outcome === "passed");
      // The worker that makes the backups exports where an app has no disk. Its records are the exports themselves.
      return hasDisk(environment) ? own : byTime([...own, ...(await readStoredExports(system, home))]);
    },
    archives: async () => read("archive").filter(({ outcome }) => outcome === "passed"),
    restoredBackups: () => readRestored(system, home),
    rounds: async () => readRounds(home.state, stack, system.name),
    lastWrite: async () => {
      const database = await account.databases(system);
      return database === undefined ? undefined : await readLastWrite(database.owner, system.postgres.schemas);
    },
  };
}

async function readRestored(system: System, home: Home): ReturnType<Evidence["restoredBackups"]> {
  const [{ openEnvironment }, { readInventory }] = await Promise.all([
    import("../backup/environment.ts"),
    import("../../backup/repository.ts"),
  ]);
  const { repository } = await openEnvironment({}, home);
  const { backups } = await readInventory(repository, { system: system.name, part: "postgres" });
  return backups.flatMap(({ id, manifest, records }) => {
    const restored = records.findLast(({ kind }) => kind === "rehearsed");
    return restored === undefined ? [] : [{ id, startedAt: manifest.startedAt, restoredAt: restored.at }];
  });
}

async function readStoredExports(system: System, home: Home): ReturnType<Evidence["exports"]> {
  const [{ openEnvironment }, { readJsonInventory }] = await Promise.all([
    import("../backup/environment.ts"),
    import("../../backup/json-inventory.ts"),
  ]);
  const { repository } = await openEnvironment({}, home);
  const { stored } = await readJsonInventory(repository, { system: system.name, kind: "json-export" });
  return stored.filter(({ copies }) => copies.length > 0).map(({ manifest: { at } }) => ({ at }));
}

const byTime = <T extends { readonly at: string }>(list: readonly T[]): T[] =>
  list.toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at));

/** Of every watch of this stack that includes the system, also of those that were set aside: "watch-prod-shop.jsonl", "watch-prod-2026-11-01T10-00-00.jsonl". */
function readRounds(state: string, stack: string, system: string): Awaited<ReturnType<Evidence["rounds"]>> {
  const watches = [`watch-${stack}`, `watch-${stack}-${system}`];
  const isOwn = (name: string) => watches.includes(name.replace(/(-\d{4}-\d{2}-\d{2}T[\dZ-]+)?\.jsonl$/, ""));
  const rounds = (existsSync(state) ? readdirSync(state) : [])
    .filter((name) => name.endsWith(".jsonl") && isOwn(name))
    .flatMap((name) => observationsIn(readJsonLines<Entry>(path.join(state, name))))
    .map(({ at, problems }) => ({ at, problems: problems.length }));
  return byTime(rounds);
}
