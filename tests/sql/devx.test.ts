import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseline } from "../../postdeploy/migrate/baseline.ts";
import { status } from "../../postdeploy/migrate/status.ts";
import { up } from "../../postdeploy/migrate/up.ts";
import { countsOf, indexesUsed, tablesOf, unindexedForeignKeys } from "./catalog.ts";
import { type Database, MAJORS, type Server, start } from "./database.ts";
import { systems } from "./systems.ts";

/** The two tables that the product's documents print in full: name, type, whether it must be given, default. */
const PRINTED = {
  services: [
    "id uuid not null gen_random_uuid()",
    "name character varying(255) not null",
    "slug character varying(255) not null",
    "description text",
    "template_id uuid",
    "user_id uuid not null",
    "project_id uuid",
    "service_type character varying(50) not null 'api'::character varying",
    "port integer",
    "health_check_url character varying(500)",
    "status character varying(50) 'inactive'::character varying",
    "deployment_config jsonb '{}'::jsonb",
    "environment_vars jsonb '{}'::jsonb",
    "resource_limits jsonb '{}'::jsonb",
    "created_at timestamp with time zone CURRENT_TIMESTAMP",
    "updated_at timestamp with time zone CURRENT_TIMESTAMP",
    "deployed_at timestamp with time zone",
  ],
  generation_history: [
    "id uuid not null gen_random_uuid()",
    "user_id uuid not null",
    "template_id uuid",
    "project_id uuid",
    "service_id uuid",
    "generation_type character varying(50) not null",
    "input_params jsonb '{}'::jsonb",
    "output_files jsonb '[]'::jsonb",
    "generation_status character varying(50) 'pending'::character varying",
    "error_message text",
    "execution_time_ms integer",
    "created_at timestamp with time zone CURRENT_TIMESTAMP",
    "completed_at timestamp with time zone",
  ],
};

/** Every foreign key: what a delete of the other row does, and the index that begins with its column. */
const REFERENCES = `
  SELECT concat_ws(' ', conrelid::regclass || '.' || attname, '->', confrelid::regclass,
                   CASE confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE confdeltype::text END,
                   (SELECT string_agg(indexrelid::regclass::text, ' ') FROM pg_index WHERE indrelid = conrelid AND indkey[0] = attnum)) AS line
    FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
   WHERE contype = 'f' AND connamespace::regnamespace::text IN ('devx', 'templates')`;

const PRINTED_REFERENCES = [
  "activity_logs.user_id -> users SET NULL activity_logs_user_id_idx",
  "api_keys.user_id -> users CASCADE api_keys_user_id_idx",
  "generation_history.project_id -> projects NO ACTION generation_history_project_id_idx",
  "generation_history.service_id -> services NO ACTION generation_history_service_id_idx",
  "generation_history.template_id -> templates NO ACTION generation_history_template_id_idx",
  "generation_history.user_id -> users NO ACTION generation_history_user_id_created_at_idx",
  "projects.template_id -> templates NO ACTION projects_template_id_idx",
  "projects.user_id -> users NO ACTION projects_user_id_slug_key",
  "services.project_id -> projects NO ACTION services_project_id_idx",
  "services.template_id -> templates NO ACTION services_template_id_idx",
  "services.user_id -> users NO ACTION services_user_id_idx",
  "templates.category_id -> categories NO ACTION templates_category_id_idx",
  "templates.created_by -> users NO ACTION templates_created_by_idx",
];

