import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Authority, openAuthority } from "../../../local/servers/certificates.ts";
import { open, type Session } from "../../../postdeploy/connect/session.ts";
import { type Connection, targetOf } from "../../../postdeploy/connect/target.ts";
import { freePort } from "../../../postdeploy/migrate/testing/port.ts";
import { startProxy } from "../../../postdeploy/migrate/testing/proxy.ts";
import { nameIn, type ServerOptions, startServer, type TestServer } from "../../../postdeploy/migrate/testing/server.ts";
import type { Finding } from "../finding.ts";
import { type Examined, examine, examineUntil } from "../testing/database.ts";
import { connectionFinding } from "./connection.ts";

interface Planted extends Examined {
  readonly connection: Connection;
  /** Does what the next step says. @returns another connection, if the step is to use one */
  repair(finding: Finding): Promise<Connection | undefined>;
}

interface ServerFault {
  readonly title: string;
  readonly id: string;
  readonly severity?: Finding["severity"];
  readonly says: readonly (string | RegExp)[];
  readonly next: string | RegExp;
  plant(): Promise<Planted>;
}

const folder = mkdtempSync(join(tmpdir(), "slipway-doctor-"));
const ended: (() => Promise<unknown> | unknown)[] = [];
const later = <T>(value: T, end: (value: T) => Promise<unknown> | unknown): T => {
  ended.push(() => end(value));
  return value;
};
const start = async (options: ServerOptions = {}) => later(await startServer(options), (server) => server.stop());
const client = async (connection: Connection, application = "api") =>
  later(await open(connection, { application }), (session: Session) => session.destroy());

afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let shared: TestServer;
let authority: Authority;
beforeAll(async () => {
  authority = openAuthority(join(folder, "authority"));
  shared = await startServer();
});
afterAll(() => shared.stop());

/** Puts a certificate where the server reads it. @param days of its validity */
function install(server: TestServer, days: number, names: readonly string[] = [], by = authority): void {
  const issued = by.issue(mkdtempSync(join(folder, "tls-")), { days, names });
  const { uid, gid } = statSync(join(server.data, "postgresql.conf"));
  for (const [from, to] of [
    [issued.certificate, "server.crt"],
    [issued.key, "server.key"],
  ] as const) {
    const file = join(server.data, to);
    copyFileSync(from, file);
    chmodSync(file, 0o600);
    chownSync(file, uid, gid);
  }
}

async function startWithTls(days: number, names: readonly string[] = []): Promise<TestServer> {
  const server = await start();
  install(server, days, names);
  await server.sql("ALTER SYSTEM SET ssl = on");
  await server.sql("SELECT pg_reload_conf()");
  await sleep(200);
  return server;
}

const withTls = (server: TestServer, { port = server.port, host = "localhost", ca = authority.pem } = {}): Connection => ({
  url: `postgres://postgres@${host}:${port}/postgres`,
  ca,
});

async function access(server: TestServer, ...rules: readonly string[]): Promise<void> {
  const file = join(server.data, "pg_hba.conf");
  writeFileSync(file, [...rules, readFileSync(file, "utf8")].join("\n"));
  await server.sql("SELECT pg_reload_conf()");
  await sleep(200);
}

const sqlOf = ({ next }: Finding): readonly string[] => next.sql ?? [];

/** Runs the SQL of the next step as the superuser, in one session, as it is pasted. */
async function runSql(server: TestServer, finding: Finding, database = "postgres"): Promise<void> {
  const session = await open({ url: server.url(database) }, { application: "operator" });
  for (const statement of sqlOf(finding)) await session.query(statement);
  await session.end();
  await sleep(200);
}

const runsSql =
  (server: TestServer, database?: string): Planted["repair"] =>
  async (finding) => {
    await runSql(server, finding, database);
    return undefined;
  };

