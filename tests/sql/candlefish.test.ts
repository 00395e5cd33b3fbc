import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { indexesUsed, tablesOf, unindexedForeignKeys } from "./catalog.ts";
import { type Database, MAJORS, type Server, start } from "./database.ts";

const ACME = "aaaaaaaa-0000-4000-8000-000000000000";
const BOLT = "bbbbbbbb-0000-4000-8000-000000000000";

/** Two organizations with 4000 documents each, and something of everything else on the first document of each. */
const PLENTY = `
  INSERT INTO users (id, email, name) VALUES (md5('u')::uuid, 'u@example.com', 'U');
  INSERT INTO organizations (id, name, slug) VALUES ('${ACME}', 'Acme', 'acme'), ('${BOLT}', 'Bolt', 'bolt');
  INSERT INTO organization_members (organization_id, user_id) SELECT id, md5('u')::uuid FROM organizations;
  INSERT INTO documents (id, organization_id, title, content, crdt_clock)
    SELECT md5(o.slug || n)::uuid, o.id, o.slug || ' ' || n, CASE WHEN n % 500 = 0 THEN 'The lighthouse keeper' ELSE 'Plain text number ' || n END, 20
      FROM organizations o, generate_series(1, 4000) n;
  INSERT INTO crdt_operations (organization_id, document_id, sequence, site_id, operation, created_at)
    SELECT id, md5(slug || 1)::uuid, n, 's', 'x', now() - CASE WHEN n <= 25 THEN interval '60 days' ELSE '0' END FROM organizations, generate_series(1, 30) n;
  INSERT INTO presence_sessions (organization_id, document_id, user_id, last_seen_at)
    SELECT id, md5(slug || 1)::uuid, md5('u')::uuid, now() - seen FROM organizations, unnest(ARRAY[interval '2 days', interval '1 minute']) seen;
  INSERT INTO document_metrics (organization_id, document_id, metric, value, measured_at)
    SELECT id, md5(slug || 1)::uuid, 'open', 1, now() - seen FROM organizations, unnest(ARRAY[interval '2 years', interval '1 day']) seen;
  INSERT INTO comments (organization_id, document_id, body) SELECT id, md5(slug || 1)::uuid, 'Well said' FROM organizations;
  INSERT INTO document_versions (id, organization_id, document_id, number, crdt_state) SELECT md5('v' || slug)::uuid, id, md5(slug || 1)::uuid, 1, 'x' FROM organizations;
  INSERT INTO paintbox_integrations (organization_id, document_id, estimate_id) SELECT id, md5(slug || 1)::uuid, 'e1' FROM organizations;
  INSERT INTO brand_portal_integrations (organization_id, document_id, brand_id) SELECT id, md5(slug || 1)::uuid, 'b1' FROM organizations;
  -- As autovacuum would: new rows are in the index's pending list, which Postgres 18 takes into account.
  SELECT gin_clean_pending_list('documents_search_idx');
  ANALYZE;`;

const TENANT = [
  "brand_portal_integrations",
  "comments",
  "crdt_operations",
  "document_metrics",
  "document_versions",
  "documents",
  "organization_members",
  "organizations",
  "paintbox_integrations",
  "presence_sessions",
  "users",
];

