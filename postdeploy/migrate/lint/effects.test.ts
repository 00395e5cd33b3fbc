import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseText } from "../read/parse.ts";
import { MAJORS, startServer, type TestServer } from "../testing/server.ts";
import { effectsOf, LOCKS } from "./effects.ts";

/** The predicted effects of each statement are compared with those on a real server. */
const statements: readonly string[] = [
  "CREATE INDEX ON t (a)",
  "DROP INDEX t_b",
  "REINDEX TABLE t",
  "ALTER TABLE t ADD c int",
  "ALTER TABLE t ADD c int DEFAULT 5 NOT NULL",
  "ALTER TABLE t ADD c timestamptz DEFAULT now()",
  "ALTER TABLE t ADD c float DEFAULT random()",
  "ALTER TABLE t ADD c uuid DEFAULT gen_random_uuid()",
  "ALTER TABLE t ADD c bigint GENERATED ALWAYS AS IDENTITY",
  "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a + 1) STORED",
  "ALTER TABLE t ADD c serial",
  "ALTER TABLE t ADD c int REFERENCES u",
  "ALTER TABLE t DROP b",
  "ALTER TABLE t ALTER a SET DEFAULT 1",
  "ALTER TABLE t ALTER a SET NOT NULL",
  "ALTER TABLE t ALTER a DROP NOT NULL",
  "ALTER TABLE t ALTER a SET STATISTICS 100",
  "ALTER TABLE t ADD CHECK (a > 0)",
  "ALTER TABLE t ADD CHECK (a > 0) NOT VALID",
  "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u",
  "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID",
  "ALTER TABLE t ADD UNIQUE (a)",
  "ALTER TABLE t ADD CONSTRAINT t_b UNIQUE USING INDEX t_b",
  "ALTER TABLE t VALIDATE CONSTRAINT unchecked",
  "ALTER TABLE t DROP CONSTRAINT unchecked",
  "ALTER TABLE t SET (fillfactor = 70)",
  "ALTER TABLE t SET UNLOGGED",
  "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
  "ALTER TABLE t DISABLE TRIGGER touched",
  "ALTER TABLE t ENABLE TRIGGER touched",
  "ALTER TABLE t OWNER TO pg_monitor",
  "ALTER TABLE t REPLICA IDENTITY FULL",
  "ALTER TABLE t CLUSTER ON t_b",
  "ALTER TABLE t RENAME TO s",
  "ALTER TABLE t RENAME a TO c",
  "ALTER TABLE t RENAME CONSTRAINT unchecked TO later",
  "ALTER TABLE t SET SCHEMA app",
  "ALTER TABLE p ATTACH PARTITION q FOR VALUES IN (2)",
  "ALTER TABLE p DETACH PARTITION p1",
  "ALTER TABLE t ALTER a TYPE bigint",
  "DROP TABLE t",
  "TRUNCATE u",
  "LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE",
  "LOCK TABLE t",
  "CREATE TRIGGER more BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION touch()",
  "DROP TRIGGER touched ON t",
  "CREATE POLICY mine ON t",
  "ALTER POLICY own ON t USING (true)",
  "DROP POLICY own ON t",
  "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING",
  "CLUSTER t USING t_b",
  "REFRESH MATERIALIZED VIEW m",
  "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
  "COMMENT ON TABLE t IS 'x'",
  "CREATE STATISTICS s ON a, b FROM t",
  "CREATE TABLE n (id int REFERENCES u)",
  "CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3)",
  "CREATE TABLE heir () INHERITS (t)",
  "INSERT INTO t VALUES (2, 2)",
  "UPDATE t SET a = 2",
  "DELETE FROM t",
  "DROP MATERIALIZED VIEW m",
];

