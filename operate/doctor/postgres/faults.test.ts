import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startServer, type TestServer } from "../../../postdeploy/migrate/testing/server.ts";
import { expectFoundAndRepaired, type Fault, withDatabase } from "../testing/database.ts";

const TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL, note text)";
const rows = (count: number) => `INSERT INTO orders SELECT n, n % 10, 'note ' || n FROM generate_series(1, ${count}) n`;

const indexes: readonly Fault[] = [
  {
    title: "a unique index whose concurrent build failed",
    id: "index-invalid",
    severity: "error",
    says: ["index public.orders_customer", "queries on orders do not use it"],
    async plant({ sql }) {
      await sql(TABLE, rows(20));
      await sql("CREATE UNIQUE INDEX CONCURRENTLY orders_customer ON orders (customer)").catch(() => {});
    },
    next: /^REINDEX INDEX CONCURRENTLY "public"."orders_customer"$/,
    async repair({ sql }, { next }) {
      await sql("DELETE FROM orders WHERE id > 10", ...next.sql!);
    },
  },
  {
    title: "the copy that an interrupted REINDEX CONCURRENTLY left",
    id: "index-invalid",
    severity: "error",
    says: ["index public.orders_pkey_ccnew"],
    async plant({ sql, client }) {
      await sql(TABLE);
      const reader = await client("report");
      await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
      await reader.query("SELECT count(*) FROM orders");
      const builder = await client("reindex");
      await builder.query("SET lock_timeout = '300ms'");
      await builder.query("REINDEX INDEX CONCURRENTLY orders_pkey").catch(() => {});
      await reader.query("ROLLBACK");
    },
    next: /^DROP INDEX CONCURRENTLY "public"."orders_pkey_ccnew"$/,
  },
  {
    title: "a foreign key without an index, in a large table",
    id: "foreign-key-without-index",
    severity: "warning",
    says: ["orders_customer_fkey of public.orders", "each delete in customers reads all of about 10,000 rows"],
    plant: [
      TABLE,
      rows(10_000),
      "CREATE TABLE customers (id bigint PRIMARY KEY)",
      "INSERT INTO customers SELECT n FROM generate_series(0, 9) n",
      "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers",
      "ANALYZE",
    ],
    next: /^CREATE INDEX CONCURRENTLY ON public.orders \(customer\)$/,
  },
  {
    title: "a foreign key whose only index is for some rows",
    id: "foreign-key-without-index",
    severity: "warning",
    says: ["No index begins with customer"],
    plant: [
      TABLE,
      rows(10_000),
      "CREATE TABLE customers (id bigint PRIMARY KEY)",
      "INSERT INTO customers SELECT n FROM generate_series(0, 9) n",
      "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers",
      "CREATE INDEX ON orders (customer) WHERE note IS NULL",
      "ANALYZE",
    ],
    next: /CREATE INDEX CONCURRENTLY ON public.orders \(customer\)$/,
  },
  {
    title: "a large index that no query used, of a table that many queries read",
    id: "index-unused",
    severity: "warning",
    says: ["index public.orders_note", /was read 1,0\d\d times since/, /never through this index of 1\d(\.\d)? MiB/],
    async plant({ sql }) {
      await sql(
        TABLE,
        "INSERT INTO orders SELECT n, n, repeat('x', 100) || n FROM generate_series(1, 90000) n",
        "CREATE INDEX orders_note ON orders (note)",
        "DO $$ BEGIN FOR n IN 1..1010 LOOP PERFORM FROM orders WHERE id = n; END LOOP; END $$",
        "SELECT pg_stat_force_next_flush()",
        "ANALYZE",
      );
    },
    next: /^DROP INDEX CONCURRENTLY public.orders_note$/,
  },
  {
    title: "two equal indexes",
    id: "index-duplicate",
    severity: "warning",
    says: ["public.orders_customer_idx1 is the same as public.orders_customer_idx"],
    plant: [TABLE, "CREATE INDEX ON orders (customer)", "CREATE INDEX ON orders (customer)"],
    next: /^DROP INDEX CONCURRENTLY public.orders_customer_idx1$/,
  },
  {
    title: "an index that repeats a unique constraint",
    id: "index-duplicate",
    severity: "warning",
    says: ["public.by_note is the same as public.orders_note_key"],
    plant: [TABLE, "CREATE UNIQUE INDEX by_note ON orders (note)", "ALTER TABLE orders ADD UNIQUE (note)"],
    next: /^DROP INDEX CONCURRENTLY public.by_note$/,
  },
  {
    title: "an index that is the beginning of another",
    id: "index-redundant",
    severity: "info",
    says: ["index public.by_customer", "public.by_both begins with the same columns"],
    thresholds: { unusedIndexBytes: 0, unusedIndexReads: 1_000_000 },
    plant: [TABLE, "CREATE INDEX by_customer ON orders (customer)", "CREATE INDEX by_both ON orders (customer, note)"],
    next: /^DROP INDEX CONCURRENTLY public.by_customer$/,
  },
];