const COLUMNS = `
  SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'not null' END, pg_get_expr(adbin, adrelid)) AS line
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
   WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;

const PLENTY = `
  INSERT INTO users (id, email, username) SELECT md5('u' || n)::uuid, 'u' || n || '@example.com', 'u' || n FROM generate_series(1, 2000) n;
  INSERT INTO categories (id, name, slug) SELECT md5('c' || n)::uuid, 'Category ' || n, 'c' || n FROM generate_series(1, 2000) n;
  INSERT INTO templates (id, name, slug, category_id, created_by, technologies)
    SELECT md5('t' || n)::uuid, 'Template ' || n, 't' || n, md5('c' || 1 + n % 2000)::uuid, md5('u' || 1 + n % 2000)::uuid, ARRAY['tech-' || n % 500]
      FROM generate_series(1, 5000) n;
  INSERT INTO projects (id, user_id, template_id, name, slug)
    SELECT md5('p' || n)::uuid, md5('u' || n)::uuid, md5('t' || n)::uuid, 'P' || n, 'p' FROM generate_series(1, 2000) n;
  INSERT INTO services (name, slug, user_id, project_id, template_id)
    SELECT 'S' || n, 's' || n, md5('u' || 1 + n % 2000)::uuid, md5('p' || 1 + n % 2000)::uuid, md5('t' || n)::uuid FROM generate_series(1, 5000) n;
  INSERT INTO generation_history (user_id, template_id, project_id, service_id, generation_type)
    SELECT user_id, template_id, project_id, id, 'code' FROM services;
  INSERT INTO api_keys (user_id, name, key_hash, key_prefix)
    SELECT md5('u' || n)::uuid, 'Key', sha256(n::text::bytea), 'dx_k' || n FROM generate_series(1, 2000) n;
  INSERT INTO activity_logs (user_id, action, created_at)
    SELECT md5('u' || 1 + n % 2000)::uuid, 'seen', now() - n * interval '1 hour' FROM generate_series(1, 9000) n;
  ANALYZE;`;

describe.each(MAJORS)("DevX on Postgres %i", (major) => {
  let server: Server;
  let database: Database;
  const runtime = (sql: string) => database.as("runtime", sql);

  beforeAll(async () => {
    server = await start(major);
    database = await server.database("devx");
    await database.as("superuser", PLENTY);
  });
  afterAll(() => server?.stop());

  it("has nine tables in two schemas, made by the two files of its documents [D2, D3, D4, D5, D6, D7, D8, D21, D22]", async () => {
    const fresh = await server.database("devx", { migrated: false });
    expect(fresh.files.map(({ name }) => name)).toEqual([
      "001_create_base_schema.sql",
      "002_add_api_keys_table.sql",
      "003_api_keys_never_in_clear.sql",
    ]);
    await fresh.up("001");
    const base = ["devx.activity_logs", "devx.generation_history", "devx.projects", "devx.services", "devx.users"];
    const templates = ["templates.categories", "templates.technologies", "templates.templates"];
    expect(await tablesOf(fresh)).toEqual([...base, ...templates]);
    await fresh.up();
    expect(await tablesOf(fresh)).toEqual(["devx.activity_logs", "devx.api_keys", ...base.slice(1), ...templates]);
  });

  it("takes a database that the old init script created as its baseline, and applies the later files [D21]", async () => {
    const old = await server.database("devx", { migrated: false });
    // The init script contained file 001, and left no ledger.
    await old.up("001");
    await old.as("superuser", "INSERT INTO users (email, username) VALUES ('old@example.com', 'old')");
    const options = {
      folder: fileURLToPath(new URL("../../sql/devx", import.meta.url)),
      connection: { url: old.url("owner") },
      schemas: systems.devx.postgres.schemas,
      system: "devx",
    };
    await expect(up(options)).rejects.toThrow("slipway migrate baseline --applied");
    const { baselined, pending } = await baseline({ ...options, applied: ["001_create_base_schema.sql"] });
    expect(baselined).toEqual(["001_create_base_schema.sql"]);
    const later = old.files.slice(1).map(({ name }) => name);
    expect(pending.map(({ file }) => file)).toEqual(later);
    expect((await up(options)).applied.map(({ file }) => file)).toEqual(later);
    expect(await tablesOf(old)).toHaveLength(9);
    expect(await old.as("runtime", "SELECT username FROM users")).toEqual([{ username: "old" }]);
    expect((await status(options)).files.map(({ file, state }) => `${state} ${file}`)).toEqual([
      "baselined 001_create_base_schema.sql",
      ...later.map((file) => `applied ${file}`),
    ]);
  });

  it("creates its schemas if they do not exist, as in a scratch database", async () => {
    const fresh = await server.database("devx", { migrated: false });
    await fresh.as("superuser", `DROP SCHEMA devx, templates; GRANT CREATE ON DATABASE ${fresh.name} TO devx_owner`);
    await fresh.up();
    expect(await tablesOf(fresh)).toHaveLength(9);
  });

  it.each([
    { table: "services", count: 17, id: "D38" },
    { table: "generation_history", count: 13, id: "D39" },
  ] as const)("has $table with its $count columns exactly as printed [$id]", async ({ table, count }) => {
    const rows = await database.as("superuser", COLUMNS, [table]);
    expect(rows.map(({ line }) => line)).toEqual(PRINTED[table]);
    expect((await countsOf(database))[table]?.columns).toBe(count);
    const references = (await database.as("superuser", REFERENCES)).map(({ line }) => String(line)).sort();
    expect(references.filter((line) => line.startsWith(`${table}.`))).toEqual(
      PRINTED_REFERENCES.filter((line) => line.startsWith(`${table}.`)),
    );
  });

  it("keeps slugs of services apart everywhere, and takes no status but the decided ones [D38]", async () => {
    const insert = (slug: string, status: string) =>
      runtime(`INSERT INTO services (name, slug, user_id, status) VALUES ('S', '${slug}', md5('u1')::uuid, '${status}')`);
    await expect(insert("s1", "active")).rejects.toMatchObject({ code: "23505" });
    await expect(insert("new", "sleeping")).rejects.toMatchObject({ code: "23514", constraint: "services_status_check" });
  });

  it("warns in the catalog that environment_vars are not for secrets [D38]", async () => {
    const [row] = await database.as(
      "superuser",
      `SELECT col_description('services'::regclass, attnum) AS text FROM pg_attribute WHERE attrelid = 'services'::regclass AND attname = 'environment_vars'`,
    );
    expect(row?.text).toMatch(/not for secrets/i);
  });

  it("has a UUID with a default as every table's key [D10, D40]", async () => {
    const keys = await database.as(
      "superuser",
      `SELECT conrelid::regclass::text AS name, format_type(atttypid, NULL) AS type, pg_get_expr(adbin, adrelid) AS value
         FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
         LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE contype = 'p' AND connamespace::regnamespace::text IN ('devx', 'templates')`,
    );
    expect(keys).toHaveLength(9);
    for (const { type, value, name } of keys) expect([type, value], String(name)).toEqual(["uuid", "gen_random_uuid()"]);
  });

  it("makes keys under the search path devx alone [D40]", async () => {
    const [row] = await runtime(
      "SET search_path = devx; INSERT INTO users (email, username) VALUES ('path@example.com', 'path') RETURNING id",
    );
    expect(row?.id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("has the documented default for every JSONB column [D12]", async () => {
    const rows = await database.as(
      "superuser",
      `SELECT table_name || '.' || column_name || ' ' || coalesce(column_default, 'NULL') AS line FROM information_schema.columns
        WHERE table_schema IN ('devx', 'templates') AND data_type LIKE 'json%'`,
    );
    expect(rows.map(({ line }) => line).sort()).toEqual([
      "activity_logs.details '{}'::jsonb",
      "categories.metadata '{}'::jsonb",
      "generation_history.input_params '{}'::jsonb",
      "generation_history.output_files '[]'::jsonb",
      "projects.configuration '{}'::jsonb",
      "projects.metadata '{}'::jsonb",
      "services.deployment_config '{}'::jsonb",
      "services.environment_vars '{}'::jsonb",
      "services.resource_limits '{}'::jsonb",
      "technologies.metadata '{}'::jsonb",
      "templates.configuration '{}'::jsonb",
      "templates.metadata '{}'::jsonb",
      "users.metadata '{}'::jsonb",
    ]);
  });

  it("moves updated_at on each UPDATE of each table that has one [D13]", async () => {
    await runtime("INSERT INTO technologies (name, slug) VALUES ('Node', 'node')");
    const having = await database.as(
      "superuser",
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.columns
        WHERE column_name = 'updated_at' AND table_schema IN ('devx', 'templates') ORDER BY 1`,
    );
    expect(having).toHaveLength(7);
    for (const { name } of having) {
      const [row] = await runtime(`
        WITH old AS (SELECT id, updated_at FROM ${name} LIMIT 1)
        UPDATE ${name} t SET created_at = t.created_at, updated_at = '2000-01-01' FROM old WHERE t.id = old.id
        RETURNING t.updated_at > old.updated_at AS moved`);
      expect(row?.moved, String(name)).toBe(true);
    }
  });

  it("has the documented foreign keys with their ON DELETE actions [D14]", async () => {
    const rows = await database.as("superuser", REFERENCES);
    expect(rows.map(({ line }) => line).sort()).toEqual(PRINTED_REFERENCES);
  });

  it("answers the template endpoints and follows references with indexes [D11, D46]", async () => {
    const [ids] = await runtime("SELECT md5('u7') AS u, md5('c7') AS c, md5('p7') AS p, md5('t7') AS t");
    const { u, c, p, t } = ids as Record<string, string>;
    const queries: Record<string, string> = {
      "SELECT * FROM templates WHERE is_active ORDER BY name LIMIT 20": "templates_active_name_idx",
      [`SELECT * FROM templates WHERE category_id = '${c}'`]: "templates_category_id_idx",
      "SELECT * FROM templates WHERE technologies @> ARRAY['tech-7']": "templates_technologies_idx",
      "SELECT * FROM templates WHERE slug = 't7'": "templates_slug_key",
      "SELECT * FROM categories ORDER BY sort_order, name LIMIT 20": "categories_sort_order_idx",
      [`SELECT * FROM services WHERE user_id = '${u}'`]: "services_user_id_idx",
      [`SELECT * FROM services WHERE project_id = '${p}'`]: "services_project_id_idx",
      [`SELECT * FROM services WHERE template_id = '${t}'`]: "services_template_id_idx",
    };
    for (const [query, index] of Object.entries(queries)) expect(await indexesUsed(runtime, query), query).toEqual([index]);
    expect(await unindexedForeignKeys(database)).toEqual([]);
    for (const line of PRINTED_REFERENCES) {
      const [, table, column, index] = /^(\w+)\.(\w+) .* (\w+)$/.exec(line) ?? [];
      const [row] = await runtime(`SELECT ${column} AS id FROM ${table} WHERE ${column} IS NOT NULL LIMIT 1`);
      expect(await indexesUsed(runtime, `SELECT * FROM ${table} WHERE ${column} = '${row?.id}'`), line).toEqual([index]);
    }
  });

  it("deletes activity that is older than a year by an index on time", async () => {
    const sql = "DELETE FROM devx.activity_logs WHERE created_at < now() - interval '365 days'";
    expect(await indexesUsed(runtime, sql)).toEqual(["activity_logs_created_at_idx"]);
    await runtime(sql);
    const [row] = await runtime("SELECT count(*)::int AS left FROM activity_logs");
    expect(row?.left).toBe(365 * 24 - 1);
  });

  it("keeps API keys as hashes: what is no SHA-256 fits nowhere, and a key does not pass for its name [D22]", async () => {
    const insert = (name: string, hash: string) =>
      runtime(`INSERT INTO api_keys (user_id, name, key_hash, key_prefix) VALUES (md5('u2')::uuid, '${name}', ${hash}, 'dx_live_ab')`);
    await expect(insert("CI", "'dx_live_ab0123456789'::bytea")).rejects.toMatchObject({ constraint: "api_keys_key_hash_check" });
    await expect(insert("dx_live_ab0123456789", "sha256('dx_live_ab0123456789')")).rejects.toMatchObject({
      constraint: "api_keys_name_is_no_key_check",
    });
    await insert("CI", "sha256('dx_live_ab0123456789')");
    // These columns alone can hold a text, and each refuses a key: see "api_keys refuses a key in clear".
    const columns = await database.as(
      "superuser",
      `SELECT attname || ' ' || format_type(atttypid, atttypmod) AS line FROM pg_attribute
        WHERE attrelid = 'api_keys'::regclass AND attnum > 0 AND NOT attisdropped AND atttypid NOT IN ('uuid'::regtype, 'timestamptz'::regtype) ORDER BY 1`,
    );
    expect(columns.map(({ line }) => line)).toEqual([
      "key_hash bytea",
      "key_prefix character varying(12)",
      "name character varying(255)",
      "scopes text[]",
    ]);
    expect(await indexesUsed(runtime, "SELECT * FROM api_keys WHERE key_hash = sha256('dx_live_ab0123456789')")).toEqual([
      "api_keys_key_hash_key",
    ]);
  });

  describe("api_keys refuses a key in clear", () => {
    const KEY = "dx_live_Zk3vQp8sTn5wYb7x";
    /** 32 characters, as long as a SHA-256. */
    const LONG = "dx_live_Zk3vQp8sTn5wYb7xRm2cLf9h";
    const insert = (row: { name?: string; hash?: string; prefix?: string; scopes?: (string | null)[] }) =>
      database.as(
        "runtime",
        `INSERT INTO api_keys (user_id, name, key_hash, key_prefix, scopes)
           SELECT md5('u3')::uuid, $1, coalesce($2::text::bytea, sha256(($5 || random())::bytea)), $3, $4 WHERE $5 <> ''`,
        [row.name ?? "CI", row.hash ?? null, row.prefix ?? "dx_live_Zk3v", row.scopes ?? ["read"], KEY],
      );
    const hashOf = (key: string) => `\\x${createHash("sha256").update(key).digest("hex")}`;

    it.each([
      ["the name", { name: KEY, prefix: "none" }],
      ["the name, within a sentence", { name: `key ${KEY} of CI`, prefix: "none" }],
      ["the name, after its beginning", { name: `key:${KEY}` }],
      ["a scope", { scopes: ["read", KEY], prefix: "none" }],
      ["a scope, within a sentence", { scopes: ["read", `write with ${KEY}`], prefix: "none" }],
      ["a scope, as a substring", { scopes: [`read:${KEY}:write`] }],
      ["a scope, the beginning alone", { scopes: ["dx_live_Zk3v"] }],
      ["scopes, split", { scopes: [KEY.slice(0, 9), KEY.slice(9)], prefix: "none" }],
      ["scopes with NULL", { scopes: [null, KEY], prefix: "none" }],
    ] as const)("in %s [D22]", async (_, row) => {
      await expect(insert({ ...row, scopes: "scopes" in row ? [...row.scopes] : [], hash: hashOf(KEY) })).rejects.toMatchObject({
        code: "23514",
      });
    });

    it("in key_prefix, where a key is short [D22]", async () => {
      await expect(insert({ prefix: "shortkey", hash: hashOf("shortkey") })).rejects.toMatchObject({
        constraint: "api_keys_key_prefix_not_in_clear_check",
      });
    });

    it.each([LONG, createHash("sha256").update(KEY).digest("hex").slice(0, 32), " ".repeat(32), "~".repeat(32)])(
      "in key_hash: %j is no SHA-256 [D22]",
      async (text) => {
        await expect(insert({ hash: text })).rejects.toMatchObject({ constraint: "api_keys_key_hash_not_in_clear_check" });
      },
    );

    it("and accepts ten thousand hashes, and scopes in any language [D22]", async () => {
      await runtime(`INSERT INTO api_keys (user_id, name, key_hash, key_prefix, scopes)
        SELECT md5('u3')::uuid, 'Schlüssel 🔑', sha256(('many' || n)::bytea), 'dx_many', ARRAY['read', 'écrire', ''] FROM generate_series(1, 10000) n`);
    });

    it("in rows from before the constraint: the migration stops, checks new rows, and can be completed after a correction [D22]", async () => {
      const fresh = await server.database("devx", { migrated: false });
      await fresh.up("002");
      await fresh.as(
        "superuser",
        `INSERT INTO devx.users (id, username, email) VALUES (md5('u')::uuid, 'u', 'u@example.com');
         INSERT INTO devx.api_keys (user_id, name, key_hash, key_prefix, scopes) VALUES
           (md5('u')::uuid, 'good', sha256('another'), 'dx_good', '{read}'), (md5('u')::uuid, 'bad', sha256('${KEY}'), 'dx_live_Zk3v', '{${KEY}}')`,
      );
      await expect(fresh.up()).rejects.toThrow("api_keys_scopes_not_in_clear_check");
      await expect(fresh.as("owner", "UPDATE devx.api_keys SET name = 'still bad' WHERE name = 'bad'")).rejects.toMatchObject({
        code: "23514",
      });
      await fresh.as("owner", "UPDATE devx.api_keys SET scopes = '{read}' WHERE name = 'bad'");
      await fresh.as("owner", "ALTER TABLE devx.api_keys VALIDATE CONSTRAINT api_keys_scopes_not_in_clear_check");
    });

    it("in an UPDATE as well [D22]", async () => {
      await insert({ hash: hashOf(KEY) });
      await expect(runtime(`UPDATE api_keys SET scopes = ARRAY['${KEY}'] WHERE key_hash = sha256('${KEY}')`)).rejects.toMatchObject({
        code: "23514",
      });
    });
  });
});
