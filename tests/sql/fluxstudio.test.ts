import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseline } from "../../postdeploy/migrate/baseline.ts";
import { up } from "../../postdeploy/migrate/up.ts";
import { readExpected } from "../expected.ts";
import { countsOf, indexesUsed, schemaOf, tablesOf, unfinished, unindexedForeignKeys } from "./catalog.ts";
import { type Database, MAJORS, type Server, start } from "./database.ts";

/** What each file adds, as the product's documents order it. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  "001_core_tables.sql": ["organization_members", "organizations", "projects", "team_members", "teams", "users"],
  "002_messaging.sql": ["conversation_participants", "conversations", "message_reactions", "messages", "notifications"],
  "003_files_and_members.sql": ["file_permissions", "files", "project_members", "project_milestones"],
  "004_business_operations.sql": ["client_requests", "invoices", "portfolio_items", "portfolios", "service_packages", "time_entries"],
  "005_message_search_and_threading.sql": [],
  "006_add_tasks_and_activities.sql": ["activities", "milestones", "tasks"],
  "007_tighten_after_import.sql": [],
};

/** Enough rows that an index is worth its while; three organizations and one active project in fifty. */
const PLENTY = `
  INSERT INTO users (id, email, name) SELECT md5('u' || n)::uuid, 'user' || n || '@example.com', 'User ' || n FROM generate_series(1, 5000) n;
  INSERT INTO organizations (id, name, slug) SELECT md5('o' || n)::uuid, 'Org ' || n, 'org-' || n FROM generate_series(1, 500) n;
  INSERT INTO projects (name, description, organization_id, manager_id, service_tier, status)
    SELECT 'Project ' || n, CASE WHEN n % 500 = 0 THEN 'A lighthouse on the coast' ELSE 'Plain work' END, md5('o' || 1 + n % 500)::uuid,
           md5('u' || 1 + n % 5000)::uuid, 'standard', CASE WHEN n % 50 = 0 THEN 'active' ELSE 'completed' END
      FROM generate_series(1, 5000) n;
  INSERT INTO conversations (id, name) VALUES (md5('c')::uuid, 'All');
  INSERT INTO messages (id, conversation_id, author_id, content, reply_to_id)
    SELECT md5('m' || n)::uuid, md5('c')::uuid, md5('u' || 1 + n % 5000)::uuid,
           CASE WHEN n % 1000 = 0 THEN 'Here is some design feedback' ELSE 'Nothing to report ' || n END,
           CASE WHEN n % 10 <> 1 THEN md5('m' || n - 1)::uuid END
      FROM generate_series(1, 10000) n;
  ANALYZE;`;