const constraints: readonly Fault[] = [
  {
    title: "a check that was never validated",
    id: "constraint-unvalidated",
    severity: "warning",
    says: ["check positive of public.orders"],
    plant: [TABLE, "ALTER TABLE orders ADD CONSTRAINT positive CHECK (id > 0) NOT VALID"],
    next: /^ALTER TABLE public.orders VALIDATE CONSTRAINT positive$/,
  },
  {
    title: "a foreign key that was never validated",
    id: "constraint-unvalidated",
    severity: "warning",
    says: ["foreign key orders_parent of public.orders"],
    plant: [TABLE, "ALTER TABLE orders ADD CONSTRAINT orders_parent FOREIGN KEY (customer) REFERENCES orders NOT VALID"],
    next: /^ALTER TABLE public.orders VALIDATE CONSTRAINT orders_parent$/,
  },
  {
    title: "a foreign key that is declared twice",
    id: "foreign-key-duplicate",
    severity: "warning",
    says: ["orders_customer_fkey is the same constraint"],
    plant: [
      TABLE,
      "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES orders",
      "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES orders",
    ],
    next: /^ALTER TABLE public.orders DROP CONSTRAINT orders_customer_fkey1$/,
  },
  {
    title: "a table without a primary key",
    id: "table-without-primary-key",
    severity: "warning",
    says: ["table public.events"],
    plant: ["CREATE TABLE events (at timestamptz, what text)"],
    next: /^ALTER TABLE public.events ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY$/,
  },
  {
    title: "a disabled trigger",
    id: "trigger-disabled",
    severity: "error",
    says: ["Disabled: touch"],
    plant: [
      TABLE,
      "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
      "CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()",
      "ALTER TABLE orders DISABLE TRIGGER touch",
    ],
    next: /^ALTER TABLE public.orders ENABLE TRIGGER touch$/,
  },
  {
    title: "foreign keys that an interrupted restore of data left without effect",
    id: "trigger-disabled",
    severity: "error",
    says: ["Postgres does not enforce these foreign keys"],
    plant: [TABLE, "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES orders", "ALTER TABLE orders DISABLE TRIGGER ALL"],
    next: /^ALTER TABLE public.orders ENABLE TRIGGER ALL$/,
  },
];