const connections: readonly ServerFault[] = [
  {
    title: "a host name that does not exist",
    id: "connection-no-such-host",
    says: ["host name db.invalid cannot be resolved"],
    next: "getent hosts db.invalid",
    plant: async () => ({
      connection: { url: "postgres://shop:secret@db.invalid:25060/shop" },
      repair: async () => ({ url: shared.url("postgres") }),
    }),
  },
  {
    title: "a port on which no server listens",
    id: "connection-refused",
    says: [/no server listens on 127\.0\.0\.1:\d+/],
    next: /^ss -ltn 'sport = :\d+'$/,
    async plant() {
      const port = await freePort();
      return {
        connection: { url: `postgres://postgres@127.0.0.1:${port}/postgres` },
        repair: async () => ({ url: shared.url("postgres") }),
      };
    },
  },
  {
    title: "a firewall that drops packets",
    id: "connection-no-answer",
    says: ["Check that the address of this machine is among the trusted sources"],
    next: /^traceroute -T -p \d+ 127.0.0.1$/,
    async plant() {
      const proxy = later(await startProxy(shared.port), (one) => one.close());
      proxy.silence();
      return {
        connection: { url: `postgres://postgres@127.0.0.1:${proxy.port}/postgres` },
        connectTimeoutMs: 300,
        repair: async () => {
          proxy.speak();
          return undefined;
        },
      };
    },
  },
  {
    title: "a server without TLS",
    id: "connection-no-tls",
    says: ["the server does not support TLS"],
    next: "ALTER SYSTEM SET ssl = on\nSELECT pg_reload_conf()",
    async plant() {
      const server = await start();
      install(server, 397);
      return {
        connection: withTls(server),
        repair: runsSql(server),
      };
    },
  },
  {
    title: "the CA certificate of another cluster",
    id: "connection-wrong-ca",
    says: ["is not signed by the given CA"],
    next: "doctl databases get-ca ID --format Certificate --no-header > ca.pem",
    async plant() {
      const server = await startWithTls(397);
      const other = openAuthority(join(folder, "other"));
      return { connection: withTls(server, { ca: other.pem }), repair: async () => withTls(server) };
    },
  },
  {
    title: "an expired certificate",
    id: "connection-expired-certificate",
    says: ["has expired"],
    next: "doctl databases get-ca",
    async plant() {
      const server = await startWithTls(0);
      return {
        connection: withTls(server),
        repair: async () => {
          install(server, 397);
          await server.sql("SELECT pg_reload_conf()").catch(() => {});
          return undefined;
        },
      };
    },
  },
  {
    title: "a certificate for another host name",
    id: "connection-wrong-host",
    says: ["is not valid for 127.0.0.2"],
    next: /^openssl s_client -connect 127.0.0.2:\d+ -starttls postgres/,
    async plant() {
      const server = await startWithTls(397);
      const proxy = later(await startProxy(server.port, { host: "127.0.0.2" }), (one) => one.close());
      return { connection: withTls(server, { host: "127.0.0.2", port: proxy.port }), repair: async () => withTls(server) };
    },
  },
  {
    title: "a server that admits TLS only",
    id: "connection-not-let-in",
    says: ["no encryption", "the server requires TLS"],
    next: "slipway doctor --ca ca.pem",
    async plant() {
      const server = await startWithTls(397);
      const { url } = await server.database("shop");
      await access(server, "hostnossl shop all 127.0.0.1/32 reject");
      return { connection: { url }, repair: async () => ({ url, ca: authority.pem }) };
    },
  },
  {
    title: "a wrong password",
    id: "connection-wrong-password",
    says: ["rejected the password of shop"],
    next: "doctl databases user list ID",
    async plant() {
      const server = await start();
      const { url } = await server.database("shop");
      await server.sql("CREATE ROLE shop LOGIN SUPERUSER PASSWORD 'right'");
      await access(server, "host shop shop 127.0.0.1/32 scram-sha-256");
      const as = (password: string) => ({ url: url.replace("postgres@", `shop:${password}@`) });
      return { connection: as("wrong"), repair: async () => as("right") };
    },
  },
  {
    title: "a database that does not exist",
    id: "connection-no-database",
    says: ['database "orders" does not exist'],
    next: 'CREATE DATABASE "orders"',
    plant: async () => ({
      connection: { url: shared.url("orders") },
      repair: runsSql(shared),
    }),
  },
  {
    title: "a server whose connections are all in use",
    id: "connection-no-connection-free",
    says: ["all connections of the server are in use"],
    next: /^SELECT count\(pg_terminate_backend\(pid\)\)/,
    async plant() {
      const server = await start({
        settings: { max_connections: "7", superuser_reserved_connections: "3", reserved_connections: "0", max_wal_senders: "0" },
      });
      await server.sql("CREATE ROLE shop LOGIN; GRANT pg_read_all_stats TO shop");
      const connection = { url: server.url("postgres", "shop") };
      for (const _ of [1, 2, 3, 4]) await client(connection);
      return {
        connection,
        repair: runsSql(server),
      };
    },
  },
  {
    title: "a role whose connections are limited",
    id: "connection-no-connection-free",
    says: ["all connections of the server are in use"],
    next: 'ALTER ROLE "limited" CONNECTION LIMIT -1',
    async plant() {
      await shared.sql("CREATE ROLE limited LOGIN CONNECTION LIMIT 1; GRANT pg_read_all_stats TO limited");
      const connection = { url: shared.url("postgres", "limited") };
      await client(connection);
      return {
        connection,
        repair: runsSql(shared),
      };
    },
  },
  {
    title: "a database whose connections are limited",
    id: "connection-no-connection-free",
    says: ["all connections of the server are in use"],
    next: 'ALTER DATABASE "narrow" CONNECTION LIMIT -1',
    async plant() {
      await shared.database("narrow");
      await shared.sql("ALTER DATABASE narrow CONNECTION LIMIT 1; CREATE ROLE narrow LOGIN; GRANT pg_read_all_stats TO narrow");
      const connection = { url: shared.url("narrow", "narrow") };
      await client(connection);
      return {
        connection,
        repair: runsSql(shared),
      };
    },
  },
];

