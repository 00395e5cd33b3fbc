/**
 * The cases of Supabase's splinter (test/sql, as of 2026-08) that need none of its roles and extensions, in the same order, with the rows that its own
 * expected outputs list. The statements are ours; `expected` names the object of each row.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../../postdeploy/migrate/testing/server.ts";
import { examine, withDatabase } from "../testing/database.ts";

interface Step {
  readonly sql: readonly string[];
  readonly expected: readonly string[];
}

interface Lint {
  readonly lint: string;
  readonly id: string;
  readonly steps: readonly Step[];
}

const BLOG = "CREATE TABLE blog (id int PRIMARY KEY)";
const policy = (name: string, rest: string) => `CREATE POLICY ${name} ON posts ${rest}`;
const posts = (name: string, rest: string, expected: readonly string[]): Step[] => [
  { sql: [policy(name, rest)], expected },
  { sql: [`DROP POLICY ${name} ON posts`], expected: [] },
];

const lints: readonly Lint[] = [
  {
    lint: "0001_unindexed_foreign_keys",
    id: "foreign-key-without-index",
    steps: [
      {
        sql: ["CREATE TABLE aaa (id int PRIMARY KEY)", "CREATE TABLE bbb (id int PRIMARY KEY, aaa_id int REFERENCES aaa)"],
        expected: ["foreign key bbb_aaa_id_fkey of public.bbb"],
      },
      { sql: ["CREATE INDEX ON bbb (aaa_id)"], expected: [] },
      {
        sql: [
          "DROP TABLE bbb, aaa",
          "CREATE TABLE aaa (foo int, bar int, PRIMARY KEY (foo, bar))",
          "CREATE TABLE bbb (id int PRIMARY KEY, foo int, bar int, FOREIGN KEY (foo, bar) REFERENCES aaa)",
        ],
        expected: ["foreign key bbb_foo_bar_fkey of public.bbb"],
      },
      { sql: ["CREATE INDEX ON bbb (bar, foo)"], expected: ["foreign key bbb_foo_bar_fkey of public.bbb"] },
      { sql: ["CREATE INDEX ON bbb (foo, bar)"], expected: [] },
      {
        sql: [
          "DROP TABLE bbb, aaa",
          "CREATE TABLE tenant (id uuid PRIMARY KEY)",
          "CREATE TABLE account (tenant_id uuid REFERENCES tenant, user_id uuid, PRIMARY KEY (tenant_id, user_id))",
        ],
        expected: [],
      },
    ],
  },
  {
    lint: "0003_auth_rls_initplan",
    id: "policy-evaluated-per-row",
    steps: [
      {
        sql: [
          "CREATE TABLE foo (id int PRIMARY KEY, email text)",
          "CREATE POLICY bad ON foo FOR DELETE USING (email =   current_setting(  'role'  ))",
          "CREATE POLICY good ON foo FOR DELETE USING (email = (SELECT current_setting('role')))",
        ],
        expected: [],
      },
      { sql: ["ALTER TABLE foo ENABLE ROW LEVEL SECURITY"], expected: ["policy bad of public.foo"] },
    ],
  },
  {
    lint: "0004_no_primary_key",
    id: "table-without-primary-key",
    steps: [
      { sql: ["CREATE TABLE foo (id int PRIMARY KEY)"], expected: [] },
      { sql: ["CREATE TABLE bar (id int)"], expected: ["table public.bar"] },
    ],
  },
  {
    lint: "0005_unused_index",
    id: "index-unused",
    steps: [
      { sql: ["CREATE TABLE foo (id int PRIMARY KEY, foo text UNIQUE, bar text)"], expected: [] },
      { sql: ["CREATE INDEX some_unused_index ON foo (bar)"], expected: ["index public.some_unused_index"] },
    ],
  },
  {
    lint: "0006_multiple_permissive_policies",
    id: "policies-overlap",
    steps: [
      {
        sql: [
          BLOG,
          "ALTER TABLE blog ENABLE ROW LEVEL SECURITY",
          "CREATE POLICY a ON blog FOR SELECT USING (true)",
          "CREATE POLICY b ON blog USING (true)",
        ],
        expected: ["policies of public.blog"],
      },
      {
        sql: [
          "DROP POLICY a ON blog",
          "DROP POLICY b ON blog",
          "CREATE POLICY a ON blog AS RESTRICTIVE FOR SELECT USING (true)",
          "CREATE POLICY b ON blog AS RESTRICTIVE USING (true)",
        ],
        expected: [],
      },
    ],
  },
  {
    lint: "0007_policy_exists_rls_disabled",
    id: "rls-disabled",
    steps: [
      {
        sql: [BLOG, "CREATE POLICY a ON blog FOR SELECT USING (true)", "CREATE POLICY b ON blog USING (true)"],
        expected: ["table public.blog"],
      },
      { sql: ["ALTER TABLE blog ENABLE ROW LEVEL SECURITY"], expected: [] },
    ],
  },
  {
    lint: "0008_rls_enabled_no_policy",
    id: "rls-without-policy",
    steps: [
      { sql: [BLOG, "ALTER TABLE blog ENABLE ROW LEVEL SECURITY"], expected: ["table public.blog"] },
      { sql: ["CREATE POLICY none_shall_pass ON blog FOR SELECT USING (false)"], expected: [] },
    ],
  },
  {
    lint: "0009_duplicate_index",
    id: "index-duplicate",
    steps: [
      { sql: [BLOG, "CREATE INDEX ix_1 ON blog (id)"], expected: [] },
      { sql: ["CREATE INDEX ix_2 ON blog (id)"], expected: ["indexes of public.blog"] },
      { sql: ["CREATE INDEX ix_3 ON blog (id)"], expected: ["indexes of public.blog"] },
      { sql: ["DROP INDEX ix_3", "DROP INDEX ix_2"], expected: [] },
    ],
  },
  {
    lint: "0010_security_definer_view",
    id: "view-runs-as-owner",
    steps: [
      { sql: ["CREATE VIEW my_view AS SELECT 1", "GRANT SELECT ON my_view TO pg_monitor"], expected: ["view public.my_view"] },
      { sql: ["CREATE OR REPLACE VIEW my_view WITH (security_invoker = on) AS SELECT 1"], expected: [] },
    ],
  },
  {
    lint: "0011_function_search_path_mutable",
    id: "function-search-path",
    steps: [
      { sql: ["CREATE FUNCTION abc() RETURNS int LANGUAGE sql AS 'SELECT 1'"], expected: ["function public.abc()"] },
      { sql: ["CREATE OR REPLACE FUNCTION abc() RETURNS int LANGUAGE sql SET search_path = '' AS 'SELECT 1'"], expected: [] },
      { sql: ["CREATE OR REPLACE FUNCTION abc() RETURNS int LANGUAGE sql SET search_path = 'public' AS 'SELECT 1'"], expected: [] },
    ],
  },
  {
    lint: "0018_unsupported_reg_types",
    id: "column-type-blocks-upgrade",
    steps: [
      {
        sql: [
          "CREATE TABLE bad (id int PRIMARY KEY, good1 regclass, good2 regrole, good3 regtype, bad1 regcollation, bad2 regconfig, bad3 regdictionary, bad4 regnamespace, bad5 regoper, bad6 regproc, bad7 regprocedure)",
        ],
        expected: ["bad1", "bad2", "bad3", "bad4", "bad5", "bad6", "bad7"].map((name) => `column public.bad.${name}`),
      },
    ],
  },
  {
    lint: "0022_extension_versions_outdated",
    id: "extension-outdated",
    steps: [
      { sql: ["CREATE EXTENSION pg_stat_statements VERSION '1.8'"], expected: ["extension pg_stat_statements"] },
      { sql: ["DROP EXTENSION pg_stat_statements", "CREATE EXTENSION pg_stat_statements"], expected: [] },
      { sql: ["UPDATE pg_extension SET extversion = 'foo' WHERE extname = 'pg_stat_statements'"], expected: [] },
    ],
  },
  {
    lint: "0024_rls_policy_always_true",
    id: "policy-always-true",
    steps: [
      { sql: ["CREATE TABLE posts (id int PRIMARY KEY, owner text)", "ALTER TABLE posts ENABLE ROW LEVEL SECURITY"], expected: [] },
      ...posts("select_true", "FOR SELECT USING (true)", []),
      ...posts("update_true", "FOR UPDATE USING (true)", ["policy update_true of public.posts"]),
      ...posts("delete_true", "FOR DELETE USING (true)", ["policy delete_true of public.posts"]),
      ...posts("all_true", "FOR ALL USING (true)", ["policy all_true of public.posts"]),
      ...posts("insert_true", "FOR INSERT WITH CHECK (true)", ["policy insert_true of public.posts"]),
      ...posts("insert_equal", "FOR INSERT WITH CHECK (1=1)", ["policy insert_equal of public.posts"]),
      ...posts("update_check", "FOR UPDATE USING (owner = current_user) WITH CHECK (true)", ["policy update_check of public.posts"]),
      ...posts("update_both", "FOR UPDATE USING (true) WITH CHECK (true)", ["policy update_both of public.posts"]),
      ...posts("update_spaces", "FOR UPDATE USING (  TRUE  )", ["policy update_spaces of public.posts"]),
      ...posts("restrictive", "AS RESTRICTIVE FOR UPDATE USING (true)", []),
      ...posts("proper", "FOR UPDATE USING (owner = current_user) WITH CHECK (owner = current_user)", []),
      ...posts("all_proper", "FOR ALL USING (owner = current_user)", []),
      ...posts("insert_without", "FOR INSERT", ["policy insert_without of public.posts"]),
      ...posts("update_without", "FOR UPDATE", ["policy update_without of public.posts"]),
      { sql: ["CREATE TABLE no_rls (id int PRIMARY KEY)", "CREATE POLICY p ON no_rls FOR UPDATE USING (true)"], expected: [] },
    ],
  },
];

describe("with --all, doctor finds the rows that splinter finds:", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ settings: { shared_preload_libraries: "pg_stat_statements" } });
  });
  afterAll(() => server.stop());

  it.for(lints)("$lint", ({ id, steps }) =>
    withDatabase(server, async ({ connection, sql }) => {
      for (const step of steps) {
        await sql(...step.sql);
        const { findings } = await examine(connection, { all: true });
        const subjects = new Set(findings.filter((one) => one.id === id).map(({ subject }) => subject));
        expect([step.sql, [...subjects]]).toEqual([step.sql, step.expected]);
      }
    }),
  );
});