const storage: readonly Fault[] = [
  {
    title: "a table with many dead rows",
    id: "table-dead-rows",
    severity: "warning",
    says: ["12,000 dead rows, 60 % of the table; last vacuumed never"],
    // Autovacuum is off in the table only until the rows are dead, so that it does not come first.
    async plant({ sql }) {
      await sql(
        TABLE,
        "ALTER TABLE orders SET (autovacuum_vacuum_threshold = 1000000)",
        rows(20_000),
        "DELETE FROM orders WHERE id <= 12000",
        "SELECT pg_stat_force_next_flush()",
      );
      await sql("SELECT 1");
    },
    next: /^VACUUM \(ANALYZE\) public.orders$/,
  },
  {
    title: "a table that is mostly empty space",
    id: "table-bloat",
    severity: "warning",
    says: [/About 5\d(\.\d)? MiB of 6\d(\.\d)? MiB \(\d\d %\) hold no rows/],
    async plant({ sql }) {
      await sql(TABLE, "ALTER TABLE orders SET (autovacuum_vacuum_threshold = 10000000)");
      await sql(
        "INSERT INTO orders SELECT n, n, repeat('x', 100) FROM generate_series(1, 460000) n",
        "DELETE FROM orders WHERE id < 390000",
        "SELECT pg_stat_force_next_flush()",
        "VACUUM (ANALYZE) orders",
      );
    },
    next: /^VACUUM \(FULL, ANALYZE\) public.orders$/,
  },
  {
    title: "a table that grew since its statistics were collected",
    id: "table-statistics-old",
    severity: "warning",
    says: ["60,000 of 60,000 rows changed", "never"],
    async plant({ sql }) {
      await sql(
        TABLE,
        "ALTER TABLE orders SET (autovacuum_analyze_threshold = 10000000, autovacuum_vacuum_insert_threshold = -1)",
        rows(60_000),
        "SELECT pg_stat_force_next_flush()",
      );
      await sql("SELECT 1");
    },
    next: /^ANALYZE public.orders$/,
  },
  {
    title: "a table without autovacuum",
    id: "table-autovacuum-off",
    severity: "warning",
    says: ["table public.orders"],
    plant: [TABLE, "ALTER TABLE orders SET (autovacuum_enabled = off)"],
    next: /^ALTER TABLE public.orders RESET \(autovacuum_enabled\)$/,
  },
  {
    title: "a serial column near the end of integer",
    id: "sequence-near-end",
    severity: "warning",
    says: ["sequence public.tickets_id_seq", "is at 1,700,000,000 (79 %)"],
    plant: ["CREATE TABLE tickets (id serial PRIMARY KEY)", "SELECT setval('tickets_id_seq', 1700000000)"],
    next: /^ALTER TABLE public.tickets ALTER COLUMN id TYPE bigint\nALTER SEQUENCE public.tickets_id_seq AS bigint$/,
  },
  {
    title: "a bigint sequence that feeds an integer column near its end",
    id: "sequence-near-end",
    severity: "error",
    says: ["The integer column public.tickets.number that it feeds ends at 2,147,483,647"],
    plant: [
      "CREATE SEQUENCE numbers",
      "CREATE TABLE tickets (id bigint PRIMARY KEY, number integer DEFAULT nextval('numbers'))",
      "SELECT setval('numbers', 2147000000)",
    ],
    next: /^ALTER TABLE public.tickets ALTER COLUMN number TYPE bigint$/,
  },
  {
    title: "a sequence near a limit of its own",
    id: "sequence-near-end",
    severity: "error",
    says: ["The bigint sequence ends at 1,000, and is at 990"],
    plant: ["CREATE SEQUENCE numbers MAXVALUE 1000", "SELECT setval('numbers', 990)"],
    next: /^ALTER SEQUENCE public.numbers NO MAXVALUE$/,
  },
  {
    title: "a sequence that an import did not advance",
    id: "sequence-behind",
    severity: "error",
    says: ["It is at 1, and public.tickets.id is at 50: the next inserts fail"],
    plant: [
      "CREATE TABLE tickets (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)",
      "INSERT INTO tickets DEFAULT VALUES",
      "INSERT INTO tickets (id) SELECT generate_series(2, 50)",
    ],
    next: /^SELECT setval\('public.tickets_id_seq', \(SELECT max\(id\) FROM public.tickets\)\)$/,
  },
  {
    title: "a table that a crash empties",
    id: "table-unlogged",
    severity: "warning",
    says: ["a crash or a failover empties it"],
    plant: ["CREATE UNLOGGED TABLE carts (id bigint PRIMARY KEY)"],
    next: /^ALTER TABLE public.carts SET LOGGED$/,
  },
  {
    title: "an extension of an old version",
    id: "extension-outdated",
    severity: "warning",
    says: ["Version 1.8 is installed"],
    plant: ["CREATE EXTENSION pg_stat_statements VERSION '1.8'"],
    next: /^ALTER EXTENSION "pg_stat_statements" UPDATE$/,
  },
  {
    title: "a column type that pg_upgrade refuses",
    id: "column-type-blocks-upgrade",
    severity: "warning",
    says: ["column public.searches.language", "Its type is regconfig"],
    plant: ["CREATE TABLE searches (id bigint PRIMARY KEY, language regconfig)"],
    next: /^ALTER TABLE public.searches ALTER COLUMN language TYPE text$/,
  },
  {
    title: "a database whose transaction ids are old",
    id: "wraparound",
    severity: "warning",
    says: [/Its oldest transaction id is 2\d,\d\d\d old/],
    thresholds: { xidAge: 20_000 },
    async plant({ sql, server, connection }) {
      await sql("DO $$ BEGIN FOR n IN 1..20100 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$");
      // The other databases of the server are as old.
      for (const { datname } of await server.sql("SELECT datname FROM pg_database WHERE datallowconn"))
        if (!connection.url.endsWith(`/${datname}`)) await server.sql("VACUUM (FREEZE)", String(datname));
    },
    next: /^VACUUM \(FREEZE\)$/,
  },
  {
    title: "a prepared transaction whose coordinator is gone",
    id: "prepared-transaction",
    severity: "error",
    says: ["prepared transaction order-17", "postgres prepared it"],
    thresholds: { preparedSeconds: 0 },
    plant: [TABLE, "BEGIN; INSERT INTO orders VALUES (1, 1); PREPARE TRANSACTION 'order-17'"],
    next: /^ROLLBACK PREPARED 'order-17'$/,
  },
];