describe.each(MAJORS)("Candlefish on Postgres %i", (major) => {
  let server: Server;
  let database: Database;
  /** One connection for every tenant, as behind a pool in transaction mode. */
  let pooled: pg.Client;

  beforeAll(async () => {
    server = await start(major);
    database = await server.database("candlefish");
    await database.as("superuser", PLENTY);
    pooled = await database.connect("runtime");
  });
  afterAll(() => server?.stop());

  async function within<T>(organization: string | undefined, work: (client: pg.Client) => Promise<T>): Promise<T> {
    await pooled.query("BEGIN");
    try {
      if (organization !== undefined) await pooled.query("SELECT enter_organization($1)", [organization]);
      return await work(pooled);
    } finally {
      await pooled.query("ROLLBACK");
    }
  }
  const count = async (client: pg.Client, from: string) =>
    (await client.query(`SELECT count(*)::int AS n FROM ${from}`)).rows[0].n as number;
  const isForeign = (table: string, organization: string) =>
    table === "users" ? "false" : `${table === "organizations" ? "id" : "organization_id"} <> '${organization}'`;

  it("has the ten tables of its documents and the members of organizations, users without a tenant [C28, C29, C30, C31, C32, C33, C34, C35, C36]", async () => {
    expect(await tablesOf(database)).toEqual(TENANT);
    const columns = await database.as(
      "superuser",
      "SELECT table_name || '.' || column_name || ' ' || data_type AS name FROM information_schema.columns WHERE table_schema = 'public'",
    );
    const names = columns.map(({ name }) => name);
    expect(names).not.toContain("users.organization_id uuid");
    expect(names).toEqual(
      expect.arrayContaining([
        "documents.crdt_state bytea",
        "documents.search tsvector",
        "comments.parent_id uuid",
        "comments.reactions jsonb",
        "document_versions.parent_version_id uuid",
      ]),
    );
  });

  describe("row-level security", () => {
    it("is enabled and forced on every table, also on organizations and users [C27, C39]", async () => {
      const rows = await database.as(
        "superuser",
        `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relrowsecurity AND relforcerowsecurity ORDER BY 1`,
      );
      expect(rows.map(({ relname }) => relname)).toEqual(TENANT);
    });

    it("shows two organizations over one connection their own rows only [C39]", async () => {
      for (const organization of [ACME, BOLT, ACME])
        await within(organization, async (client) => {
          for (const table of TENANT) {
            expect(await count(client, table), table).toBeGreaterThan(0);
            expect(await count(client, `${table} WHERE ${isForeign(table, organization)}`), table).toBe(0);
          }
        });
    });

    it.each([undefined, "00000000-0000-0000-0000-000000000000"])(
      "shows nothing where the organization is %j [C39]",
      async (organization) => {
        await within(ACME, (client) => count(client, "documents"));
        await within(organization, async (client) => {
          for (const table of TENANT) expect(await count(client, table), table).toBe(0);
        });
      },
    );

    it("refuses NULL as an organization [C39]", async () => {
      await expect(within(ACME, (client) => client.query("SELECT enter_organization(NULL)"))).rejects.toMatchObject({ code: "22004" });
    });

    it.each(["", "all", "' OR true --", `${ACME}, ${BOLT}`, "*"])("refuses %j as an organization [C39]", async (hostile) => {
      await expect(within(hostile, (client) => client.query("SELECT * FROM documents"))).rejects.toMatchObject({ code: "22P02" });
    });

    it("refuses to insert into, move to, change or delete rows of another organization [C39]", async () => {
      const insert = `INSERT INTO documents (organization_id, title) VALUES ('${BOLT}', 'Planted')`;
      await expect(within(ACME, (client) => client.query(insert))).rejects.toMatchObject({ code: "42501" });
      await expect(within(undefined, (client) => client.query(insert))).rejects.toMatchObject({ code: "42501" });
      const move = `UPDATE documents SET organization_id = '${BOLT}'`;
      await expect(within(ACME, (client) => client.query(move))).rejects.toMatchObject({ code: "42501" });
      const reached = await within(ACME, async (client) => [
        (await client.query(`UPDATE comments SET body = 'Planted' WHERE organization_id = '${BOLT}'`)).rowCount,
        (await client.query(`DELETE FROM comments WHERE organization_id = '${BOLT}'`)).rowCount,
      ]);
      expect(reached).toEqual([0, 0]);
    });

    it("lets no row refer to a document of another organization, though foreign keys look past the rules [C39]", async () => {
      const insert = `INSERT INTO comments (organization_id, document_id, body) VALUES ('${ACME}', md5('bolt1')::uuid, 'Is it there?')`;
      await expect(within(ACME, (client) => client.query(insert))).rejects.toMatchObject({ code: "23503" });
    });

    it("holds through a view of the owner's, through functions and through COPY [C39]", async () => {
      await database.as(
        "owner",
        `CREATE OR REPLACE VIEW every_document AS SELECT * FROM documents;
         CREATE OR REPLACE FUNCTION documents_counted() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.documents';`,
      );
      await within(ACME, async (client) => {
        expect(await count(client, "every_document")).toBe(4000);
        expect((await client.query("SELECT documents_counted()::int AS n")).rows[0].n).toBe(4000);
        expect((await client.query("COPY (SELECT * FROM documents) TO STDOUT")).rowCount).toBe(4000);
      });
      await within(undefined, async (client) => {
        expect(await count(client, "every_document")).toBe(0);
        expect((await client.query("SELECT documents_counted()::int AS n")).rows[0].n).toBe(0);
        expect((await client.query("COPY documents TO STDOUT")).rowCount).toBe(0);
      });
      await database.as("owner", "DROP VIEW every_document; DROP FUNCTION documents_counted()");
    });

    it("does not mix up prepared statements of two organizations on one connection [C39]", async () => {
      const titles = async (client: pg.Client) =>
        (await client.query({ name: "titles", text: "SELECT DISTINCT split_part(title, ' ', 1) AS slug FROM documents" })).rows;
      for (let round = 0; round < 8; round++) {
        expect(await within(ACME, titles)).toEqual([{ slug: "acme" }]);
        expect(await within(BOLT, titles)).toEqual([{ slug: "bolt" }]);
        expect(await within(undefined, titles)).toEqual([]);
      }
    });

    it("reads an organization's rows by an index, and has one for every foreign key and every tenant column [C38]", async () => {
      expect(await unindexedForeignKeys(database)).toEqual([]);
      const leading = await database.as(
        "superuser",
        `SELECT DISTINCT indrelid::regclass::text AS name FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
          WHERE attname = 'organization_id' AND indpred IS NULL AND indrelid::regclass::text = ANY ($1) ORDER BY 1`,
        [TENANT],
      );
      expect(leading.map(({ name }) => name)).toEqual(TENANT.filter((table) => !["organizations", "users"].includes(table)));
      await within(ACME, async (client) => {
        expect(await indexesUsed((sql) => client.query(sql), "SELECT * FROM documents ORDER BY updated_at DESC LIMIT 20")).toEqual([
          "documents_organization_id_updated_at_idx",
        ]);
      });
    });

    it("lets a migration reach every organization, because the owner runs it", async () => {
      expect(await database.as("owner", "SELECT count(*)::int AS n FROM documents")).toEqual([{ n: 8000 }]);
    });

    it("leaves a dump complete: the backup role reads every row of every table, and writes none [C39]", async () => {
      for (const table of TENANT) {
        const counting = `SELECT count(*)::int AS n FROM ${table}`;
        expect(await database.as("backup", counting), table).toEqual(await database.as("superuser", counting));
      }
      const client = await database.connect("backup");
      expect((await client.query("COPY documents TO STDOUT")).rowCount).toBe(8000);
      await client.end();
      await expect(database.as("backup", "DELETE FROM documents")).rejects.toMatchObject({ code: "42501" });
    });

    it("shows the read-only role nothing without an organization, and the one that it enters", async () => {
      expect(await database.as("readonly", "SELECT count(*)::int AS n FROM documents")).toEqual([{ n: 0 }]);
      const entered = `BEGIN; SELECT enter_organization('${ACME}', md5('u')::uuid); SELECT count(*)::int AS n FROM documents`;
      expect(await database.as("readonly", entered)).toEqual([{ n: 4000 }]);
    });

    it("holds in parallel workers [C39]", async () => {
      const setting = major === 15 ? "force_parallel_mode" : "debug_parallel_query";
      for (const [organization, expected] of [
        [ACME, 4000],
        [undefined, 0],
      ] as const)
        await within(organization, async (client) => {
          await client.query(`SET LOCAL ${setting} = on; SET LOCAL parallel_setup_cost = 0; SET LOCAL min_parallel_table_scan_size = 0`);
          const query = "SELECT count(*)::int AS n FROM documents WHERE length(content) > 0 AND organization_id = current_organization()";
          const plan = JSON.stringify((await client.query(`EXPLAIN (FORMAT JSON) ${query}`)).rows);
          // Before 17, Postgres uses no workers for a query with a sub-select that is computed once.
          if (major >= 17) expect(plan).toContain("Gather");
          expect((await client.query(query)).rows).toEqual([{ n: expected }]);
        });
    });

    it("follows the role when one session changes it, also in plans that functions keep [C39]", async () => {
      const client = await database.connect("superuser");
      const seen = async () => (await client.query("SELECT count(*)::int AS n FROM documents")).rows[0].n;
      for (let round = 0; round < 7; round++) {
        await client.query("BEGIN; SET LOCAL ROLE candlefish_owner");
        expect(await seen()).toBe(8000);
        expect((await client.query("SELECT cleanup_old_data() AS result")).rows[0].result).toMatchObject({ crdt_operations: 40 });
        await client.query("ROLLBACK; BEGIN; SET LOCAL ROLE candlefish");
        expect(await seen()).toBe(0);
        await client.query("SELECT enter_organization($1)", [BOLT]);
        expect(await seen()).toBe(4000);
        expect((await client.query("SELECT cleanup_old_data() AS result")).rows[0].result).toMatchObject({ crdt_operations: 20 });
        await client.query("ROLLBACK");
      }
    });
  });

  describe("search", () => {
    it("finds the organization's documents by the GIN index, best first [C37]", async () => {
      const search = "SELECT title, rank FROM search_documents('lighthouse keeper')";
      const found = await within(ACME, async (client) => (await client.query(search)).rows);
      expect(found).toHaveLength(8);
      expect(found.every(({ title, rank }) => title.startsWith("acme ") && rank > 0)).toBe(true);
      expect(found.map(({ rank }) => rank)).toEqual(found.map(({ rank }) => rank).toSorted((a, b) => b - a));
      const [index] = await database.as(
        "superuser",
        "SELECT amname FROM pg_class JOIN pg_am ON pg_am.oid = relam WHERE relname = 'documents_search_idx'",
      );
      expect(index).toEqual({ amname: "gin" });
      // EXPLAIN of the call does not show the statement in the function. auto_explain does, and only a superuser may load it.
      const client = await database.connect("superuser");
      const plans: string[] = [];
      client.on("notice", ({ message = "" }) => plans.push(message));
      await client.query(`LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
        SET client_min_messages = log; SET ROLE candlefish; BEGIN; SELECT enter_organization('${ACME}'); ${search}; ROLLBACK`);
      await client.end();
      expect(plans.filter((plan) => plan.includes("Bitmap Index Scan on documents_search_idx"))).toHaveLength(1);
    });

    it("finds the same when an application searches the table itself [C37]", async () => {
      const query = "SELECT title FROM documents WHERE search @@ websearch_to_tsquery('english', 'lighthouse')";
      expect(await within(BOLT, async (client) => (await client.query(query)).rowCount)).toBe(8);
    });

    it("finds nothing without an organization, and never more than a hundred", async () => {
      const rows = (client: pg.Client) => client.query("SELECT * FROM search_documents('number', 1000000)");
      expect(await within(undefined, async (client) => (await rows(client)).rowCount)).toBe(0);
      expect(await within(ACME, async (client) => (await rows(client)).rowCount)).toBe(100);
    });

    it("saves a document with more different words than a search vector holds", async () => {
      const long =
        "INSERT INTO documents (organization_id, title, content) SELECT $1, 'Long', string_agg(md5(n::text), ' ') FROM generate_series(1, 60000) n";
      await within(ACME, async (client) => expect((await client.query(long, [ACME])).rowCount).toBe(1));
    });
  });

  describe("threads and branches", () => {
    it("accept a reply with reactions, and keep it in the document of what it replies to [C32]", async () => {
      const valid = `INSERT INTO comments (organization_id, document_id, parent_id, body, reactions)
        SELECT organization_id, document_id, id, 'Agreed', '{"👍": ["${ACME}"]}' FROM comments RETURNING parent_id, reactions`;
      await within(ACME, async (client) => {
        const { rows: parents } = await client.query("SELECT id FROM comments");
        const { rows } = await client.query(valid);
        expect(rows).toEqual([{ parent_id: parents[0].id, reactions: { "👍": [ACME] } }]);
      });
      const reply = `INSERT INTO comments (organization_id, document_id, parent_id, body) SELECT organization_id, md5('acme2')::uuid, id, 'Elsewhere' FROM comments`;
      await expect(within(ACME, (client) => client.query(reply))).rejects.toMatchObject({ code: "23503" });
    });

    it("let two versions begin two branches at one parent [C33]", async () => {
      const branch = `INSERT INTO document_versions (organization_id, document_id, parent_version_id, branch, number, crdt_state)
        SELECT '${ACME}', md5('acme1')::uuid, md5('vacme')::uuid, name, 1, 'x' FROM unnest(ARRAY['draft', 'legal']) name`;
      await within(ACME, async (client) => expect((await client.query(branch)).rowCount).toBe(2));
    });
  });

  describe("cleanup_old_data()", () => {
    it("refuses ages so young that it would empty a table, and NULL", async () => {
      for (const argument of ["presence_age => '0'", "operations_age => '1 hour'", "metrics_age => NULL", "batch_size => 0"])
        await expect(database.as("owner", `SELECT cleanup_old_data(${argument})`), argument).rejects.toMatchObject({ code: "22023" });
    });

    it("is not the read-only role's to call", async () => {
      await expect(database.as("readonly", "SELECT cleanup_old_data()")).rejects.toMatchObject({ code: "42501" });
    });

    it("stops at its time limit, says so, and leaves the rest for the next call [C40]", async () => {
      const [row] = await database.as("owner", "SELECT cleanup_old_data(time_limit => '1 microsecond') AS result");
      expect(row?.result).toEqual({ presence_sessions: 0, crdt_operations: 0, document_metrics: 0, finished: false });
    });

    it("deletes what is older than its parameters, whose defaults are a day, a month and a year [C40]", async () => {
      const client = await database.connect("owner");
      const deleted = async (parameters: string) => {
        await client.query("BEGIN");
        const { rows } = await client.query(`SELECT cleanup_old_data(${parameters}) AS result`);
        await client.query("ROLLBACK");
        return rows[0].result;
      };
      // The rows are two days, 60 days and two years old.
      const ages = { presence_age: ["3 days", "47 hours"], operations_age: ["61 days", "59 days"], metrics_age: ["3 years", "700 days"] };
      const all = { presence_sessions: 2, crdt_operations: 40, document_metrics: 2, finished: true };
      const tables = Object.keys(all);
      for (const [index, [parameter, [older, younger]]] of Object.entries(ages).entries()) {
        expect(await deleted(`${parameter} => '${older}'`), `${parameter} ${older}`).toEqual({ ...all, [tables[index]!]: 0 });
        expect(await deleted(`${parameter} => '${younger}'`), `${parameter} ${younger}`).toEqual(all);
      }
      const [row] = await database.as("superuser", "SELECT pg_get_function_arguments('cleanup_old_data'::regproc) AS text");
      expect(row?.text).toMatch(
        /^operations_age interval DEFAULT '30 days'::interval, presence_age interval DEFAULT '1 day'::interval, metrics_age interval DEFAULT '365 days'::interval, /,
      );
    });

    it("works in batches smaller than what there is to do [C40]", async () => {
      const client = await database.connect("owner");
      await client.query("BEGIN");
      const { rows } = await client.query("SELECT cleanup_old_data(batch_size => 3) AS result");
      await client.query("ROLLBACK");
      expect(rows[0].result).toEqual({ presence_sessions: 2, crdt_operations: 40, document_metrics: 2, finished: true });
    });

    it("cleans up the organization that the transaction entered, for every role that may call it [C39, C40]", async () => {
      const only = { presence_sessions: 1, crdt_operations: 20, document_metrics: 1, finished: true };
      for (const role of ["runtime", "owner", "superuser"] as const) {
        const client = await database.connect(role);
        await client.query("BEGIN");
        await client.query("SELECT enter_organization($1)", [ACME]);
        expect((await client.query("SELECT cleanup_old_data() AS result")).rows[0].result, role).toEqual(only);
        await client.query("ROLLBACK");
      }
    });

    it("refuses to clean up every organization for the application, with the next step, also after a call of the owner [C39]", async () => {
      const refusal = { code: "42501", hint: expect.stringContaining("enter_organization()") };
      await expect(database.as("runtime", "SELECT cleanup_old_data()")).rejects.toMatchObject(refusal);
      const client = await database.connect("superuser");
      await client.query("SET ROLE candlefish_owner");
      await client.query("BEGIN; SELECT cleanup_old_data(); ROLLBACK");
      await client.query("SET ROLE candlefish");
      await expect(client.query("SELECT cleanup_old_data()")).rejects.toMatchObject(refusal);
    });

    it("works as printed, for every organization, and keeps operations that no merged state contains [C40, C30, C31]", async () => {
      const [row] = await database.as("owner", "SELECT cleanup_old_data();");
      expect(row?.cleanup_old_data).toEqual({ presence_sessions: 2, crdt_operations: 40, document_metrics: 2, finished: true });
      const left = await database.as(
        "superuser",
        "SELECT (SELECT count(*)::int FROM presence_sessions) AS p, (SELECT count(*)::int FROM document_metrics) AS m, (SELECT min(sequence)::int FROM crdt_operations) AS o",
      );
      expect(left).toEqual([{ p: 2, m: 2, o: 21 }]);
      const [again] = await database.as("owner", "SELECT cleanup_old_data();");
      expect(again?.cleanup_old_data).toMatchObject({ presence_sessions: 0, crdt_operations: 0, document_metrics: 0 });
    });
  });

  describe("users and members", () => {
    const USER = "SELECT id, name, email, is_active FROM users WHERE id = $1";
    /** As the runtime role in Acme, with an acting user if one is given. Rolled back. */
    async function acting<T>(user: string | undefined, work: (client: pg.Client) => Promise<T>): Promise<T> {
      return within(undefined, async (client) => {
        await client.query("SELECT enter_organization($1, $2)", [ACME, user]);
        return work(client);
      });
    }
    const ann = "a0000000-0000-4000-8000-000000000001";
    const ben = "b0000000-0000-4000-8000-000000000001";
    beforeAll(async () => {
      await database.as(
        "superuser",
        `INSERT INTO users (id, email, name) VALUES ('${ann}', 'Ann@acme.example', 'Ann'), ('${ben}', 'ben@bolt.example', 'Ben');
         INSERT INTO organization_members (organization_id, user_id) VALUES ('${ACME}', '${ann}'), ('${BOLT}', '${ben}')`,
      );
    });

    it("are seen by their organization only, also when they have left [C39]", async () => {
      await acting(undefined, async (client) => {
        expect((await client.query("SELECT name FROM users ORDER BY name")).rows).toEqual([{ name: "Ann" }, { name: "U" }]);
        await client.query("SELECT remove_member($1)", [ann]);
        expect((await client.query(USER, [ann])).rowCount).toBe(1);
        expect((await client.query(USER, [ben])).rowCount).toBe(0);
      });
    });

    it("are found among many by their key, and listed by their membership, on indexes", async () => {
      await database.as(
        "superuser",
        `INSERT INTO users (id, email, name) SELECT md5('many' || n)::uuid, 'many' || n || '@bolt.example', 'M' FROM generate_series(1, 5000) n;
         INSERT INTO organization_members (organization_id, user_id) SELECT '${BOLT}', md5('many' || n)::uuid FROM generate_series(1, 5000) n;
         ANALYZE`,
      );
      await within(ACME, async (client) => {
        const used = (query: string) => indexesUsed((sql) => client.query(sql), query);
        const indexes = [expect.stringMatching(/^organization_members_/), "users_pkey"];
        expect(await used(`SELECT * FROM users WHERE id = '${ann}'`)).toEqual(indexes);
        expect(await used("SELECT u.* FROM organization_members m JOIN users u ON u.id = m.user_id")).toContain("users_pkey");
      });
    });

    it("change their own profile, and no other [C39]", async () => {
      const rename = "UPDATE users SET name = 'X', avatar_url = 'y'";
      expect(await acting(ann, async (client) => (await client.query(`${rename} RETURNING id`)).rows)).toEqual([{ id: ann }]);
      expect(await acting(undefined, async (client) => (await client.query(rename)).rowCount)).toBe(0);
      expect(await acting(ann, async (client) => (await client.query("DELETE FROM users")).rowCount)).toBe(0);
    });

    it.each(["email = 'mine@evil.example'", "is_active = false", "id = gen_random_uuid()", "created_at = now()"])(
      "cannot SET %s, because other organizations rely on it [C39]",
      async (change) => {
        await expect(acting(ann, (client) => client.query(`UPDATE users SET ${change}`))).rejects.toMatchObject({ code: "42501" });
      },
    );

    it("get a changed address from the owner", async () => {
      const client = await database.connect("owner");
      await client.query("BEGIN");
      expect((await client.query("UPDATE users SET email = 'new@acme.example' WHERE id = $1", [ann])).rowCount).toBe(1);
      await client.query("ROLLBACK");
    });

    it("cannot be inserted by the application, neither as users nor as members [C39]", async () => {
      for (const insert of [
        "INSERT INTO users (email, name) VALUES ('n@example.com', 'N')",
        `INSERT INTO organization_members (organization_id, user_id) VALUES ('${ACME}', '${ben}')`,
      ])
        await expect(
          acting(undefined, (client) => client.query(insert)),
          insert,
        ).rejects.toMatchObject({ code: "42501" });
    });

    it("act only while they are active members [C39]", async () => {
      await expect(acting(ben, async () => {})).rejects.toMatchObject({ code: "42501" });
      const left = acting(undefined, async (client) => {
        await client.query("SELECT remove_member($1)", [ann]);
        await client.query("SELECT enter_organization($1, $2)", [ACME, ann]);
      });
      await expect(left).rejects.toMatchObject({ code: "42501" });
    });

    it("sign in by exactly their address, before an organization is known", async () => {
      await within(undefined, async (client) => {
        const found = async (email: string | null) => (await client.query("SELECT * FROM find_user($1)", [email])).rows;
        expect(await found("ann@ACME.example")).toEqual([{ id: ann, is_active: true }]);
        for (const pattern of ["%", "ann@%", "", null, "Ann"]) expect(await found(pattern), String(pattern)).toEqual([]);
      });
    });

    it("are created by register_user(), and a taken address in any case is refused", async () => {
      await within(undefined, async (client) => {
        expect((await client.query("SELECT register_user('n@example.com', 'N') AS id")).rows[0].id).toMatch(/^[0-9a-f-]{36}$/);
        await expect(client.query("SELECT register_user('N@example.com', 'N')")).rejects.toMatchObject({ code: "23505" });
      });
    });

    it("are added to the organization of the transaction, existing or new, with the same answer [C39]", async () => {
      await acting(undefined, async (client) => {
        const add = async (email: string) => (await client.query("SELECT add_member($1, 'Guest') AS id", [email])).rows[0].id as string;
        expect(await add("BEN@bolt.example")).toBe(ben);
        const created = await add("new@example.com");
        expect((await client.query(USER, [ben])).rows[0].name).toBe("Ben");
        expect((await client.query(USER, [created])).rows[0]).toMatchObject({ name: "Guest", email: "new@example.com" });
        const { rows } = await client.query("SELECT DISTINCT organization_id FROM organization_members");
        expect(rows).toEqual([{ organization_id: ACME }]);
        await client.query("SELECT remove_member($1)", [ben]);
        await add("ben@bolt.example");
        await client.query("SELECT enter_organization($1, $2)", [ACME, ben]);
      });
    });

    it("are not added or removed without an organization, and not removed from another one [C39]", async () => {
      for (const call of ["add_member('x@example.com', 'X')", `remove_member('${ann}')`])
        await expect(
          within(undefined, (client) => client.query(`SELECT ${call}`)),
          call,
        ).rejects.toMatchObject({ code: "42501" });
      expect(await acting(undefined, async (client) => (await client.query(`SELECT remove_member('${ben}') AS done`)).rows)).toEqual([
        { done: false },
      ]);
    });

    const naming: Record<string, string> = {
      documents: `INSERT INTO documents (organization_id, title, created_by) VALUES ('${ACME}', 'x', $1)`,
      crdt_operations: `INSERT INTO crdt_operations (organization_id, document_id, sequence, site_id, operation, user_id) VALUES ('${ACME}', md5('acme1')::uuid, 99, 's', 'x', $1)`,
      presence_sessions: `INSERT INTO presence_sessions (organization_id, document_id, user_id) VALUES ('${ACME}', md5('acme1')::uuid, $1)`,
      "comments, author": `INSERT INTO comments (organization_id, document_id, body, author_id) VALUES ('${ACME}', md5('acme1')::uuid, 'x', $1)`,
      "comments, resolver": `INSERT INTO comments (organization_id, document_id, body, resolved_by) VALUES ('${ACME}', md5('acme1')::uuid, 'x', $1)`,
      document_versions: `INSERT INTO document_versions (organization_id, document_id, number, crdt_state, created_by) VALUES ('${ACME}', md5('acme1')::uuid, 99, 'x', $1)`,
    };
    it.each(Object.keys(naming))(
      "of another organization cannot be named in %s, and a user that does not exist fails alike [C39]",
      async (table) => {
        await acting(undefined, async (client) => expect((await client.query(naming[table]!, [ann])).rowCount).toBe(1));
        const failure = async (user: string) =>
          acting(undefined, (client) => client.query(naming[table]!, [user])).then(
            () => undefined,
            ({ code, constraint, message }) => ({ code, constraint, message }),
          );
        expect(await failure(ben)).toMatchObject({ code: "23503" });
        expect(await failure(ben)).toEqual(await failure("c0000000-0000-4000-8000-000000000001"));
      },
    );

    it("leave their documents without an author when the owner deletes them, and nothing else changes [C39]", async () => {
      const client = await database.connect("superuser");
      await client.query("BEGIN");
      for (const insert of Object.values(naming)) await client.query(insert, [ann]);
      const countAll = `SELECT (SELECT count(*)::int FROM documents) AS d, (SELECT count(*)::int FROM comments) AS c, (SELECT count(*)::int FROM presence_sessions) AS p`;
      const before = (await client.query(countAll)).rows[0];
      await client.query("SET ROLE candlefish_owner");
      await client.query("DELETE FROM users WHERE id = $1", [ann]);
      expect((await client.query(countAll)).rows[0]).toEqual({ ...before, p: before.p - 1 });
      const { rows } = await client.query(
        "SELECT count(*)::int AS n FROM documents WHERE title = 'x' AND created_by IS NULL AND organization_id = $1",
        [ACME],
      );
      expect(rows).toEqual([{ n: 1 }]);
      await client.query("ROLLBACK");
    });

    it("keep their account when their organization is deleted with everything in it", async () => {
      await acting(undefined, async (client) => {
        for (const insert of Object.values(naming)) await client.query(insert, [ann]);
        expect((await client.query("DELETE FROM organizations")).rowCount).toBe(1);
        for (const table of TENANT) expect(await count(client, table), table).toBe(0);
        expect((await client.query("SELECT * FROM find_user('ann@acme.example')")).rowCount).toBe(1);
      });
    });

    it("are taken from existing rows by the migration, one for each organization and user", async () => {
      const fresh = await server.database("candlefish", { migrated: false });
      await fresh.up("004");
      await fresh.as(
        "superuser",
        `INSERT INTO organizations (id, name, slug) VALUES ('${ACME}', 'Acme', 'acme'), ('${BOLT}', 'Bolt', 'bolt');
         INSERT INTO users (id, email, name) SELECT md5('u' || n)::uuid, n || '@example.com', n FROM generate_series(1, 9) n;
         INSERT INTO documents (id, organization_id, title, created_by) VALUES (md5('a')::uuid, '${ACME}', 'a', md5('u1')::uuid), (md5('b')::uuid, '${BOLT}', 'b', md5('u1')::uuid), (md5('n')::uuid, '${BOLT}', 'n', NULL);
         INSERT INTO crdt_operations (organization_id, document_id, sequence, site_id, operation, user_id) VALUES ('${ACME}', md5('a')::uuid, 1, 's', 'x', md5('u2')::uuid);
         INSERT INTO presence_sessions (organization_id, document_id, user_id) VALUES ('${ACME}', md5('a')::uuid, md5('u3')::uuid);
         INSERT INTO comments (organization_id, document_id, body, author_id, resolved_by) VALUES ('${ACME}', md5('a')::uuid, 'x', md5('u4')::uuid, md5('u5')::uuid);
         INSERT INTO document_versions (organization_id, document_id, number, crdt_state, created_by) VALUES ('${ACME}', md5('a')::uuid, 1, 'x', md5('u6')::uuid)`,
      );
      await fresh.up();
      const members = await fresh.as(
        "superuser",
        "SELECT o.slug, string_agg(u.name, ' ' ORDER BY u.name) AS names FROM organization_members m JOIN organizations o ON o.id = m.organization_id JOIN users u ON u.id = m.user_id GROUP BY 1 ORDER BY 1",
      );
      expect(members).toEqual([
        { slug: "acme", names: "1 2 3 4 5 6" },
        { slug: "bolt", names: "1" },
      ]);
      await fresh.down("005");
      expect(await fresh.as("superuser", "SELECT count(created_by)::int AS n FROM documents")).toEqual([{ n: 2 }]);
      await fresh.up();
    });
  });

  it("moves updated_at on every UPDATE", async () => {
    const [row] = await database.as(
      "owner",
      `UPDATE organizations SET updated_at = '2000-01-01' WHERE id = '${ACME}' RETURNING updated_at > '2000-01-02' AS moved`,
    );
    expect(row?.moved).toBe(true);
  });
});