describe.each(MAJORS)("FluxStudio on Postgres %i", (major) => {
  let server: Server;
  let database: Database;
  const runtime = (sql: string) => database.as("runtime", sql);

  beforeAll(async () => {
    server = await start(major);
    database = await server.database("fluxstudio");
    await database.as("superuser", PLENTY);
  });
  afterAll(() => server?.stop());

  it("keeps the application's old ledger as it is, which the baseline reads and no file writes [F7]", async () => {
    const old = await server.database("fluxstudio", { migrated: false });
    await old.as(
      "superuser",
      `CREATE TABLE public.migrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, executed_at timestamp DEFAULT now());
       INSERT INTO public.migrations (name) VALUES ('001_add_missing_tables.sql'), ('000_create_base_messaging_schema.sql');
       GRANT SELECT ON public.migrations TO fluxstudio_owner`,
    );
    const ledger = () =>
      old.as(
        "superuser",
        "SELECT m.*, m.xmin::text, c.xmin::text AS table_xmin FROM public.migrations m, pg_class c WHERE c.oid = 'public.migrations'::regclass",
      );
    const before = await ledger();
    const options = {
      folder: fileURLToPath(new URL("../../sql/fluxstudio", import.meta.url)),
      connection: { url: old.url("owner") },
      system: "fluxstudio",
    };
    await baseline({ ...options, from: "public.migrations" });
    expect((await up(options)).applied.map(({ file }) => file)).toEqual(Object.keys(TABLES));
    expect(await ledger()).toEqual(before);
    expect(await tablesOf(old)).toEqual(
      expect.arrayContaining(["users", "projects", "organizations", "conversations", "messages", "migrations"]),
    );
  });

  describe("file by file", () => {
    it("makes the tables of the documents in the files of the documents, 24 in all [F48, F116, F117, F118, F119, F74, F120, F23]", async () => {
      const fresh = await server.database("fluxstudio", { migrated: false });
      expect(fresh.files.map(({ name }) => name)).toEqual(Object.keys(TABLES));
      const expected: string[] = [];
      for (const [file, added] of Object.entries(TABLES)) {
        await fresh.up(file);
        expected.push(...added);
        expect(await tablesOf(fresh), file).toEqual(expected.toSorted());
      }
      expect(expected).toHaveLength(24);
      // Threads, reactions, versions of files, and the two tables of milestones.
      expect(await schemaOf(fresh)).toEqual(
        expect.arrayContaining([
          "constraint public.messages messages_reply_to_id_fkey FOREIGN KEY (reply_to_id) REFERENCES messages(id) ON DELETE SET NULL",
          "constraint public.message_reactions message_reactions_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages(id) ON DELETE CASCADE",
          "column public.files.version integer not null default 1",
          "constraint public.files files_previous_version_id_fkey FOREIGN KEY (previous_version_id) REFERENCES files(id) ON DELETE SET NULL",
          "comment public.project_milestones 0: The first plan's milestones. The table of record is milestones; nothing fills this one.",
        ]),
      );
    });

    it("has the committed schema after its first four files [F122]", async () => {
      const fresh = await server.database("fluxstudio", { migrated: false });
      await fresh.up("004");
      const texts = { schema: (await schemaOf(fresh)).join("\n") };
      expect(texts).toEqual(readExpected(new URL("schemas/fluxstudio-004.txt", import.meta.url), texts));
    });

    it("has exactly the counted columns and indexes after 006 [F59, F60, F61, F62, F63, F64, F65]", async () => {
      const fresh = await server.database("fluxstudio", { migrated: false });
      await fresh.up("006");
      const { users, projects, project_members, tasks, milestones, activities } = await countsOf(fresh);
      const six = { users, projects, project_members, tasks, milestones, activities };
      expect(six).toEqual({
        users: { columns: 11, indexes: 3 },
        projects: { columns: 17, indexes: 5 },
        project_members: { columns: 5, indexes: 3 },
        tasks: { columns: 14, indexes: 4 },
        milestones: { columns: 11, indexes: 2 },
        activities: { columns: 15, indexes: 4 },
      });
      expect(Object.values(six).reduce((sum, counts) => sum + (counts?.indexes ?? 0), 0)).toBe(21);
      expect(await unfinished(fresh)).toEqual([]);
    });

    it("leaves foreign keys without an index only to what 006 counts, and none after 007 [F24]", async () => {
      const fresh = await server.database("fluxstudio", { migrated: false });
      await fresh.up("006");
      expect(await unindexedForeignKeys(fresh)).toHaveLength(8);
      await fresh.up();
      expect(await unindexedForeignKeys(fresh)).toEqual([]);
    });
  });

  describe("queries of the product", () => {
    it("finds a user by email with a unique index, and refuses an address that differs from another only in case [F25]", async () => {
      expect(await indexesUsed(runtime, "SELECT * FROM users WHERE email = 'user77@example.com'")).toEqual(["users_email_key"]);
      const [index] = await runtime("SELECT indisunique FROM pg_index WHERE indexrelid = 'users_email_key'::regclass");
      expect(index).toEqual({ indisunique: true });
      await expect(runtime("INSERT INTO users (email, name) VALUES ('USER77@example.com', 'Twin')")).rejects.toMatchObject({
        code: "23505",
        constraint: "users_email_lower_key",
      });
    });

    it("finds a person of a provider with an index, and never two", async () => {
      expect(await indexesUsed(runtime, "SELECT * FROM users WHERE identities ->> 'google' = '1093'")).toEqual(["users_google_key"]);
      const twice = `INSERT INTO users (email, name, identities) VALUES ('a@g.example', 'A', '{"google": "1"}'), ('b@g.example', 'B', '{"google": "1"}')`;
      await expect(runtime(twice)).rejects.toMatchObject({ code: "23505", constraint: "users_google_key" });
    });

    it("finds active projects and their organizations by indexes on status and organization [F27]", async () => {
      const query =
        "SELECT p.*, o.name AS org_name FROM projects p JOIN organizations o ON p.organization_id = o.id WHERE p.status = 'active'";
      expect(await indexesUsed(runtime, query)).toContain("projects_status_idx");
      const [first] = await runtime("SELECT id FROM organizations LIMIT 1");
      expect(await indexesUsed(runtime, `${query} AND o.id = '${first?.id}'`)).toContain("projects_organization_id_idx");
    });

    const ginIndexes = (table: string) =>
      runtime(`SELECT relname, pg_get_expr(indexprs, indrelid) AS text FROM pg_index JOIN pg_class ON oid = indexrelid
        WHERE indrelid = '${table}'::regclass AND relam = (SELECT oid FROM pg_am WHERE amname = 'gin')`);

    it("searches messages with the product's own expression on a GIN index [F28]", async () => {
      const query = "SELECT * FROM messages WHERE to_tsvector('english', content) @@ plainto_tsquery('english', 'design feedback')";
      expect(await indexesUsed(runtime, query)).toEqual(["messages_search_idx"]);
      expect(await runtime(query)).toHaveLength(10);
      expect(await ginIndexes("messages")).toEqual([
        { relname: "messages_search_idx", text: "to_tsvector('english'::regconfig, content)" },
      ]);
    });

    it("ranks what it finds in messages and in projects, on an index each [F22]", async () => {
      const ranked = (table: string, text: string, words: string) =>
        `SELECT id, ts_rank(${text}, query) AS rank FROM ${table}, plainto_tsquery('english', '${words}') query WHERE ${text} @@ query ORDER BY rank DESC LIMIT 5`;
      const inMessages = ranked("messages", "to_tsvector('english', content)", "design feedback");
      const inProjects = ranked("projects", "to_tsvector('english', name || ' ' || coalesce(description, ''))", "lighthouse");
      expect(await indexesUsed(runtime, inMessages)).toEqual(["messages_search_idx"]);
      expect(await indexesUsed(runtime, inProjects)).toEqual(["projects_search_idx"]);
      for (const query of [inMessages, inProjects]) {
        const ranks = (await runtime(query)).map(({ rank }) => Number(rank));
        expect(ranks).toHaveLength(5);
        expect(Math.min(...ranks)).toBeGreaterThan(0);
        expect(ranks).toEqual(ranks.toSorted((a, b) => b - a));
      }
      for (const table of ["messages", "projects"])
        expect((await ginIndexes(table)).map(({ relname }) => relname)).toEqual([`${table}_search_idx`]);
    });

    it("follows a thread with an index at every step [F29]", async () => {
      const [first] = await runtime("SELECT md5('m1')::uuid AS id");
      const query = `WITH RECURSIVE thread AS (
          SELECT * FROM messages WHERE id = '${first?.id}'
          UNION ALL SELECT m.* FROM messages m JOIN thread t ON m.reply_to_id = t.id) SELECT * FROM thread`;
      expect(await indexesUsed(runtime, query)).toEqual(["messages_pkey", "messages_reply_to_id_idx"]);
      expect(await runtime(query)).toHaveLength(10);
    });
  });

  describe("threads without an end", () => {
    const [a, b, c] = ["m1", "m2", "m3"].map((name) => `md5('${name}')::uuid`);
    const refused = { code: "23514", constraint: "messages_no_reply_cycle" };

    it("are refused at one message [F29]", async () => {
      await expect(runtime(`UPDATE messages SET reply_to_id = id WHERE id = ${a}`)).rejects.toMatchObject({ code: "23514" });
    });

    it("are refused at two messages [F29]", async () => {
      await expect(runtime(`UPDATE messages SET reply_to_id = ${b} WHERE id = ${a}`)).rejects.toMatchObject(refused);
    });

    it("are refused at three messages [F29]", async () => {
      await expect(runtime(`UPDATE messages SET reply_to_id = ${c} WHERE id = ${a}`)).rejects.toMatchObject(refused);
    });

    it("are refused where one INSERT brings the whole circle [F29]", async () => {
      const insert = `INSERT INTO messages (id, conversation_id, content, reply_to_id) VALUES
        (md5('x')::uuid, md5('c')::uuid, 'x', md5('y')::uuid), (md5('y')::uuid, md5('c')::uuid, 'y', md5('x')::uuid)`;
      await expect(runtime(insert)).rejects.toMatchObject(refused);
    });

    it("are refused where two transactions write half of the circle each, at the same time [F29]", async () => {
      await runtime(`INSERT INTO messages (id, conversation_id, content)
        SELECT md5(name)::uuid, md5('c')::uuid, name FROM unnest(ARRAY['left', 'right']) name`);
      const [one, two] = [await database.connect("runtime"), await database.connect("runtime")];
      const halfOf = (from: string, to: string) => `UPDATE messages SET reply_to_id = md5('${to}')::uuid WHERE id = md5('${from}')::uuid`;
      await Promise.all([one.query("BEGIN"), two.query("BEGIN")]);
      await one.query(halfOf("left", "right"));
      const second = two.query(halfOf("right", "left")).then(
        () => "written",
        ({ code }) => code,
      );
      await one.query("COMMIT");
      expect(await second).toBe("23514");
      await Promise.all([one.end(), two.end()]);
    });

    it("stop the migration where a database brings one along, and name a message of it", async () => {
      const old = await server.database("fluxstudio", { migrated: false });
      await old.up("004");
      await old.as(
        "superuser",
        `INSERT INTO conversations (id) VALUES (md5('c')::uuid);
         INSERT INTO messages (id, conversation_id, content, reply_to_id) VALUES
           (md5('x')::uuid, md5('c')::uuid, 'x', md5('y')::uuid), (md5('y')::uuid, md5('c')::uuid, 'y', md5('x')::uuid)`,
      );
      await expect(old.up("005")).rejects.toThrow(/message [0-9a-f-]{36} is, through others, a reply to itself/);
    });
  });

  describe("after the import", () => {
    async function imported(): Promise<Database> {
      const old = await server.database("fluxstudio", { migrated: false });
      await old.up("006");
      await old.as(
        "superuser",
        `INSERT INTO users (id, email, name) VALUES (md5('u')::uuid, 'u@example.com', 'U');
         INSERT INTO organizations (id, name, slug) VALUES (md5('o')::uuid, 'O', 'o');
         INSERT INTO organization_members (organization_id, user_id) VALUES (md5('o')::uuid, md5('u')::uuid);
         INSERT INTO projects (id, name) VALUES (md5('p')::uuid, 'From a file');
         INSERT INTO project_members (project_id, user_id, role) VALUES (md5('p')::uuid, md5('u')::uuid, 'manager')`,
      );
      return old;
    }

    it("a project gets its manager, organization and tier from what is known, and may not lack them again [F66]", async () => {
      const old = await imported();
      await old.up();
      const [project] = await old.as(
        "runtime",
        "SELECT manager_id = md5('u')::uuid AS m, organization_id = md5('o')::uuid AS o, service_tier FROM projects",
      );
      expect(project).toEqual({ m: true, o: true, service_tier: "standard" });
      for (const column of ["organization_id", "manager_id", "service_tier"])
        await expect(old.as("runtime", `UPDATE projects SET ${column} = NULL`), column).rejects.toMatchObject({ code: "23502", column });
    });

    it("a project whose organization is a guess stops the file and names the rule [F66]", async () => {
      const old = await imported();
      await old.as("superuser", "DELETE FROM organization_members");
      await expect(old.up()).rejects.toThrow(/projects_organization_id_given/);
    });

    it("an unmapped role stops the file, and none is written later [F67]", async () => {
      const old = await imported();
      await old.as("superuser", "UPDATE project_members SET role = 'Lead Designer'; UPDATE projects SET manager_id = md5('u')::uuid");
      await expect(old.up()).rejects.toThrow(/project_members_role_check/);
      await expect(
        runtime("INSERT INTO project_members (project_id, user_id, role) SELECT id, manager_id, 'Lead Designer' FROM projects LIMIT 1"),
      ).rejects.toMatchObject({
        code: "23514",
        constraint: "project_members_role_check",
      });
    });
  });
});