const activity: readonly Fault[] = [
  {
    title: "a transaction that runs for long",
    id: "transaction-long",
    severity: "warning",
    says: [/^pid \d+ \(report, postgres\)/, "SELECT pg_sleep(60)"],
    thresholds: { transactionSeconds: 0.2 },
    async plant({ client }) {
      void (await client("report")).query("SELECT pg_sleep(60)").catch(() => {});
      await sleep(400);
    },
    next: /^SELECT pg_cancel_backend\(\d+\)$/,
    async repair({ sql }, { next }) {
      await sql(...next.sql!);
      await sleep(200);
    },
  },
  {
    title: "a session that is idle in a transaction",
    id: "transaction-idle",
    severity: "warning",
    says: [/^pid \d+ \(api, postgres\)/, "since: SELECT '…', '…' WHERE 1 = 1"],
    thresholds: { idleTransactionSeconds: 0.2 },
    async plant({ client }) {
      const api = await client();
      await api.query("BEGIN");
      await api.query("SELECT 'hunter2', $x$ it's hunter2 $x$ WHERE id = 1".replace("id", "1"));
      await sleep(400);
    },
    next: /^SELECT pg_terminate_backend\(\d+\)$/,
    async repair({ sql }, { next }) {
      await sql(...next.sql!);
      await sleep(200);
    },
  },
  {
    title: "a lock for which others wait, with the session at the head of the queue",
    id: "lock-blocks-others",
    severity: "error",
    says: [
      /^pid \d+ \(migration, postgres\)/,
      "2 sessions wait for its locks on orders",
      "The holder is idle in transaction",
      "ALTER TABLE orders ADD more int",
    ],
    thresholds: { blockedSeconds: 0.2 },
    async plant({ sql, client }) {
      await sql(TABLE);
      const holder = await client("migration");
      await holder.query("BEGIN");
      await holder.query("ALTER TABLE orders ADD more int");
      for (const name of ["api", "worker"]) {
        void (await client(name)).query(name === "api" ? "UPDATE orders SET note = NULL" : "SELECT FROM orders").catch(() => {});
        await sleep(150);
      }
      await sleep(300);
    },
    next: /^SELECT pg_terminate_backend\(\d+\)$/,
    async repair({ sql }, { next }) {
      await sql(...next.sql!);
      await sleep(300);
    },
  },
  {
    title: "a reader that holds up a migration, and with it all other readers",
    id: "lock-blocks-others",
    severity: "error",
    says: [/^pid \d+ \(report, postgres\)/, "2 sessions wait for its locks on orders", "(ALTER TABLE orders ADD more int)"],
    thresholds: { blockedSeconds: 0.2 },
    async plant({ sql, client }) {
      await sql(TABLE);
      const reader = await client("report");
      await reader.query("BEGIN");
      await reader.query("SELECT FROM orders");
      void (await client("migration")).query("ALTER TABLE orders ADD more int").catch(() => {});
      await sleep(150);
      void (await client("api")).query("SELECT FROM orders").catch(() => {});
      await sleep(400);
    },
    next: /^SELECT pg_terminate_backend\(\d+\)$/,
    async repair({ sql }, { next }) {
      await sql(...next.sql!);
      await sleep(300);
    },
  },
  {
    title: "a prepared transaction that holds a lock",
    id: "lock-blocks-others",
    severity: "error",
    says: [/^a prepared transaction\n1 session waits for its locks on orders/],
    thresholds: { blockedSeconds: 0.2 },
    async plant({ sql, client }) {
      await sql(TABLE, "BEGIN; LOCK orders IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'order-18'");
      void (await client("api")).query("SELECT FROM orders").catch(() => {});
      await sleep(400);
    },
    next: /^SELECT gid, owner, prepared FROM pg_prepared_xacts/,
    async repair({ sql }, { next }) {
      const [oldest] = await sql(...next.sql!);
      await sql(`ROLLBACK PREPARED '${oldest!.gid}'`);
      await sleep(200);
    },
  },
  {
    title: "a role with more connections than its budget",
    id: "connections-over-budget",
    severity: "warning",
    says: ["It has 3 connections, and the settings of the stack allocate 2"],
    subject: {
      budget: { runtime: 2, pools: { shop: 2 } },
      declared: {
        ...{ system: "shop", database: "none", schemas: ["public"], extensions: [], statementTimeoutSeconds: 30 },
        roles: { owner: "shop_owner", runtime: "shop_api", readonly: "shop_readonly", backup: "shop_backup" },
      },
    },
    async plant({ client }) {
      for (const _ of [1, 2, 3]) await client("api", "shop_api");
    },
    next: /^SELECT count\(pg_terminate_backend\(pid\)\) FROM pg_stat_activity WHERE usename = 'shop_api' AND state = 'idle'/,
    async repair({ sql }, { next }) {
      await sql(...next.sql!);
      await sleep(200);
    },
  },
  {
    title: "a replication slot without a reader",
    id: "slot-inactive",
    severity: "warning",
    says: ["replication slot old_replica", "physical slot"],
    plant: ["SELECT pg_create_physical_replication_slot('old_replica', true)"],
    next: /^SELECT pg_drop_replication_slot\('old_replica'\)$/,
  },
  {
    title: "a replication slot that keeps much log",
    id: "slot-retains-log",
    severity: "error",
    says: [/This logical slot keeps \d+(\.\d)? MiB of log/],
    thresholds: { slotBytes: 2 ** 20 },
    plant: ["SELECT pg_create_logical_replication_slot('old_subscriber', 'pgoutput')", TABLE, rows(20_000)],
    next: /^SELECT pg_drop_replication_slot\('old_subscriber'\)$/,
  },
  {
    title: "a statement that is slow on average",
    id: "statement-slow",
    severity: "warning",
    says: [/^statement -?\d+ of postgres/, "3 calls", "limit 50 ms", "SELECT pg_sleep"],
    thresholds: { slowStatementMs: 50, slowStatementCalls: 3 },
    plant: ["CREATE EXTENSION pg_stat_statements", "SELECT pg_sleep(0.06)", "SELECT pg_sleep(0.06)", "SELECT pg_sleep(0.06)"],
    next: /^SELECT public.pg_stat_statements_reset\(0, 0, -?\d+\)$/,
  },
];

