import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { MAJORS, type Major, startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { up } from "../../postdeploy/migrate/up.ts";
import { applyRoles } from "../../postdeploy/roles/index.ts";
import { systems } from "../../systems/index.ts";
import { skipTest } from "../../tests/skip.ts";
import { type Backup, readInventory } from "../repository.ts";
import { backUp, clients, createRepository, removeFolders, restoreInto, SET, type TestRepository } from "../testing/fixture.ts";
import type { PostgresClients } from "./clients.ts";
import { inspectPostgres } from "./source.ts";

/** Of everything that is easy to lose. The backup role is no superuser, so row-level security applies to it. */
const SHOP = `
  CREATE SCHEMA app AUTHORIZATION shop_owner;
  CREATE SCHEMA "Odd Schema" AUTHORIZATION shop_owner;
  CREATE EXTENSION pg_trgm; CREATE EXTENSION pgcrypto;
  SET ROLE shop_owner;
  CREATE TYPE app.state AS ENUM ('new', 'paid'); CREATE DOMAIN app.amount AS numeric CHECK (VALUE >= 0);
  CREATE TABLE app.tenants (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL);
  CREATE TABLE app.orders (id bigint GENERATED ALWAYS AS IDENTITY, tenant uuid NOT NULL REFERENCES app.tenants ON DELETE CASCADE, state app.state DEFAULT 'new',
    price app.amount, twice numeric GENERATED ALWAYS AS (price * 2) STORED, at timestamptz NOT NULL, data jsonb, bytes bytea, weight float8, tags text[], span tstzrange, PRIMARY KEY (id));
  CREATE TABLE app.events (at date NOT NULL, text text) PARTITION BY RANGE (at);
  CREATE TABLE app.events_2025 PARTITION OF app.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE app.notes (id serial PRIMARY KEY, text text); CREATE TABLE app.old_notes () INHERITS (app.notes);
  CREATE UNLOGGED TABLE app.scratch (n int);
  CREATE TABLE "Odd Schema"."Odd Table; --" ("Odd Column" text);
  CREATE SEQUENCE app.countdown INCREMENT -1 MAXVALUE 1000 START 1000 MINVALUE -5; CREATE SEQUENCE app.never_used;
  CREATE VIEW app.paid AS SELECT * FROM app.orders WHERE state = 'paid';
  CREATE MATERIALIZED VIEW app.totals AS SELECT tenant, sum(price) AS total FROM app.orders GROUP BY tenant;
  CREATE INDEX orders_tags ON app.orders USING gin (tags); CREATE INDEX tenants_name ON app.tenants USING gin (name public.gin_trgm_ops);
  CREATE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.text := NEW.text || '!'; RETURN NEW; END $$;
  CREATE TRIGGER stamp BEFORE INSERT ON app.notes FOR EACH ROW EXECUTE FUNCTION app.stamp();
  ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY; ALTER TABLE app.orders FORCE ROW LEVEL SECURITY;
  CREATE POLICY owner ON app.orders TO shop_owner USING (true); CREATE POLICY tenant ON app.orders TO shop USING (tenant::text = current_setting('app.tenant', true));
  CREATE POLICY complete_backup ON app.orders FOR SELECT TO shop_backup USING (true);
  COMMENT ON TABLE app.orders IS 'With a ''comment''';
  INSERT INTO app.tenants (name) SELECT 'tenant ' || n FROM generate_series(1, 20) n;
  INSERT INTO app.orders (tenant, state, price, at, data, bytes, weight, tags, span)
    SELECT (SELECT id FROM app.tenants ORDER BY id LIMIT 1 OFFSET n % 20), CASE WHEN n % 3 = 0 THEN 'paid' ELSE 'new' END::app.state, n / 7.0, '2026-03-29 01:30:00+00'::timestamptz + n * interval '7 min',
           jsonb_build_object('n', n, 'text', E'\\n\\t"\\\\' || chr(8364)), decode(md5(n::text), 'hex'), random() * 1e300, ARRAY['a' || n, NULL, ''], tstzrange(now(), NULL) FROM generate_series(1, 2000) n;
  INSERT INTO app.events SELECT date '2025-01-01' + n, 'event ' || n FROM generate_series(0, 700) n;
  INSERT INTO app.notes (text) SELECT repeat('long ', 5000) FROM generate_series(1, 5); INSERT INTO app.old_notes (text) VALUES ('old');
  INSERT INTO "Odd Schema"."Odd Table; --" VALUES ('\\.'), (NULL), (''), ('NULL');
  SELECT nextval('app.countdown') FROM generate_series(1, 10);
  REFRESH MATERIALIZED VIEW app.totals;
  SELECT lo_from_bytea(4711, decode(repeat('00ff', 700000), 'hex')), lo_from_bytea(0, ''); GRANT SELECT ON LARGE OBJECT 4711 TO shop_backup;
  RESET ROLE;
  DO $$ DECLARE one oid; BEGIN FOR one IN SELECT oid FROM pg_largeobject_metadata LOOP EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO shop_backup', one); END LOOP; END $$;
  GRANT USAGE ON SCHEMA app, "Odd Schema" TO shop, shop_backup; GRANT SELECT ON ALL TABLES IN SCHEMA app, "Odd Schema" TO shop_backup; GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO shop_backup;
  GRANT SELECT, INSERT ON app.orders TO shop; GRANT UPDATE (name) ON app.tenants TO shop;`;

/** Clients of a version may neither be installed nor be downloadable: without a network, or where no release has them. */
async function requireClients(context: TestContext, ...majors: readonly Major[]): Promise<void> {
  for (const major of majors) {
    const problem = await clients(major).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (problem !== undefined)
      skipTest(context, { reason: `pg_dump ${major} is not here`, enable: `Install the client programs of Postgres ${major}` });
  }
}

/** pg_dump says it in these words if it was built without the library. */
function removeZstd(found: PostgresClients): PostgresClients {
  const refuseZstd =
    'for arg; do case "$arg" in --compress=zstd*) echo \'pg_dump: error: this build does not support compression with "zstd"\' >&2; exit 1;; esac; done; exec "$@"';
  return {
    ...found,
    program(name) {
      const { file, args, env } = found.program(name);
      return name === "pg_dump" ? { file: "sh", args: ["-c", refuseZstd, "sh", file, ...args], env } : { file, args, env };
    },
  };
}

const servers = new Map<Major, Promise<TestServer>>();
const serverOf = (major: Major): Promise<TestServer> => {
  if (!servers.has(major)) servers.set(major, startServer({ major }));
  return servers.get(major)!;
};
afterAll(async () => {
  for (const server of servers.values()) await (await server).stop();
  removeFolders();
});

async function createShop(server: TestServer, name = "shop"): Promise<void> {
  for (const role of ["shop_owner", "shop", "shop_backup"]) {
    // A restore of another test may have created it.
    await server.sql(`CREATE ROLE ${role}`).catch(() => {});
    await server.sql(`ALTER ROLE ${role} LOGIN`);
  }
  await server.database(name);
  await server.sql(SHOP, name);
}

async function findOne(repository: TestRepository): Promise<Backup> {
  const { backups } = await readInventory(repository);
  expect(backups).toHaveLength(1);
  return backups[0]!;
}

/** Independent of the comparison: every row of every table as text, by Postgres' own COPY order-insensitively hashed here. */
async function readRows(server: TestServer, database: string): Promise<Record<string, string>> {
  const tables = await server.sql(
    "SELECT format('%I.%I', nspname, relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'm') AND nspname !~ '^(pg_|information_schema)'",
    database,
  );
  const rows: Record<string, string> = {};
  for (const { name } of tables) {
    const list = await server.sql(`SELECT t::text AS row FROM ONLY ${name} t ORDER BY 1`, database);
    rows[String(name)] = `${list.length} ${createHash("sha256").update(JSON.stringify(list)).digest("hex")}`;
  }
  return rows;
}

describe("a backup of a database with everything that is easy to lose", () => {
  it.for(MAJORS.map((major, index) => ({ major, next: MAJORS[index + 1] ?? major })))(
    "of Postgres $major is equal row by row after a restore, there and on the next version [F140]",
    async ({ major, next }, context) => {
      await requireClients(context, major);
      const hasNext = await clients(next).then(
        () => true,
        () => false,
      );
      const source = await serverOf(major);
      await createShop(source);
      const repository = await createRepository();
      await backUp(repository, { url: source.url("shop", "shop_backup") });
      const backup = await findOne(repository);
      const { client } = backup.manifest.postgres!;
      expect(backup.manifest.data.compression).toBe(Number.parseInt(client, 10) < 16 ? "zstd" : "pg_dump");
      const expected = await readRows(source, "shop");
      expect(Object.keys(expected).length).toBe(9);
      for (const [index, [target, jobs]] of ([[major, 1], [major, 2], ...(hasNext ? ([[next, 2]] as const) : [])] as const).entries()) {
        const server = await serverOf(target);
        const database = `restored_${index}_from_${major}`;
        const { createdRoles } = await restoreInto(repository, backup, {
          server: { url: server.url("postgres") },
          database,
          jobs,
          createRoles: true,
        });
        expect(createdRoles.every((role) => role.startsWith("shop"))).toBe(true);
        expect(await readRows(server, database)).toEqual(expected);
        const [state] = await server.sql(
          `SELECT (SELECT count(*)::int FROM pg_largeobject_metadata) AS objects, length(lo_get(4711)) AS bytes, nextval('app.orders_id_seq')::int AS next, nextval('app.countdown')::int AS down,
                  (SELECT relforcerowsecurity FROM pg_class WHERE oid = 'app.orders'::regclass) AS forced, has_column_privilege('shop', 'app.tenants', 'name', 'UPDATE') AS granted,
                  (SELECT tableowner FROM pg_tables WHERE tablename = 'orders') AS owner`,
          database,
        );
        expect(state).toEqual({ objects: 2, bytes: 1_400_000, next: 2001, down: 990, forced: true, granted: true, owner: "shop_owner" });
      }
    },
  );

  it("names its cluster, timeline and database, on every version and for every role", async () => {
    for (const major of MAJORS) {
      const server = await serverOf(major);
      await server.sql("CREATE ROLE reads_nothing LOGIN");
      await server.database("origin_a");
      await server.database("origin_b");
      const [a, b] = await Promise.all(["origin_a", "origin_b"].map((name) => inspectPostgres({ url: server.url(name, "reads_nothing") })));
      expect(a).toEqual({ isEmpty: true, origin: expect.stringMatching(/^\d{19}\/1\/\d+$/) });
      expect(b!.origin!.replace(/\d+$/, "")).toBe(a!.origin!.replace(/\d+$/, ""));
      expect(b!.origin).not.toBe(a!.origin);
      await server.sql("SELECT lo_from_bytea(0, 'x')", "origin_a");
      await server.sql("CREATE SEQUENCE s", "origin_b");
      for (const name of ["origin_a", "origin_b"]) expect((await inspectPostgres({ url: server.url(name) })).isEmpty).toBe(false);
      await server.sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public", "origin_a");
      expect((await inspectPostgres({ url: server.url("origin_a", "reads_nothing") })).origin).toBeUndefined();
    }
  });

  it("is compressed as a whole where pg_dump was built without zstd", async () => {
    const server = await serverOf(17);
    const connection = await server.database("no_zstd");
    await server.sql("CREATE TABLE one AS SELECT n, repeat('text ', 20) AS text FROM generate_series(1, 2000) n", "no_zstd");
    const repository = await createRepository();
    await backUp(repository, connection, SET, async (major) => removeZstd(await clients(major)));
    const backup = await findOne(repository);
    const { compression, bytes, plainBytes } = backup.manifest.data;
    expect({ compression, isSmaller: bytes < plainBytes / 3 }).toEqual({ compression: "zstd", isSmaller: true });
    const restored = await restoreInto(repository, backup, { server: { url: server.url("postgres") }, database: "no_zstd_again" });
    expect(restored).toMatchObject({ tables: 1, rows: 2000 });
  });

  it("is restored by a client that is not older than the one that made it", async (context) => {
    await requireClients(context, 15, 17);
    const server = await serverOf(15);
    const connection = await server.database("newer_client");
    await server.sql("CREATE TABLE one AS SELECT generate_series(1, 10) AS n", "newer_client");
    const repository = await createRepository();
    await backUp(repository, connection, SET, () => clients(17));
    const restoring = restoreInto(repository, await findOne(repository), {
      server: { url: server.url("postgres") },
      database: "newer_client_again",
    });
    await expect(restoring).resolves.toMatchObject({ tables: 1, rows: 10 });
  });

  it("refuses an older server, an existing database, missing roles, and a role that may not create one", async (context) => {
    await requireClients(context, 18);
    const [source, older] = [await serverOf(18), await serverOf(17)];
    await createShop(source, "shop_again");
    const repository = await createRepository();
    await backUp(repository, { url: source.url("shop_again", "shop_backup") });
    const backup = await findOne(repository);
    const into = (server: TestServer, user: string, database = "fresh") =>
      restoreInto(repository, backup, { server: { url: server.url("postgres", user) }, database });
    await expect(into(older, "postgres")).rejects.toThrow("which is older. Restore it on 18 or newer");
    await expect(into(source, "postgres", "shop_again")).rejects.toThrow("Database shop_again exists");
    await expect(into(source, "shop")).rejects.toThrow("may not create a database");
    await source.sql("ALTER ROLE shop RENAME TO shop_before");
    await expect(into(source, "postgres")).rejects.toThrow("does not have: shop. ");
    await source.sql("ALTER ROLE shop_before RENAME TO shop");
    expect(await source.sql("SELECT datname FROM pg_database WHERE datname ~ 'fresh|slipway_restore'")).toEqual([]);
  });

  it("drops a database that differs from the manifest, and says what differs", async () => {
    const server = await serverOf(17);
    const repository = await createRepository();
    const connection = await server.database("differs");
    await server.sql(
      "CREATE TABLE one (n int PRIMARY KEY); INSERT INTO one SELECT generate_series(1, 10); CREATE TABLE two (n int); CREATE SEQUENCE three; SELECT setval('three', 50)",
      "differs",
    );
    await backUp(repository, connection);
    const backup = await findOne(repository);
    const postgres = backup.manifest.postgres!;
    const planted = {
      ...postgres,
      tables: [
        ...postgres.tables.map((table) => ({ ...table, rows: table.name === "public.one" ? 11 : table.rows })),
        { name: "public.lost", rows: 0, checksum: "0" },
      ],
      sequences: postgres.sequences.map((sequence) => ({ ...sequence, value: "51" })),
      schema: postgres.schema.filter(({ kind }) => kind !== "constraint"),
    };
    const restoring = restoreInto(
      repository,
      { ...backup, manifest: { ...backup.manifest, postgres: planted } },
      { server: { url: server.url("postgres") }, database: "fresh" },
    );
    const message = await restoring.then(
      () => "",
      (error: Error) => error.message,
    );
    expect(message.split("\n  ").slice(1)).toEqual([
      "table public.lost: missing",
      "table public.one: 10 rows instead of 11",
      "sequence public.three: it is at 50, and was at 51: it would give out numbers again",
      "constraint public.one.one_pkey: it was not in the backup",
    ]);
    expect(await server.sql("SELECT datname FROM pg_database WHERE datname ~ 'fresh|slipway_restore'")).toEqual([]);
  });

  it("is not made of a table that the role cannot read, or whose rows a policy hides", async () => {
    const server = await serverOf(17);
    await createShop(server, "hidden");
    const repository = await createRepository();
    const attempt = () => backUp(repository, { url: server.url("hidden", "shop_backup") });
    await server.sql("CREATE POLICY less ON app.orders AS RESTRICTIVE FOR SELECT TO shop_backup USING (price < 3)", "hidden");
    await expect(attempt()).rejects.toThrow(/hides rows of app\.orders/);
    await server.sql("DROP POLICY less ON app.orders; DROP POLICY complete_backup ON app.orders", "hidden");
    await expect(attempt()).rejects.toThrow("CREATE POLICY complete_backup ON … FOR SELECT TO shop_backup USING (true)");
    await server.sql(
      "CREATE POLICY complete_backup ON app.orders FOR SELECT TO shop_backup USING (true); REVOKE SELECT ON app.notes FROM shop_backup; REVOKE SELECT ON LARGE OBJECT 4711 FROM shop_backup",
      "hidden",
    );
    await expect(attempt()).rejects.toThrow(/may not read app\.notes[\s\S]*1 large objects, such as 4711/);
    expect((await readInventory(repository)).backups).toEqual([]);
  });

  it("is consistent while rows change and tables come and go", async () => {
    const server = await serverOf(17);
    const connection = await server.database("busy");
    await server.sql("CREATE TABLE pairs (a int, b int); INSERT INTO pairs SELECT n, n FROM generate_series(1, 50000) n", "busy");
    const repository = await createRepository();
    let running = true;
    const writer = (async () => {
      for (let n = 0; running; n++)
        await server
          .sql(
            `BEGIN; UPDATE pairs SET a = a + 1 WHERE a % 97 = ${n % 97}; UPDATE pairs SET b = a; INSERT INTO pairs VALUES (-1, -1); COMMIT; CREATE TABLE t${n} (n int); DROP TABLE t${n}`,
            "busy",
          )
          .catch(() => {});
    })();
    await backUp(repository, connection);
    running = false;
    await writer;
    const backup = await findOne(repository);
    await restoreInto(repository, backup, { server: { url: server.url("postgres") }, database: "busy_restored" });
    expect(await server.sql("SELECT count(*)::int AS torn FROM pairs WHERE a <> b", "busy_restored")).toEqual([{ torn: 0 }]);
  });
});

describe.each(systems.map((system) => [system.name, system] as const))("a backup of %s", (name, system) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await serverOf(17);
    const { roles, schemas, extensions, statementTimeoutSeconds, database } = system.postgres;
    for (const role of Object.values(roles)) await server.sql(`CREATE ROLE ${role} LOGIN`);
    await server.database(database);
    await applyRoles({ roles, schemas, extensions, statementTimeoutSeconds, database, connection: { url: server.url(database) } });
    await up({
      folder: fileURLToPath(new URL(`../../sql/${name}`, import.meta.url)),
      connection: { url: server.url(database, roles.owner) },
      system: name,
      schemas,
    });
  });

  it.for([15, 17] as const)("is restored on Postgres %i by an administrator who is no superuser", async (major, context) => {
    await requireClients(context, major);
    const managed = await startServer({ major });
    try {
      const { roles, schemas, statementTimeoutSeconds, database } = system.postgres;
      // At DigitalOcean, doadmin may create this one as well.
      const extensions = system.postgres.extensions.filter((extension) => extension !== "pg_stat_statements");
      await managed.sql("CREATE ROLE doadmin LOGIN CREATEDB CREATEROLE BYPASSRLS; GRANT pg_signal_backend TO doadmin");
      await managed.sql(`CREATE DATABASE ${database} OWNER doadmin`);
      for (const role of Object.values(roles)) await managed.sql(`CREATE ROLE ${role} LOGIN; GRANT ${role} TO doadmin WITH ADMIN OPTION`);
      const admin = { url: managed.url(database, "doadmin") };
      await applyRoles({ roles, schemas, extensions, statementTimeoutSeconds, database, connection: admin });
      const folder = fileURLToPath(new URL(`../../sql/${name}`, import.meta.url));
      await up({ folder, connection: { url: managed.url(database, roles.owner) }, system: name, schemas });
      const repository = await createRepository();
      await backUp(repository, { url: managed.url(database, roles.backup) }, { ...SET, system: name });
      const backup = await findOne(repository);
      for (const jobs of [1, 2])
        await restoreInto(repository, backup, { server: { url: managed.url("postgres", "doadmin") }, database: `restored_${jobs}`, jobs });
      await managed.sql(`ALTER ROLE ${roles.owner} RENAME TO former_owner`);
      const { createdRoles } = await restoreInto(repository, backup, {
        ...{ server: { url: managed.url("postgres", "doadmin") }, database: "restored_3", createRoles: true },
      });
      expect(createdRoles).toEqual([roles.owner]);
    } finally {
      await managed.stop();
    }
  });

  it("is made by its backup role, and restored with roles, grants, policies and the ledger", async () => {
    const { roles, database } = system.postgres;
    const repository = await createRepository();
    await backUp(repository, { url: server.url(database, roles.backup) }, { ...SET, system: name });
    const backup = await findOne(repository);
    expect(backup.manifest.postgres!.tables.map((table) => table.name)).toContain("slipway.events");
    await restoreInto(repository, backup, { server: { url: server.url("postgres") }, database: `${database}_restored` });
    const elsewhere = await startServer({ major: 17 });
    try {
      const { createdRoles } = await restoreInto(repository, backup, {
        server: { url: elsewhere.url("postgres") },
        database,
        createRoles: true,
      });
      expect(createdRoles).toEqual(expect.arrayContaining([roles.owner, roles.runtime]));
    } finally {
      await elsewhere.stop();
    }
  });
});
