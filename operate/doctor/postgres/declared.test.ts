import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../../local/cloud/backing.ts";
import { openServers } from "../../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../../local/servers/testing/servers.ts";
import type { Connection } from "../../../postdeploy/connect/target.ts";
import { up } from "../../../postdeploy/migrate/up.ts";
import { applyRoles } from "../../../postdeploy/roles/index.ts";
import { systems } from "../../../systems/index.ts";
import { examine } from "../testing/database.ts";
import type { DatabaseSubject } from "./subject.ts";

describe.each(["15", "17"])("the databases of the three products, deployed on Postgres %s", (version) => {
  const home = temporaryHome();
  const backing = openServers({ home, fsync: false });
  const users = systems
    .flatMap(({ postgres }) => Object.values(postgres.roles))
    .map((name) => ({ name, password: `pw_${name}_0123456789`, replication: false }));
  const pool = { name: "pool", mode: "transaction", size: 2, database: "devxplatform", user: users.find(({ name }) => name === "devx")! };
  let endpoint: Endpoint;

  beforeAll(async () => {
    const databases = ["defaultdb", ...systems.map(({ postgres }) => postgres.database)];
    endpoint = await backing.startCluster(postgresCluster(`doctor-${version}`, { version, databases, users, pools: [pool] }));
    for (const { name, postgres } of systems) {
      const owner = postgres.roles.owner;
      await applyRoles({ connection: connect("doadmin", postgres.database), ...postgres });
      await up({ folder: folderOf(name), connection: connect(owner, postgres.database), system: name, schemas: postgres.schemas, owner });
    }
  });
  afterAll(async () => {
    await backing.close();
    await removeHome(home);
  });

  const connect = (user: string, database: string): Connection => ({
    url: `postgres://${user}:${user === "doadmin" ? "AVNS_doadmin" : `pw_${user}_0123456789`}@localhost:${endpoint.port}/${database}`,
    ca: endpoint.ca,
  });
  const folderOf = (name: string) => fileURLToPath(new URL(`../../../sql/${name}`, import.meta.url));
  const subjectOf = ({ name, postgres }: (typeof systems)[number]): Partial<DatabaseSubject> => ({
    name: `${name}/postgres`,
    declared: { system: name, ...postgres },
    migrations: folderOf(name),
  });

  it.each(systems.map((system) => [system.name, system] as const))("of %s has no finding, and every check runs", async (_, system) => {
    const { findings, unchecked, facts } = await examine(connect("doadmin", system.postgres.database), { subject: subjectOf(system) });
    expect(findings).toEqual([]);
    expect(unchecked).toEqual([]);
    expect(Object.fromEntries(facts.map(({ name, value }) => [name, value]))).toMatchObject({
      server: expect.stringMatching(new RegExp(`^Postgres ${version}\\.\\d+, up `)),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, /),
      TLS: expect.stringMatching(/^TLSv1\.3, \w+, certificate until \d{4}-\d\d-\d\d$/),
      user: expect.stringMatching(new RegExp(`^doadmin, database ${system.postgres.database} \\(`)),
      memory: expect.stringMatching(/^shared_buffers \d+MB, work_mem /),
      connections: expect.stringMatching(/^\d+ of \d+$/),
      roles: "as declared",
      migrations: expect.stringMatching(/^(\d+) of \1 files applied$/),
    });
  });

  it.each(systems.map((system) => [system.name, system] as const))("of %s has nothing above info with --all", async (_, system) => {
    const { findings } = await examine(connect("doadmin", system.postgres.database), { subject: subjectOf(system), all: true });
    expect(findings.filter(({ severity }) => severity !== "info")).toEqual([]);
    expect([...new Set(findings.map(({ id }) => id))].sort().filter((id) => id !== "function-search-path")).toEqual(["index-unused"]);
  });

  it("have no finding either where no system is named, with the ledger's schema", async () => {
    for (const { postgres } of systems) expect((await examine(connect("doadmin", postgres.database))).findings).toEqual([]);
  });

  it("connection-pooled: a pool in place of the database is a finding, and nothing at the direct address", async () => {
    const direct = connect("devx", "devxplatform");
    const pooled = { ...direct, url: direct.url.replace(`:${endpoint.port}/devxplatform`, `:${endpoint.poolPort}/pool`) };
    expect((await examine(pooled)).findings).toMatchObject([
      {
        id: "connection-pooled",
        severity: "error",
        evidence: expect.stringContaining(`localhost:${endpoint.poolPort} is a connection pool`),
        next: { command: "doctl databases connection ID" },
      },
    ]);
    expect((await examine(direct)).findings).toEqual([]);
  });

  it("is examined as the runtime role too, and doctor says what this role does not see", async () => {
    const system = systems.find(({ name }) => name === "candlefish")!;
    const { findings, unchecked } = await examine(connect("candlefish", "candlefish_collaboration"), { subject: subjectOf(system) });
    expect(findings).toEqual([]);
    expect(unchecked.join("\n")).toMatch(/^sessions of other roles: candlefish is not a member of pg_read_all_stats$/m);
    expect(unchecked.join("\n")).toMatch(/^roles: candlefish does not manage roles. Connect as the administrator \(doadmin\).$/m);
    expect(unchecked.join("\n")).toMatch(/^migrations: /m);
  });

  it.each([
    [
      "a privilege that was revoked",
      "REVOKE SELECT ON documents FROM candlefish",
      /GRANT SELECT ON TABLE public.documents TO "candlefish"/,
    ],
    [
      "a privilege that was granted",
      "GRANT TRUNCATE ON documents TO candlefish",
      /REVOKE TRUNCATE ON TABLE public.documents FROM "candlefish"/,
    ],
    ["a setting of a role", "ALTER ROLE candlefish SET work_mem = '1GB'", /ALTER ROLE "candlefish" RESET "work_mem"/],
  ])("roles-differ: finds %s, and the SQL of the next step repairs it", async (_, plant, next) => {
    const system = systems.find(({ name }) => name === "candlefish")!;
    const connection = connect("doadmin", "candlefish_collaboration");
    const run = (sql: string) => query(endpoint, sql, { database: "candlefish_collaboration" });
    await run(plant);
    const { findings } = await examine(connection, { subject: subjectOf(system) });
    expect(findings).toMatchObject([
      {
        id: "roles-differ",
        severity: "error",
        subject: "roles of candlefish",
        evidence: expect.stringMatching(/^The roles step has \d+ statements? to run/),
      },
    ]);
    const sql = findings[0]!.next.sql!;
    expect(sql.join("\n")).toMatch(next);
    for (const statement of sql) await run(statement);
    expect((await examine(connection, { subject: subjectOf(system) })).findings).toEqual([]);
  });
});