const security: readonly Fault[] = [
  {
    title: "policies on a table without row-level security",
    id: "rls-disabled",
    severity: "error",
    says: ["table public.orders", "It has policies (own)"],
    plant: [TABLE, "CREATE POLICY own ON orders USING (customer = 1)"],
    next: /^ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY$/,
  },
  {
    title: "row-level security without a policy",
    id: "rls-without-policy",
    severity: "warning",
    says: ["there is no policy"],
    plant: [TABLE, "ALTER TABLE orders ENABLE ROW LEVEL SECURITY"],
    next: /^CREATE POLICY no_row ON public.orders USING \(false\)$/,
  },
  {
    title: "a policy that lets a role change every row",
    id: "policy-always-true",
    severity: "warning",
    says: ["policy anything of public.orders", "For ALL by PUBLIC"],
    plant: [
      TABLE,
      "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
      "CREATE POLICY own ON orders USING (customer = 1)",
      "CREATE POLICY anything ON orders USING (true)",
    ],
    next: /^DROP POLICY anything ON public.orders$/,
  },
  {
    title: "a view that reads a protected table as its owner",
    id: "view-bypasses-rls",
    severity: "error",
    says: ["view public.all_orders", "It reads public.orders as postgres", "PUBLIC can read it"],
    plant: [
      TABLE,
      "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
      "CREATE POLICY own ON orders USING (customer = 1)",
      "CREATE VIEW all_orders AS SELECT * FROM orders",
      "CREATE ROLE reader_of_views",
      "GRANT SELECT ON all_orders TO PUBLIC",
    ],
    also: ["table-public"],
    next: /^ALTER VIEW public.all_orders SET \(security_invoker = true\)$/,
    async repair({ sql }, { next }) {
      await sql(...next.sql!, "REVOKE ALL ON all_orders FROM PUBLIC");
    },
  },
  {
    title: "a view over a view of a protected table",
    id: "view-bypasses-rls",
    severity: "warning",
    says: ["view public.totals", "No other role can read it yet"],
    plant: [
      TABLE,
      "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
      "CREATE POLICY own ON orders USING (customer = 1)",
      "CREATE VIEW some_orders WITH (security_invoker = true) AS SELECT * FROM orders",
      "CREATE VIEW totals AS SELECT count(*) FROM some_orders",
    ],
    next: /^ALTER VIEW public.totals SET \(security_invoker = true\)$/,
  },
  {
    title: "a materialized view of a protected table that others read",
    id: "materialized-view-exposes-rows",
    severity: "error",
    says: ["materialized view public.copy", "pg_monitor can read it"],
    plant: [
      TABLE,
      "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
      "CREATE POLICY own ON orders USING (customer = 1)",
      "CREATE MATERIALIZED VIEW copy AS SELECT * FROM orders",
      "GRANT SELECT ON copy TO pg_monitor",
    ],
    next: /^REVOKE SELECT ON public.copy FROM "pg_monitor"$/,
    async repair({ sql }, { next }) {
      await sql(...next.sql!);
      await sql("DROP MATERIALIZED VIEW copy");
    },
  },
  {
    title: "a function with the rights of its owner and the search path of its caller",
    id: "function-search-path",
    severity: "error",
    says: ["function public.total(customer bigint)", "runs with the rights of postgres"],
    plant: [
      "CREATE FUNCTION total(customer bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::bigint'",
      "REVOKE EXECUTE ON FUNCTION total FROM PUBLIC",
    ],
    next: /^ALTER ROUTINE public.total\(customer bigint\) SET search_path = "public", pg_temp$/,
  },
  {
    title: "a function with the rights of its owner that every role may call",
    id: "function-public",
    severity: "warning",
    says: ["Every role may call it"],
    plant: ["CREATE PROCEDURE purge() LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1'"],
    next: /^REVOKE EXECUTE ON ROUTINE public.purge\(\) FROM PUBLIC$/,
  },
  {
    title: "a schema in which every role can create objects",
    id: "schema-writable",
    severity: "error",
    says: ["schema public"],
    plant: ["GRANT CREATE ON SCHEMA public TO PUBLIC"],
    next: /^REVOKE CREATE ON SCHEMA public FROM PUBLIC$/,
  },
  {
    title: "a table that every role can read",
    id: "table-public",
    severity: "error",
    says: ["Every role that can connect has SELECT on it"],
    plant: [TABLE, "GRANT SELECT ON orders TO PUBLIC"],
    next: /^REVOKE ALL ON public.orders FROM PUBLIC$/,
  },
];

