/** Runs against a cluster like DigitalOcean's: TLS with its own CA, an admin who is not a superuser, roles from the roles step, and a pool. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { systems } from "../../systems/index.ts";
import type { Connection } from "../connect/target.ts";
import { applyRoles, rolesPlan } from "../roles/index.ts";
import { down } from "./down.ts";
import { status } from "./status.ts";
import { failure } from "./testing/failure.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";
import { startProxy } from "./testing/proxy.ts";
import { up } from "./up.ts";

const home = temporaryHome();
const backing = openServers({ home, fsync: false });
const password = (name: string) => `pw_${name}_0123456789`;
const users = systems
  .flatMap(({ postgres }) => Object.values(postgres.roles))
  .map((name) => ({ name, password: password(name), replication: false }));
const pool = {
  name: "shop-pool",
  mode: "transaction",
  size: 2,
  database: "devxplatform",
  user: users.find(({ name }) => name === "devx")!,
};
let endpoint: Endpoint;

beforeAll(async () => {
  const databases = ["defaultdb", ...systems.map(({ postgres }) => postgres.database)];
  endpoint = await backing.startCluster(postgresCluster("migrations", { version: "15", databases, users, pools: [pool] }));
});
afterAll(async () => {
  await backing.close();
  await removeHome(home);
  cleanFolders();
});

const connect = (user: string, database: string, more: Partial<Connection> = {}): Connection => ({
  url: `postgres://${user}:${user === "doadmin" ? "AVNS_doadmin" : password(user)}@localhost:${endpoint.port}/${database}?sslmode=require`,
  ca: endpoint.ca,
  ...more,
});

describe.each(systems.map((system) => [system.title, system] as const))("%s", (_, { name, postgres }) => {
  const options = () => ({
    folder: `sql/${name}`,
    connection: connect(postgres.roles.owner, postgres.database),
    system: name,
    schemas: postgres.schemas,
    owner: postgres.roles.owner,
  });

  it("is migrated by its owner over verified TLS, on Postgres 15, after the roles step [D16]", async () => {
    const roles = { connection: connect("doadmin", postgres.database), ...postgres };
    await applyRoles(roles);
    expect((await up(options())).applied.length).toBeGreaterThan(0);
    const now = await status(options());
    expect([now.pending, now.drift, now.brokenIndexes]).toEqual([[], [], []]);
    expect((await rolesPlan(roles)).statements).toEqual([]);
  });

  it("gives its runtime role access to the rows of every table, and no more", async () => {
    const as = (sql: string) =>
      query(endpoint, sql, { user: postgres.roles.runtime, password: password(postgres.roles.runtime), database: postgres.database });
    const tables = await query(
      endpoint,
      `SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE tableowner = '${postgres.roles.owner}' AND schemaname <> 'slipway'`,
      { database: postgres.database },
    );
    for (const { name: table } of tables) await as(`SELECT * FROM ${table} LIMIT 1`);
    const [{ name: table } = {}] = tables;
    for (const sql of [`TRUNCATE ${table}`, `DROP TABLE ${table}`, `ALTER TABLE ${table} ADD x int`, "SELECT * FROM slipway.events"])
      await expect(as(sql)).rejects.toMatchObject({ code: "42501" });
  });

  it("reverts and applies all files as the owner", async () => {
    const before = await status(options());
    await down({ ...options(), to: "nothing" });
    await up(options());
    expect((await status(options())).files.map(({ file, state }) => [file, state])).toEqual(
      before.files.map(({ file, state }) => [file, state]),
    );
  });
});

it("is not held up by a session that took the lock through a pool, and names it", async () => {
  const { name, postgres } = systems.find(({ postgres: { database } }) => database === pool.database)!;
  const [{ key } = {}] = await query(endpoint, "SELECT key::text FROM slipway.lock", {
    ...{ user: postgres.roles.owner, password: password(postgres.roles.owner), database: pool.database },
  });
  // The pool keeps the connection, and with it the lock.
  await query(endpoint, `SELECT pg_advisory_lock(${key})`, {
    port: endpoint.poolPort!,
    user: pool.user.name,
    password: pool.user.password,
    database: pool.name,
  });
  const warnings: string[] = [];
  const options = { folder: `sql/${name}`, connection: connect(postgres.roles.owner, pool.database), schemas: postgres.schemas };
  await down({ ...options, waitMs: 0, onProgress: (event) => event.kind === "warning" && warnings.push(event.message) });
  await up(options);
  expect(warnings).toEqual([expect.stringMatching(/no migration run held the migration lock: pid \d+ \(.*, devx\)/)]);
});

describe("a connection", () => {
  const { path: folder } = folderOf({ "001_a.sql": "SELECT 1;" });
  const failureOf = async (connection: Connection) => {
    const { code, message } = await failure(status({ folder, connection }));
    expect(message).not.toContain("pw_devx");
    return [code, message];
  };

  it("through a pool is rejected, also for read-only commands", async () => {
    const url = `postgres://devx:${password("devx")}@localhost:${endpoint.poolPort}/shop-pool`;
    expect(await failureOf({ url, ca: endpoint.ca })).toEqual(["pooled", expect.stringMatching(/is a connection pool.*25060, not 25061/)]);
  });

  it("to a server with a certificate of another CA or another name is rejected [F5]", async () => {
    expect(await failureOf({ url: connect("devx", "devxplatform").url })).toEqual(["wrong-ca", expect.stringContaining("--ca ca.pem")]);
    const { url } = connect("devx", "devxplatform");
    const elsewhere = await startProxy(endpoint.port, { host: "127.0.0.2" });
    expect(await failureOf({ url: url.replace(/@localhost:\d+/, `@127.0.0.2:${elsewhere.port}`), ca: endpoint.ca })).toEqual([
      "wrong-host",
      expect.stringContaining("certificate of the server is not valid for 127.0.0.2"),
    ]);
    await elsewhere.close();
  });

  it("with a wrong password or without TLS is rejected", async () => {
    const { url, ca } = connect("devx", "devxplatform");
    expect(await failureOf({ url: url.replace("pw_devx_", "pw_"), ca })).toEqual([
      "wrong-password",
      expect.stringContaining("rejected the password of devx"),
    ]);
    expect(await failureOf({ url: url.replace("sslmode=require", "sslmode=disable") })).toEqual([
      "not-let-in",
      expect.stringContaining("the server requires TLS. Pass the CA certificate with --ca ca.pem"),
    ]);
  });

  it("to a pool without TLS is rejected as bad input, with the command that fetches the CA", async () => {
    const url = `postgres://devx:${password("devx")}@localhost:${endpoint.poolPort}/shop-pool`;
    const { code, exit, message } = await failure(status({ folder, connection: { url } }));
    expect([code, exit, message]).toEqual([
      "not-let-in",
      2,
      expect.stringMatching(/the server requires TLS. Pass the CA certificate with --ca ca\.pem.*doctl/),
    ]);
  });
});
