import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAJORS, startServer, type TestServer } from "../../../postdeploy/migrate/testing/server.ts";
import { examine, withDatabase } from "../testing/database.ts";

describe.each(MAJORS)("an empty database on Postgres %i", (major) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ major, settings: { shared_preload_libraries: "pg_stat_statements" } });
  });
  afterAll(() => server.stop());

  it("has no findings, and every check runs", async () => {
    await withDatabase(server, async ({ connection, sql }) => {
      await sql("CREATE EXTENSION pg_stat_statements");
      const { facts, findings, unchecked } = await examine(connection);
      expect(findings).toEqual([]);
      expect(unchecked).toEqual([]);
      expect(facts.map(({ name }) => name)).toEqual(["server", "time", "TLS", "user", "memory", "connections"]);
      expect(facts[0]!.value).toMatch(new RegExp(`^Postgres ${major}\\.`));
    });
  });
});