const OWN = ["ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON orders USING (note = current_user)"];

/** What a small or new database may have, so that it is reported with --all only, and does not change the exit code. */
const withAll: readonly Fault[] = [
  {
    title: "a policy that reads a setting for each row",
    id: "policy-evaluated-per-row",
    severity: "info",
    says: ["policy tenant of public.orders", "It calls current_setting() for each row"],
    all: true,
    plant: [
      TABLE,
      "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
      "CREATE POLICY tenant ON orders USING (note = current_setting('app.tenant', true)) WITH CHECK (note = current_setting('app.tenant', true))",
    ],
    next: /^ALTER POLICY tenant ON public.orders USING \(.*\(SELECT current_setting\(.*\)\).* WITH CHECK \(.*\(SELECT current_setting\(/,
  },
  {
    title: "two policies for the same rows",
    id: "policies-overlap",
    severity: "info",
    says: ["policies of public.orders", "For SELECT by PUBLIC, Postgres evaluates mine and own for each row"],
    all: true,
    plant: [TABLE, ...OWN, "CREATE POLICY mine ON orders FOR SELECT USING (customer = 1)"],
    next: /^DROP POLICY own ON public.orders$/,
    async repair({ sql }, { next }) {
      await sql("ALTER POLICY mine ON orders USING (customer = 1 OR note = current_user)", ...next.sql!);
    },
  },
  {
    title: "a view that reads as its owner",
    id: "view-runs-as-owner",
    severity: "info",
    says: ["view public.notes", "pg_monitor can read it, and it reads its tables as postgres"],
    all: true,
    plant: [TABLE, "CREATE VIEW notes AS SELECT note FROM orders", "GRANT SELECT ON notes TO pg_monitor"],
    next: /^ALTER VIEW public.notes SET \(security_invoker = true\)$/,
  },
  {
    title: "a function that depends on the search path of its caller",
    id: "function-search-path",
    severity: "info",
    says: ["function public.one()", "It has no search_path of its own"],
    all: true,
    plant: ["CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    next: /^ALTER ROUTINE public.one\(\) SET search_path = "public", pg_temp$/,
  },
  {
    title: "an index that no query has used yet",
    id: "index-unused",
    severity: "info",
    says: ["index public.by_note", "never through this index"],
    all: true,
    plant: [TABLE, "CREATE INDEX by_note ON orders (note)"],
    next: /^DROP INDEX CONCURRENTLY public.by_note$/,
  },
  {
    title: "a foreign key whose index has its columns in another order",
    id: "foreign-key-without-index",
    severity: "info",
    says: ["An index begins with its columns (a, b) in another order"],
    all: true,
    also: ["index-unused"],
    plant: [
      "CREATE TABLE parents (a int, b int, PRIMARY KEY (a, b))",
      "CREATE TABLE children (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES parents)",
      "CREATE INDEX ON children (b, a)",
    ],
    next: /^CREATE INDEX CONCURRENTLY ON public.children \(a, b\)$/,
    async repair({ sql }, { next }) {
      await sql("DROP INDEX children_b_a_idx", ...next.sql!, "INSERT INTO parents VALUES (1, 1)", "SET enable_seqscan = off");
      await sql("SELECT FROM children WHERE a = 1 AND b = 1", "SELECT pg_stat_force_next_flush()");
      await sql("SELECT 1");
    },
  },
];

describe("in a database, doctor finds exactly the planted fault, and its next step removes the finding:", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      settings: {
        ...{ shared_preload_libraries: "pg_stat_statements", "pg_stat_statements.track": "top", "pg_stat_statements.track_utility": "off" },
        ...{ wal_level: "logical", max_prepared_transactions: "5", autovacuum_naptime: "1h", autovacuum_max_workers: "1" },
      },
    });
    await server.sql("CREATE ROLE shop_api LOGIN");
  });
  afterAll(() => server.stop());

  it.for([...indexes, ...constraints, ...storage, ...activity, ...security, ...withAll])("$title ($id)", (fault) =>
    withDatabase(server, (bench) => expectFoundAndRepaired(bench, fault)),
  );
});
