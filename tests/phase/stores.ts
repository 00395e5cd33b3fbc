/**
 * `slipway data import`, `validate` and `export` with the two stores of the reference service, while clients write. Each runs under the lock of the file, which
 * the service takes for every write, so it sees the stores at one moment. A write that comes meanwhile waits.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { expect } from "vitest";
import { openJsonFile } from "../../local/apps/reference/json-file.ts";
import { OWNERS, type Project, selectProjects } from "../../local/apps/reference/projects.ts";
import { connectionOf } from "../../operate/rotate/account.ts";
import { targetOf } from "../../postdeploy/connect/target.ts";
import { up } from "../../postdeploy/migrate/up.ts";
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
  /** Applies one more file to the database, while clients write. @returns its name */
  migrate(sql: string): Promise<readonly string[]>;
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
  /** What the commands read: the rows, and the users and organizations that they belong to, which the service does not keep in files. */
  const files = join(project.root, "json");
  mkdirSync(files);
  for (const [name, rows] of Object.entries(OWNER_FILES)) writeFileSync(join(files, name), JSON.stringify(rows));
  const data = async (command: string, ...flags: string[]) => {
    const { code, output } = await project.slipway("data", command, "--system", fluxstudio.name, ...flags, "--json");
    const json = output.indexOf("\n{") + 1;
    return { code, output, result: JSON.parse(output.slice(json, output.lastIndexOf("}") + 1)) };
  };
  const write = (rows: ReadonlyMap<string, Project>) => writeFileSync(join(files, "projects.json"), JSON.stringify([...rows.values()]));

  const read: Stores["read"] = () => file.change(async (rows) => ({ files: new Map(rows), postgres: await postgres() }));

  return {
    folder,
    read,
    importFiles: () =>
      file.change(async (rows) => {
        write(rows);
        const { code, output, result } = await data("import", "--from", files);
        expect(code, output).toBe(0);
        return result.entities.find(({ entity }: { entity: string }) => entity === "projects").inserted;
      }),
    validate: () =>
      file.change(async (rows) => {
        write(rows);
        const ids = findDifferences(rows, await postgres());
        const { code, output } = await data("validate", "--from", files);
        expect(code, output).toBe(ids.length === 0 ? 0 : 1);
        return ids;
      }),
    exportFiles: () =>
      file.change(async (rows) => {
        const to = join(project.root, "exported");
        const { code, output } = await data("export", "--to", to);
        expect(code, output).toBe(0);
        for (const name of Object.keys(OWNER_FILES)) if (existsSync(join(to, name))) cpSync(join(to, name), join(files, name));
        const exported: readonly Project[] = JSON.parse(readFileSync(join(to, "projects.json"), "utf8"));
        const there = new Map(exported.map((row) => [row.id, ownFields(row)]));
        const different = findDifferences(rows, there);
        rows.clear();
        for (const [id, row] of there) rows.set(id, row);
        return different.length;
      }),
    async migrate(sql) {
      const folder = join(project.root, "more/fluxstudio");
      cpSync(join(import.meta.dirname, "../../sql/fluxstudio"), folder, { recursive: true });
      writeFileSync(join(folder, "900_more.sql"), sql);
      const { applied } = await up({ folder, connection, system: fluxstudio.name });
      return applied.map(({ file }) => file);
    },
    sql: async (statement) => void (await pool.query(statement)),
    close: () => pool.end(),
  };
}

/** By id and by every field. */
function findDifferences(one: ReadonlyMap<string, Project>, other: ReadonlyMap<string, Project>): readonly string[] {
  const text = (row: Project | undefined) => row && JSON.stringify(Object.entries(row).sort());
  return [...new Set([...one.keys(), ...other.keys()])].filter((id) => text(one.get(id)) !== text(other.get(id)));
}

/** The service's own: an export has every field of the mapping. */
const ownFields = ({
  id,
  name,
  description,
  organizationId,
  managerId,
  serviceTier,
  status,
  priority,
  createdAt,
  updatedAt,
}: Project): Project => ({
  ...{ id, name, description, organizationId, managerId, serviceTier, status, priority },
  ...{ createdAt: new Date(createdAt).toISOString(), updatedAt: new Date(updatedAt).toISOString() },
});

const CREATED = { createdAt: "2026-01-05T09:00:00Z", updatedAt: "2026-01-05T09:00:00Z" };
const OWNER_FILES = {
  "users.json": [{ ...OWNERS.user, ...CREATED }],
  "organizations.json": [{ ...OWNERS.organization, ...CREATED }],
};
