import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lint } from "../../postdeploy/migrate/lint/index.ts";
import { readExpected } from "../expected.ts";
import { grantsOf, schemaOf, tablesOf, unfinished, unindexedForeignKeys } from "./catalog.ts";
import { type Database, MAJORS, type Server, start } from "./database.ts";
import { systems } from "./systems.ts";

const names = Object.keys(systems) as (keyof typeof systems)[];

describe.each(MAJORS)("On Postgres %i", (major) => {
  let server: Server;
  beforeAll(async () => {
    server = await start(major);
  });
  afterAll(() => server?.stop());

  describe.each(names)("%s", (system) => {
    let database: Database;
    beforeAll(async () => {
      database = await server.database(system);
    });

    it("has the committed schema and privileges [F21]", async () => {
      const texts = { schema: (await schemaOf(database)).join("\n"), privileges: (await grantsOf(database)).join("\n") };
      expect(texts).toEqual(readExpected(new URL(`schemas/${system}.txt`, import.meta.url), texts));
    });

    it("has no invalid index and no unvalidated constraint [F21]", async () => {
      expect(await unfinished(database)).toEqual([]);
    });

    it("has an index for every foreign key [F24, D11, C38]", async () => {
      expect(await unindexedForeignKeys(database)).toEqual([]);
    });

    it("keeps every timestamp with its time zone", async () => {
      const rows = await database.as(
        "superuser",
        `SELECT table_name, column_name FROM information_schema.columns
          WHERE table_schema = ANY (current_schemas(false)) AND data_type = 'timestamp without time zone'`,
      );
      expect(rows).toEqual([]);
    });

    it("says of every table what it is", async () => {
      const silent = await database.as(
        "superuser",
        `SELECT oid::regclass::text AS name FROM pg_class
          WHERE relkind = 'r' AND relnamespace::regnamespace::text = ANY (current_schemas(false)) AND obj_description(oid, 'pg_class') IS NULL`,
      );
      expect(silent).toEqual([]);
    });

    it("makes nothing outside the schemas that its definition names [D15]", async () => {
      const rows = await database.as(
        "superuser",
        `SELECT DISTINCT relnamespace::regnamespace::text AS schema FROM pg_class
          WHERE relowner = '${systems[system].postgres.roles.owner}'::regrole AND relnamespace::regnamespace::text <> 'pg_toast' ORDER BY 1`,
      );
      expect(rows.map(({ schema }) => schema)).toEqual([...systems[system].postgres.schemas].sort());
    });

    it("keeps the runtime role from changing a table", async () => {
      const [table] = await tablesOf(database);
      for (const statement of [`DROP TABLE ${table}`, `ALTER TABLE ${table} ADD COLUMN x int`, `TRUNCATE ${table}`])
        await expect(database.as("runtime", statement), statement).rejects.toMatchObject({ code: "42501" });
    });

    it("has nothing that the engine's own lint objects to, also where a database is in use", async () => {
      const folder = fileURLToPath(new URL(`../../sql/${system}`, import.meta.url));
      const { findings, ok } = await lint({ folder });
      expect({ findings: findings.filter(({ allowed }) => allowed === undefined), ok }).toEqual({ findings: [], ok: true });
      expect((await lint({ folder, files: database.files.slice(1).map(({ name }) => name) })).ok).toBe(true);
    });

    it("leaves the roles step nothing to do after the files", async () => {
      expect(await database.rolesLeft()).toEqual({ statements: [], notices: [] });
    });

    it("goes back to nothing, and forward to the same schema again [F139, D50]", async () => {
      const again = await server.database(system);
      const before = await schemaOf(again);
      await again.down();
      expect(await schemaOf(again)).toEqual([]);
      await again.up();
      expect(await schemaOf(again)).toEqual(before);
    });

    it("goes one file back and forward again from any of its files [F139]", async () => {
      const again = await server.database(system, { migrated: false });
      const earlier: string[][] = [];
      for (const { name } of again.files) {
        earlier.push(await schemaOf(again));
        await again.up(name);
        const after = await schemaOf(again);
        await again.down(name);
        expect(await schemaOf(again), `back over ${name}`).toEqual(earlier.at(-1));
        await again.up(name);
        expect(await schemaOf(again), `over ${name} again`).toEqual(after);
      }
    });
  });
});