const setup = `CREATE SCHEMA app; CREATE TABLE u (id int PRIMARY KEY);
  CREATE TABLE t (a int, b int, CONSTRAINT unchecked CHECK (a > 0) NOT VALID); INSERT INTO u VALUES (1); INSERT INTO t (a, b) VALUES (1, 1);
  CREATE UNIQUE INDEX t_b ON t (b); CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER touched BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch(); CREATE POLICY own ON t;
  CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE q (k int);
  CREATE MATERIALIZED VIEW m AS SELECT 1 AS x; CREATE UNIQUE INDEX ON m (x);`;

describe.each(MAJORS)("predicted effects match Postgres %s", (major) => {
  let server: TestServer;
  let client: pg.Client;

  beforeAll(async () => {
    server = await startServer({ major });
    client = new pg.Client(server.url("postgres"));
    await client.connect();
    await client.query(setup);
  });
  afterAll(async () => {
    await client.end();
    await server.stop();
  });

  it.each(statements)("%s", async (sql) => {
    const { statements: parsed } = await parseText("x", sql);
    const effects = effectsOf(parsed[0]!.node);
    await client.query("BEGIN");
    try {
      const before = await fileNodes();
      await client.query(sql);
      const locks = await strongestLocks();
      for (const { table, lock, index } of effects)
        if (!index) expect([table, locks.get(table) ?? locks.get(nameAfterRename(sql, table))]).toEqual([table, lock]);
      if (effects.some(({ index }) => index)) return;
      // Every lock that conflicts with other sessions is predicted.
      for (const [table, lock] of locks)
        if (["t", "u", "p", "q", "p1", "m"].includes(table) && LOCKS.indexOf(lock) >= LOCKS.indexOf("SHARE UPDATE EXCLUSIVE")) {
          const top = effects.filter((effect) => effect.table === table).map((effect) => LOCKS.indexOf(effect.lock));
          expect([table, LOCKS[Math.max(-1, ...top)]]).toEqual([table, lock]);
        }
      const after = await fileNodes();
      const rewritten = [...before].filter(([table, file]) => after.has(table) && after.get(table) !== file).map(([table]) => table);
      const predicted = effects.filter(({ work }) => work === "rewrite" || work === "maybe-rewrite").map(({ table }) => table);
      if (!sql.startsWith("TRUNCATE")) expect(predicted).toEqual(rewritten);
    } finally {
      await client.query("ROLLBACK");
    }
  });

  /** The strongest lock of this session on each table. */
  async function strongestLocks(): Promise<Map<string, (typeof LOCKS)[number]>> {
    const { rows } = await client.query<{ name: string; mode: string }>(
      "SELECT c.relname AS name, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = pg_backend_pid() AND c.relnamespace IN ('public'::regnamespace, 'app'::regnamespace) AND c.relkind IN ('r', 'p', 'm')",
    );
    const dropped = await client.query<{ relation: number; mode: string }>(
      "SELECT relation::int, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation NOT IN (SELECT oid FROM pg_class)",
    );
    const found = new Map<string, (typeof LOCKS)[number]>();
    const add = (name: string, mode: string) => {
      const lock = mode
        .replace(/Lock$/, "")
        .replace(/([a-z])([A-Z])/g, "$1 $2")
        .toUpperCase() as (typeof LOCKS)[number];
      if (!found.has(name) || LOCKS.indexOf(found.get(name)!) < LOCKS.indexOf(lock)) found.set(name, lock);
    };
    for (const { name, mode } of rows) add(name, mode);
    for (const { relation, mode } of dropped.rows) add(oids.get(relation) ?? "", mode);
    return found;
  }

  const oids = new Map<number, string>();
  async function fileNodes(): Promise<Map<string, number>> {
    const { rows } = await client.query<{ oid: number; relname: string; file: number }>(
      "SELECT oid::int, relname, pg_relation_filenode(oid)::int AS file FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm')",
    );
    for (const { oid, relname } of rows) if (!oids.has(oid)) oids.set(oid, relname);
    return new Map(rows.filter(({ file }) => file !== null).map(({ relname, file }) => [relname, file]));
  }
});

function nameAfterRename(sql: string, table: string): string {
  return /RENAME TO (\w+)/.exec(sql)?.[1] ?? table;
}
