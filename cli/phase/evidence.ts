/** The records that the gates between two phases read. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Home } from "../../local/servers/home.ts";
import type { Evidence } from "../../operate/phase/gates.ts";
import { readLastWrite } from "../../operate/phase/last-write.ts";
import type { Entry } from "../../operate/watch/journal.ts";
import { observationsIn } from "../../operate/watch/watch.ts";
import type { System } from "../../systems/definition.ts";
import type { Account } from "../shared/local-connections.ts";

export interface EvidenceSource {
  readonly system: System;
  readonly account: Account;
  readonly stack: string;
  readonly home: Home;
}

export function openEvidence({ system, account, stack, home }: EvidenceSource): Evidence {
  const folder = path.join(home.state, "data", stack, system.name);
  const read = (kind: DataRecord["kind"]) => readRecords(folder, kind);
  return {
    validations: async () => read("validate").map(({ at, outcome }) => ({ at, isClean: outcome === "passed" })),
    exports: async () => read("export").filter(({ outcome }) => outcome === "passed"),
    archives: async () => read("archive").filter(({ outcome }) => outcome === "passed"),
    restoredBackups: () => readRestored(system, home),
    rounds: async () => readRounds(home.state, stack, system.name),
    lastWrite: async () => {
      const database = await account.databases(system);
      return database === undefined ? undefined : await readLastWrite(database.owner, system.postgres.schemas);
    },
  };
}

interface DataRecord {
  readonly kind: "validate" | "export" | "archive";
  readonly at: string;
  readonly stack: string;
  readonly system: string;
  /** "passed" or why not. */
  readonly outcome: string;
}

/** In the order of time. A file that is no record is left out: it opens no gate. */
function readRecords(folder: string, kind: DataRecord["kind"]): readonly DataRecord[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(`${kind}-`) && name.endsWith(".json")) : [];
  return names
    .flatMap((name) => {
      try {
        const record = JSON.parse(readFileSync(path.join(folder, name), "utf8")) as DataRecord;
        return record.kind === kind && !Number.isNaN(Date.parse(record.at)) ? [record] : [];
      } catch {
        return [];
      }
    })
    .sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
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

/** Of every watch of this stack that includes the system, also of those that were set aside. */
function readRounds(state: string, stack: string, system: string): Awaited<ReturnType<Evidence["rounds"]>> {
  const names = existsSync(state) ? readdirSync(state) : [];
  const own = names.filter(
    (name) =>
      name.endsWith(".jsonl") &&
      (name.startsWith(`watch-${stack}-${system}`) || new RegExp(`^watch-${stack}(-\\d{4}-.*)?\\.jsonl$`).test(name)),
  );
  return own
    .flatMap((name) => observationsIn(readEntries(path.join(state, name))))
    .map(({ at, problems }) => ({ at, problems: problems.length }))
    .sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

function readEntries(file: string): readonly Entry[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return line === "" ? [] : [JSON.parse(line) as Entry];
      } catch {
        return [];
      }
    });
}
