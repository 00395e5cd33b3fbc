/**
 * What `slipway data import`, `validate` and `export` do with the two stores of the reference service, while the service writes both. Each works under the
 * lock of the file, which the service takes for every write, so it sees the stores at one moment. Each leaves the record that the gates read.
 */
import { join } from "node:path";
import pg from "pg";
import { type EvidenceKind, evidenceFolder, writeEvidence } from "../../data/evidence.ts";
import { openJsonFile } from "../../local/apps/reference/json-file.ts";
import { type Project, selectProjects, upsertProject } from "../../local/apps/reference/projects.ts";
import { STACK } from "../../local/platform/workspace.ts";
import { connectionOf } from "../../operate/rotate/account.ts";
import { targetOf } from "../../postdeploy/connect/target.ts";
import { fluxstudio } from "../../systems/fluxstudio.ts";
import type { TestProject } from "../local-project.ts";

export interface Stores {
  /** The folder with the JSON files. */
  readonly folder: string;
  /** Adds to Postgres what only the files have. @returns how many rows */
  importFiles(): Promise<number>;
  /** @returns the ids of rows that are not the same in both */
  validate(): Promise<readonly string[]>;
  /** Makes the files equal to Postgres. @returns how many rows were missing or different */
  exportFiles(): Promise<number>;
  /** The rows of both stores at one moment. */
  read(): Promise<{ readonly files: ReadonlyMap<string, Project>; readonly postgres: ReadonlyMap<string, Project> }>;
  /** As the owner of the database. */
  sql(statement: string): Promise<void>;
  close(): Promise<void>;
}

export async function openStores(project: TestProject): Promise<Stores> {
  const state = join(project.root, ".slipway");
  const component = join(state, "apps/fluxstudio-local/api");
  const folder = join(component, "data");
  const file = openJsonFile<Project>(join(folder, "projects.json"), join(component, "work"));
  const { database, roles } = fluxstudio.postgres;
  const cluster = await project.cluster(fluxstudio);
  const password = (await project.account().readPassword(cluster, roles.owner))!;
  const connection = connectionOf(cluster, { user: roles.owner, password }, database);
  const { host, port, user } = targetOf(connection);
  const pool = new pg.Pool({ host, port, user, password, database, ssl: { ca: connection.ca }, max: 1 });

  const postgres = async () => new Map((await selectProjects(pool)).map((row) => [row.id, row]));
  const record = (kind: EvidenceKind, outcome = "passed") =>
    writeEvidence(evidenceFolder(state, STACK, fluxstudio.name), {
      ...{ kind, at: new Date().toISOString(), stack: STACK, system: fluxstudio.name, outcome },
    });

  const read: Stores["read"] = () => file.change(async (rows) => ({ files: new Map(rows), postgres: await postgres() }));

  return {
    folder,
    read,
    importFiles: () =>
      file.change(async (rows) => {
        const there = await postgres();
        const missing = [...rows.values()].filter(({ id }) => !there.has(id));
        for (const row of missing) await upsertProject(pool, row);
        return missing.length;
      }),
    async validate() {
      const { files, postgres } = await read();
      const ids = findDifferences(files, postgres);
      record("validate", ids.length === 0 ? "passed" : `${ids.length} rows differ`);
      return ids;
    },
    exportFiles: () =>
      file.change(async (rows) => {
        const there = await postgres();
        const different = findDifferences(rows, there);
        rows.clear();
        for (const [id, row] of there) rows.set(id, row);
        record("export");
        return different.length;
      }),
    sql: async (statement) => void (await pool.query(statement)),
    close: () => pool.end(),
  };
}

/** By id and by every field. */
function findDifferences(one: ReadonlyMap<string, Project>, other: ReadonlyMap<string, Project>): readonly string[] {
  const text = (row: Project | undefined) => row && JSON.stringify(Object.entries(row).sort());
  return [...new Set([...one.keys(), ...other.keys()])].filter((id) => text(one.get(id)) !== text(other.get(id)));
}
