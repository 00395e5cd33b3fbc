/**
 * One Postgres per test file with the databases that it asks for, made as a deployment makes them: an administrator runs the roles step,
 * then the owner, who is no superuser, applies the files. The engine has tests of its own; here a file is applied in the plainest way, so
 * that a failure is the file's.
 */
import { fileURLToPath } from "node:url";
import pg from "pg";
import { type MigrationFile, readFolder } from "../../postdeploy/migrate/read/files.ts";
import { parseText } from "../../postdeploy/migrate/read/parse.ts";
import { MAJORS as ALL_MAJORS, type Major, startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { applyRoles, type RolesOptions, type RolesPlan, rolesPlan } from "../../postdeploy/roles/index.ts";
import { type RoleKind, systems } from "./systems.ts";

/** A mutation run (tests/mutants/) sets `{ system, statement }` here, to break the migrated schema of a system. It tests one version. */
export const BREAK_SCHEMA = "SLIPWAY_BREAK_SCHEMA";

export const MAJORS: readonly [Major, ...Major[]] = process.env[BREAK_SCHEMA] === undefined ? ALL_MAJORS : [15];

export type Row = Record<string, unknown>;

export interface Database {
  readonly name: string;
  readonly files: readonly MigrationFile[];
  /** Everything up to and with the file whose name begins so; all of them when left out. */
  up(until?: string): Promise<void>;
  /** The other way, from the newest applied file down to and with the named one. */
  down(until?: string): Promise<void>;
  /** Rows of one statement, or of the last of several, as one of the product's roles or as the server's superuser. */
  as(role: RoleKind | "superuser", sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** What the roles step would still do, or has to say. */
  rolesLeft(): Promise<RolesPlan>;
  /** For the migration engine, which connects itself. */
  url(role: RoleKind): string;
  /** A connection of its own, for what spans statements. It ends with the server. */
  connect(role: RoleKind | "superuser"): Promise<pg.Client>;
}

export interface Server {
  database(system: keyof typeof systems, options?: { migrated?: boolean }): Promise<Database>;
  stop(): Promise<void>;
}

export async function start(major: Major): Promise<Server> {
  const server = await startServer({ major });
  const open: pg.Client[] = [];
  const known = new Set<string>();
  let made = 0;
  return {
    async database(system, { migrated = true } = {}) {
      const { postgres } = systems[system];
      if (!known.has(system)) {
        known.add(system);
        for (const role of Object.values(postgres.roles)) await server.sql(`CREATE ROLE ${role} LOGIN`);
      }
      const name = `${system}_${++made}`;
      await server.sql(`CREATE DATABASE ${name}`);
      const roles: RolesOptions = { ...postgres, connection: { url: server.url(name) }, database: name, extensions: [] };
      await applyRoles(roles);
      // Queries of the catalog then search the schemas that the product searches.
      await server.sql(`ALTER ROLE postgres IN DATABASE ${name} SET search_path = ${postgres.schemas.join(", ")}`);
      const database = new Prepared(server, open, system, roles);
      if (migrated) await database.up();
      return database;
    },
    async stop() {
      await Promise.allSettled(open.map((client) => client.end()));
      await server.stop();
    },
  };
}

class Prepared implements Database {
  readonly name: string;
  readonly files: readonly MigrationFile[];
  readonly #server: TestServer;
  readonly #open: pg.Client[];
  readonly #options: RolesOptions;
  #applied = 0;

  constructor(server: TestServer, open: pg.Client[], system: keyof typeof systems, options: RolesOptions) {
    this.name = options.database;
    this.files = readFolder(fileURLToPath(new URL(`../../sql/${system}`, import.meta.url))).files;
    this.#server = server;
    this.#open = open;
    this.#options = options;
  }

  async up(until?: string): Promise<void> {
    const end = until === undefined ? this.files.length : this.#index(until) + 1;
    const client = await this.connect("owner");
    for (; this.#applied < end; this.#applied++) {
      const file = this.files[this.#applied];
      if (file) await apply(client, file);
    }
    await client.end();
    const { system, statement } = JSON.parse(process.env[BREAK_SCHEMA] ?? "{}") as { system?: string; statement?: string };
    if (statement && this.name.startsWith(`${system}_`) && this.#applied === this.files.length) await this.as("superuser", statement);
  }

  async down(until?: string): Promise<void> {
    const end = until === undefined ? 0 : this.#index(until);
    const client = await this.connect("owner");
    for (; this.#applied > end; this.#applied--) {
      const back = this.files[this.#applied - 1]?.down;
      if (back === undefined) throw new Error(`${this.files[this.#applied - 1]?.name} has no way back`);
      await apply(client, back);
    }
    await client.end();
  }

  async as(role: RoleKind | "superuser", sql: string, values?: readonly unknown[]): Promise<Row[]> {
    const client = await this.connect(role);
    try {
      const result = await client.query(sql, values ? [...values] : undefined);
      return (Array.isArray(result) ? (result.at(-1)?.rows ?? []) : result.rows) as Row[];
    } finally {
      await client.end();
    }
  }

  rolesLeft(): Promise<RolesPlan> {
    return rolesPlan(this.#options);
  }

  url(role: RoleKind): string {
    return this.#server.url(this.name, this.#options.roles[role]);
  }

  async connect(role: RoleKind | "superuser"): Promise<pg.Client> {
    const client = new pg.Client(this.#server.url(this.name, role === "superuser" ? "postgres" : this.#options.roles[role]));
    client.on("error", () => {});
    await client.connect();
    this.#open.push(client);
    return client;
  }

  #index(start: string): number {
    const index = this.files.findIndex(({ name }) => name.startsWith(start));
    if (index === -1) throw new Error(`No file of ${this.name} begins with ${start}`);
    return index;
  }
}

async function apply(client: pg.Client, file: Pick<MigrationFile, "name" | "text" | "header">): Promise<void> {
  const { statements, findings } = await parseText(file.name, file.text);
  if (findings.length > 0 || file.header.findings.length > 0) throw new Error(JSON.stringify([...findings, ...file.header.findings]));
  const pieces = file.header.transaction ? [`BEGIN; ${file.text}\n; COMMIT`] : statements.map(({ text }) => text);
  for (const piece of pieces) {
    try {
      await client.query(piece);
    } catch (error) {
      throw new Error(`${file.name}: ${(error as Error).message}`, { cause: error });
    }
  }
}