const servers: readonly ServerFault[] = [
  {
    title: "a certificate that expires soon",
    id: "certificate-near-expiry",
    severity: "warning",
    says: [/It expires on \d{4}-\d\d-\d\d, in (19|20) days/],
    next: "SELECT pg_reload_conf()",
    async plant() {
      const server = await startWithTls(20);
      return {
        connection: withTls(server),
        repair: async (finding) => {
          install(server, 397);
          await runSql(server, finding);
          return undefined;
        },
      };
    },
  },
  {
    title: "a clock that differs from the server's",
    id: "clock-offset",
    severity: "warning",
    says: [/(59|60),\d{3} ms behind this machine's clock/],
    next: "timedatectl set-ntp true",
    async plant() {
      let offset = 60_000;
      return {
        connection: { url: shared.url("postgres") },
        now: () => Date.now() + offset,
        repair: async () => {
          offset = 0;
          return undefined;
        },
      };
    },
  },
  {
    title: "a server that replays its log and admits no client yet",
    id: "connection-server-starting",
    severity: "error",
    says: ["the server is not ready"],
    next: "slipway doctor --watch 5",
    async plant() {
      const primary = await start();
      await primary.pause();
      const server = await start({ standbyOf: primary.data, settings: { hot_standby: "off" } });
      return {
        connection: { url: server.url("postgres") },
        async repair() {
          // As pg_ctl promote does.
          writeFileSync(join(server.data, "promote"), "");
          process.kill(server.pid, "SIGUSR1");
          await expect.poll(() => server.sql("SELECT 1").catch(() => undefined)).toBeDefined();
          return undefined;
        },
      };
    },
  },
  {
    title: "a standby in place of the primary",
    id: "server-read-only",
    severity: "error",
    says: ["It is a standby"],
    next: "SELECT pg_promote()",
    async plant() {
      const primary = await start();
      await primary.pause();
      const standby = await start({ standbyOf: primary.data });
      return {
        connection: { url: standby.url("postgres") },
        repair: runsSql(standby),
      };
    },
  },
  ...(
    [
      [
        "a server",
        () => "ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()",
        /^ALTER SYSTEM RESET default_transaction_read_only\nSELECT pg_reload_conf\(\)$/,
      ],
      [
        "a database",
        (name) => `ALTER DATABASE ${name} SET default_transaction_read_only = on`,
        /^SET default_transaction_read_only = off\nALTER DATABASE "t\w+" RESET default_transaction_read_only$/,
      ],
      [
        "a role",
        () => "ALTER ROLE postgres SET default_transaction_read_only = on",
        /^SET default_transaction_read_only = off\nALTER ROLE "postgres" RESET default_transaction_read_only$/,
      ],
    ] as readonly (readonly [string, (database: string) => string, RegExp])[]
  ).map(
    ([what, statement, next]): ServerFault => ({
      title: `${what} that a setting makes read-only`,
      id: "server-read-only",
      severity: "error",
      says: ["default_transaction_read_only is on for postgres"],
      next,
      async plant() {
        const connection = await shared.database();
        for (const text of statement(nameIn(connection)).split("; ")) await shared.sql(text);
        await sleep(200);
        return {
          connection,
          repair: runsSql(shared),
        };
      },
    }),
  ),
  {
    title: "connections near the limit",
    id: "connections-near-limit",
    severity: "warning",
    says: [/1[45] of 17 connections are in use/, "most by shop (api): 13, of which 13 are idle"],
    next: /usename = 'shop' AND state = 'idle'/,
    async plant() {
      const server = await start({ settings: { max_connections: "20", max_wal_senders: "0" } });
      await server.sql("CREATE ROLE shop LOGIN");
      for (let n = 0; n < 13; n++) await client({ url: server.url("postgres", "shop") });
      await client({ url: server.url("postgres") }, "other");
      return {
        connection: { url: server.url("postgres") },
        repair: runsSql(server),
      };
    },
  },
  {
    title: "a standby that falls behind, seen from the primary",
    id: "replication-lag",
    severity: "warning",
    says: ["standby walreceiver", /is \d+(\.\d)? MiB.* behind/],
    next: "pg_wal_replay_resume()",
    async plant() {
      const { primary, standby } = await replicate();
      await standby.sql("SELECT pg_wal_replay_pause()");
      await primary.sql(
        "CREATE TABLE t (id int PRIMARY KEY, x text); INSERT INTO t SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n; ANALYZE",
      );
      await sleep(500);
      return {
        connection: { url: primary.url("postgres") },
        thresholds: { lagBytes: 2 ** 20 },
        repair: async () => {
          await standby.sql("SELECT pg_wal_replay_resume()");
          await sleep(2000);
          return undefined;
        },
      };
    },
  },
  {
    title: "a standby whose replay is paused",
    id: "replay-behind",
    severity: "warning",
    says: ["Replay is paused"],
    next: "SELECT pg_wal_replay_resume()",
    async plant() {
      const { standby } = await replicate();
      await standby.sql("SELECT pg_wal_replay_pause()");
      return {
        connection: { url: standby.url("postgres") },
        repair: runsSql(standby),
      };
    },
  },
  {
    title: "a slot whose log the server has removed",
    id: "slot-lost",
    severity: "error",
    says: ["replication slot gone"],
    next: "SELECT pg_drop_replication_slot('gone')",
    async plant() {
      const server = await start({
        settings: { max_slot_wal_keep_size: "1MB", min_wal_size: "32MB", max_wal_size: "32MB", wal_keep_size: "0" },
      });
      await server.sql("SELECT pg_create_physical_replication_slot('gone', true)");
      for (let n = 0; n < 5; n++) {
        await server.sql(`CREATE TABLE t${n} AS SELECT repeat('x', 1000) AS x, n FROM generate_series(1, 100) n`);
        await server.sql("SELECT pg_switch_wal()");
      }
      await server.sql("CHECKPOINT");
      for (let n = 0; n < 5; n++) await server.sql(`DROP TABLE t${n}`);
      await server.sql("CHECKPOINT");
      return {
        connection: { url: server.url("postgres") },
        repair: runsSql(server),
      };
    },
  },
  {
    title: "a log archive that fails",
    id: "archive-fails",
    severity: "error",
    says: [/\d+ attempts failed/],
    next: "SHOW archive_command",
    async plant() {
      const server = await start({ settings: { archive_mode: "on" } });
      await server.sql("ALTER SYSTEM SET archive_command = '/bin/false'");
      await server.sql("SELECT pg_reload_conf()");
      await server.sql("SELECT pg_switch_wal()");
      await expect.poll(async () => (await server.sql("SELECT failed_count FROM pg_stat_archiver"))[0]!.failed_count).not.toBe("0");
      return {
        connection: { url: server.url("postgres") },
        repair: async () => {
          await server.sql("ALTER SYSTEM SET archive_command = '/bin/true'");
          await server.sql("SELECT pg_reload_conf()");
          await expect
            .poll(async () => (await server.sql("SELECT last_archived_time > last_failed_time AS ok FROM pg_stat_archiver"))[0]!.ok)
            .toBe(true);
          return undefined;
        },
      };
    },
  },
  {
    title: "a server without autovacuum",
    id: "autovacuum-off",
    severity: "error",
    says: ["setting autovacuum"],
    next: "ALTER SYSTEM RESET autovacuum\nSELECT pg_reload_conf()",
    async plant() {
      const connection = await shared.database();
      await shared.sql("ALTER SYSTEM SET autovacuum = off");
      await shared.sql("SELECT pg_reload_conf()");
      await sleep(200);
      return {
        connection,
        repair: runsSql(shared),
      };
    },
  },
  {
    title: "a constraint that Postgres 18 does not enforce",
    id: "constraint-not-enforced",
    severity: "warning",
    says: ["foreign key t_parent of public.t", "Postgres accepts rows that violate it"],
    next: "ALTER TABLE public.t ALTER CONSTRAINT t_parent ENFORCED",
    async plant() {
      const server = await start({ major: 18 });
      await server.sql("CREATE TABLE t (id int PRIMARY KEY, parent int CONSTRAINT t_parent REFERENCES t NOT ENFORCED)");
      return {
        connection: { url: server.url("postgres") },
        repair: runsSql(server),
      };
    },
  },
  {
    title: "a damaged page",
    id: "page-damaged",
    severity: "error",
    says: ["1 pages failed their checksum"],
    next: "slipway backup restore",
    async plant() {
      // From Postgres 18 on, initdb enables checksums.
      const server = await start({ major: 18 });
      await server.sql("CREATE TABLE t (id int PRIMARY KEY, x text); INSERT INTO t VALUES (1, 'page'); CHECKPOINT");
      const [{ path }] = (await server.sql("SELECT pg_relation_filepath('t') AS path")) as [{ path: string }];
      await server.pause();
      const file = openSync(join(server.data, path), "r+");
      writeSync(file, "damaged", 8000);
      await server.restart("fast");
      await expect(server.sql("SELECT * FROM t")).rejects.toThrow("invalid page");
      return {
        connection: { url: server.url("postgres") },
        // A new cluster has neither the damage nor its record.
        repair: async () => ({ url: shared.url("postgres") }),
      };
    },
  },
  {
    title: "indexes that another version of a collation ordered",
    id: "collation-version",
    severity: "error",
    says: ["built with version 1.0 of the collation"],
    next: /^REINDEX \(CONCURRENTLY\) DATABASE "sorted"\nALTER DATABASE "sorted" REFRESH COLLATION VERSION$/,
    async plant() {
      await shared.sql("CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'und'");
      await shared.sql("UPDATE pg_database SET datcollversion = '1.0' WHERE datname = 'sorted'");
      return {
        connection: { url: shared.url("sorted") },
        repair: runsSql(shared, "sorted"),
      };
    },
  },
];

async function replicate(): Promise<{ primary: TestServer; standby: TestServer }> {
  const primary = await start();
  await primary.pause();
  const standby = await start({
    standbyOf: primary.data,
    settings: { primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres`, wal_retrieve_retry_interval: "100ms" },
  });
  await primary.restart("fast");
  await expect.poll(async () => (await primary.sql("SELECT state FROM pg_stat_replication"))[0]?.state).toBe("streaming");
  return { primary, standby };
}

describe("of a server, doctor reports the planted fault, and nothing after its next step:", () => {
  it.for([...connections, ...servers])("$title ($id)", async ({ id, severity = "error", says, next, plant }) => {
    const { connection, repair, ...examined } = await plant();
    const standby = id === "replay-behind" ? ["server-read-only"] : [];
    const { findings } = await examineUntil([id, ...standby], () => examine(connection, examined));
    const finding = findings.find((one) => one.id === id)!;
    expect(finding.severity).toBe(severity);
    for (const text of says) expect(`${finding.subject}\n${finding.evidence}`).toMatch(text);
    expect([...sqlOf(finding), ...(finding.next.command === undefined ? [] : [finding.next.command])].join("\n")).toMatch(next);
    expect(JSON.stringify(finding)).not.toContain("secret");

    const repaired = await repair(finding);
    await examineUntil(standby, () => examine(repaired ?? connection, examined), "after the next step");
  });

  it("that does not answer at DigitalOcean, the next step admits this machine", async () => {
    const proxy = later(await startProxy(shared.port), (one) => one.close());
    proxy.silence();
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
    const error = await open({ url }, { application: "test", connectTimeoutMs: 200 }).catch((failure) => failure);
    const { next } = connectionFinding(error, { url: "postgres://shop@shop-1.db.ondigitalocean.com:25060/shop" });
    expect(next.command).toBe("doctl databases firewalls append ID --rule ip_addr:$(curl -s https://api.ipify.org)");
    expect(next.text).toContain("slipway:allowedSources");
    expect(targetOf({ url }).port).toBe(proxy.port);
  });
});
