/**
 * Projects in JSON files, in Postgres, or in both. A write is acknowledged once every store of the phase has it, with the same id and the same fields.
 *
 * usePostgres  reads come from Postgres instead of the file
 * dualWrite    writes go to both stores
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Pool, PoolClient } from "pg";
import { type JsonFile, openJsonFile } from "./json-file.ts";

export interface Change {
  readonly name: string;
  readonly description: string;
}

export interface Project extends Change {
  readonly id: string;
  readonly organizationId: string;
  readonly managerId: string;
  readonly serviceTier: string;
  readonly status: string;
  readonly priority: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Projects {
  create(change: Change): Promise<Project>;
  update(id: string, change: Change): Promise<Project | undefined>;
  remove(id: string): Promise<boolean>;
  find(id: string): Promise<Project | undefined>;
  list(): Promise<readonly Project[]>;
}

export interface ProjectsOptions {
  readonly usePostgres: boolean;
  readonly dualWrite: boolean;
  /** Of the JSON files. */
  readonly folder: string;
  /** For locks and drafts. */
  readonly work: string;
  readonly pool: Pool;
}

/** Every project belongs to them. */
export const OWNERS = {
  organization: { id: "5e1f0000-0000-4000-8000-000000000001", name: "Reference", slug: "reference" },
  user: { id: "5e1f0000-0000-4000-8000-000000000002", name: "Reference", email: "reference@example.com" },
} as const;

type Operation = (rows: Map<string, Project>, client: PoolClient | undefined) => Promise<unknown>;

interface Waiting {
  readonly operation: Operation;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export function openProjects({ usePostgres, dualWrite, folder, work: workFolder, pool }: ProjectsOptions): Projects {
  const file: JsonFile<Project> = openJsonFile(join(folder, "projects.json"), workFolder);
  const writesFile = !usePostgres || dualWrite;
  const writesPostgres = usePostgres || dualWrite;
  const queue: Waiting[] = [];
  let isWorking = false;
  let owners: Promise<void> | undefined;

  /** Writes what waits together: rewriting a file for each row would take most of the time. */
  async function work(): Promise<void> {
    isWorking = true;
    while (queue.length > 0) {
      const batch = queue.splice(0);
      try {
        const results = await file.change((rows) => inTransaction((client) => runAll(batch, rows, client)));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isWorking = false;
  }

  async function runAll(batch: readonly Waiting[], rows: Map<string, Project>, client: PoolClient | undefined): Promise<unknown[]> {
    const results: unknown[] = [];
    for (const { operation } of batch) results.push(await operation(rows, client));
    return results;
  }

  async function inTransaction<T>(operate: (client: PoolClient | undefined) => Promise<T>): Promise<T> {
    if (!writesPostgres) return await operate(undefined);
    owners ??= createOwners(pool).catch((error) => {
      owners = undefined;
      throw error;
    });
    await owners;
    const client = await pool.connect();
    let failure: Error | undefined;
    try {
      await client.query("BEGIN");
      const result = await operate(client);
      await client.query("COMMIT");
      return result;
    } catch (error) {
      failure = error as Error;
      await client.query("ROLLBACK").catch(() => {});
      throw error;
    } finally {
      client.release(failure);
    }
  }

  function write<T>(operation: (rows: Map<string, Project>, client: PoolClient | undefined) => Promise<T>): Promise<T> {
    if (!writesFile) return inTransaction((client) => operation(new Map(), client));
    return new Promise((resolve, reject) => {
      queue.push({ operation, resolve: resolve as (value: unknown) => void, reject });
      if (!isWorking) void work();
    });
  }

  /** The row as the store from which the phase reads has it. */
  async function current(id: string, rows: ReadonlyMap<string, Project>, client: PoolClient | undefined): Promise<Project | undefined> {
    return usePostgres ? await selectProject(client!, id) : rows.get(id);
  }

  async function save(project: Project, rows: Map<string, Project>, client: PoolClient | undefined): Promise<Project> {
    if (client !== undefined) await upsertProject(client, project);
    rows.set(project.id, project);
    return project;
  }

  return {
    create(change) {
      const now = new Date().toISOString();
      const project: Project = {
        ...{ id: randomUUID(), ...change, organizationId: OWNERS.organization.id, managerId: OWNERS.user.id },
        ...{ serviceTier: "standard", status: "planning", priority: "medium", createdAt: now, updatedAt: now },
      };
      return write((rows, client) => save(project, rows, client));
    },
    update: (id, change) =>
      write(async (rows, client) => {
        const before = await current(id, rows, client);
        return before && (await save({ ...before, ...change, updatedAt: new Date().toISOString() }, rows, client));
      }),
    remove: (id) =>
      write(async (rows, client) => {
        const before = await current(id, rows, client);
        await client?.query("DELETE FROM public.projects WHERE id = $1", [id]);
        rows.delete(id);
        return before !== undefined;
      }),
    find: async (id) => (usePostgres ? await selectProject(pool, id) : (await file.read()).get(id)),
    list: async () => (usePostgres ? await selectProjects(pool) : [...(await file.read()).values()]),
  };
}

async function createOwners(pool: Pool): Promise<void> {
  const { organization, user } = OWNERS;
  await pool.query("INSERT INTO public.organizations (id, name, slug) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", [
    ...[organization.id, organization.name, organization.slug],
  ]);
  await pool.query("INSERT INTO public.users (id, name, email) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", [
    user.id,
    user.name,
    user.email,
  ]);
}

const COLUMNS = "id, name, description, organization_id, manager_id, service_tier, status, priority, created_at, updated_at";
const SELECT = `SELECT ${COLUMNS} FROM public.projects`;

async function upsertProject(client: Pool | PoolClient, project: Project): Promise<void> {
  const { id, name, description, organizationId, managerId, serviceTier, status, priority, createdAt, updatedAt } = project;
  await client.query({
    name: "upsert project",
    text: `INSERT INTO public.projects (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      ON CONFLICT (id) DO UPDATE SET (name, description, organization_id, manager_id, service_tier, status, priority, created_at, updated_at)
        = (excluded.name, excluded.description, excluded.organization_id, excluded.manager_id, excluded.service_tier, excluded.status, excluded.priority, excluded.created_at, excluded.updated_at)`,
    values: [id, name, description, organizationId, managerId, serviceTier, status, priority, createdAt, updatedAt],
  });
}

async function selectProject(client: Pool | PoolClient, id: string): Promise<Project | undefined> {
  const { rows } = await client.query({ name: "select project", text: `${SELECT} WHERE id = $1`, values: [id] });
  return rows.map(toProject)[0];
}

export const selectProjects = async (pool: Pool): Promise<readonly Project[]> =>
  (await pool.query(`${SELECT} ORDER BY id`)).rows.map(toProject);

// biome-ignore lint/suspicious/noExplicitAny: a row as pg returns it
const toProject = (row: any): Project => ({
  ...{ id: row.id, name: row.name, description: row.description, organizationId: row.organization_id, managerId: row.manager_id },
  ...{ serviceTier: row.service_tier, status: row.status, priority: row.priority },
  ...{ createdAt: row.created_at.toISOString(), updatedAt: row.updated_at.toISOString() },
});
