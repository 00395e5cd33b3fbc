import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, createServer } from "node:tls";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Authority, openAuthority } from "../../../local/servers/certificates.ts";
import { seed } from "../../../postdeploy/keyspaces/index.ts";
import type { Store } from "../../../postdeploy/keyspaces/inspect/options.ts";
import { type StandaloneStore, startStandalone, stopStandalone } from "../../../postdeploy/keyspaces/testing/standalone.ts";
import { cleanFolders, folderOf } from "../../../postdeploy/migrate/testing/folder.ts";
import { freePort } from "../../../postdeploy/migrate/testing/port.ts";
import { startProxy } from "../../../postdeploy/migrate/testing/proxy.ts";
import { DEFAULT_THRESHOLDS, type Examination, type Finding, type Thresholds } from "../finding.ts";
import { examineUntil } from "../testing/database.ts";
import { examineStore } from "./examine.ts";
import type { DeclaredStore } from "./subject.ts";

const ended: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});
afterAll(async () => {
  await stopStandalone();
  cleanFolders();
});

const start = async (settings: Readonly<Record<string, string>> = {}, data?: string): Promise<StandaloneStore> => {
  const store = await startStandalone(settings, data);
  ended.push(() => store.kill());
  return store;
};

const FILES = {
  "sessions.yaml": `keyspace: sessions
store: state
database: 0
durable: true
purpose: Who is signed in
keys:
  - { pattern: "session:<id>", type: string, ttl: 24h, owner: api, purpose: One user, secret: true }
  - { pattern: "note:<id>", type: string, ttl: 1h, owner: api, purpose: One note }
  - { pattern: "plan:<name>", type: string, ttl: none, owner: slipway, purpose: A price plan }
  - { pattern: "scripts:sha", type: hash, ttl: none, owner: slipway, purpose: Digests }
scripts:
  registry: scripts:sha
  files:
    hello: { file: hello.lua }
seed:
  - { key: "plan:small", string: "5" }
  - { key: "plan:large", string: "50" }
`,
  "hello.lua": "return 'hello'\n",
  "cache.yaml": `keyspace: answers
store: state
database: 1
durable: false
purpose: Answers that can be computed again
keys:
  - { pattern: "answer:<id>", type: string, ttl: 5m, owner: api, purpose: One answer }
`,
};

interface Planted {
  readonly address: Store;
  readonly thresholds?: Partial<Thresholds>;
  readonly connectTimeoutMs?: number;
  readonly now?: () => number;
  readonly class?: "state" | "cache" | undefined;
  readonly declared?: DeclaredStore;
  /** Does what the next step says. @returns another address, if the step is to use one */
  repair(finding: Finding): Promise<unknown>;
}

interface StoreFault {
  readonly title: string;
  readonly id: string;
  readonly severity?: Finding["severity"];
  readonly says: string | RegExp;
  readonly next: string | RegExp;
  /** Other findings that the fault causes. */
  readonly also?: readonly string[];
  plant(): Promise<Planted>;
}

const look = ({
  address,
  thresholds,
  connectTimeoutMs,
  now,
  class: kind = "state",
  declared,
}: Omit<Planted, "repair">): Promise<Examination> =>
  examineStore(
    { name: "shop/valkey-state", address, class: kind, declared },
    { thresholds: { ...DEFAULT_THRESHOLDS, ...thresholds }, connectTimeoutMs, now },
  );

/** Words of a command, as valkey-cli takes them apart. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, word]) => quoted?.replace(/\\(.)/g, "$1") ?? word!);

/** Runs the commands of the next step; SELECT applies to those after it. */
async function run(store: StandaloneStore, { next }: Finding): Promise<void> {
  let database = 0;
  for (const command of next.valkey ?? []) {
    const words = wordsOf(command);
    if (words[0] === "SELECT") database = Number(words[1]);
    else await store.command(words, database);
  }
}

async function seeded(): Promise<{ store: StandaloneStore; declared: DeclaredStore; address: Store }> {
  const store = await start();
  const folder = folderOf(FILES).path;
  const address = store.address();
  await seed({ folder, system: "shop", stores: { state: address } });
  return { store, address, declared: { system: "shop", store: "state", folder, databases: [0, 1] } };
}

/** Runs the seed that the next step names. The command names the system, which is one of this test only. */
async function reseed(address: Store, { folder }: DeclaredStore): Promise<void> {
  await seed({ folder, system: "shop", stores: { state: address } });
}

const full = async () => {
  const store = await start({ maxmemory: "8mb", "maxmemory-policy": "noeviction" });
  for (let n = 0; n < 300; n++) await store.command(["SET", `k${n}`, "x".repeat(20_000)]);
  await store.command(["CONFIG", "SET", "maxmemory", "4mb"]);
  return store;
};

let authority: Authority;

const faults: readonly StoreFault[] = [
  {
    title: "a host name that does not exist",
    id: "connection-no-such-host",
    says: "Host store.invalid not found",
    next: "getent hosts store.invalid",
    async plant() {
      const store = await start();
      return { address: { url: "rediss://default:secret@store.invalid:25061" }, repair: async () => store.address() };
    },
  },
  {
    title: "a port on which no server listens",
    id: "connection-refused",
    says: /Connection to localhost:\d+ refused/,
    next: /^ss -ltn 'sport = :\d+'$/,
    async plant() {
      const store = await start();
      return { address: store.address({ port: await freePort() }), repair: async () => store.address() };
    },
  },
  {
    title: "a firewall that drops packets",
    id: "connection-no-answer",
    says: "Check that this machine's IP address is among the cluster's trusted sources",
    next: /^traceroute -T -p \d+ localhost$/,
    async plant() {
      const store = await start();
      const proxy = await startProxy(store.port);
      ended.push(() => proxy.close());
      proxy.silence();
      return { address: store.address({ port: proxy.port }), connectTimeoutMs: 300, repair: async () => proxy.speak() };
    },
  },
  {
    title: "a port without TLS",
    id: "connection-no-tls",
    says: "replies without TLS",
    next: "doctl databases connection ID",
    async plant() {
      const port = await freePort();
      const store = await start({ port: String(port) });
      return { address: store.address({ port }), repair: async () => store.address() };
    },
  },
  {
    title: "the CA certificate of another cluster",
    id: "connection-wrong-ca",
    says: "is not signed by the given CA",
    next: "doctl databases get-ca ID",
    async plant() {
      const store = await start();
      authority ??= openAuthority(mkdtempSync(join(tmpdir(), "slipway-doctor-ca-")));
      return { address: { ...store.address(), ca: authority.pem }, repair: async () => store.address() };
    },
  },
  {
    title: "an expired certificate",
    id: "connection-expired-certificate",
    says: "has expired",
    next: "doctl databases get-ca ID",
    async plant() {
      const { address, renew } = await terminateTls(await start(), 0);
      return { address, repair: renew };
    },
  },
  {
    title: "a certificate that expires soon",
    id: "certificate-near-expiry",
    says: /in [56] days/,
    next: "",
    async plant() {
      const { address, renew } = await terminateTls(await start(), 6);
      return { address, repair: renew };
    },
  },
  {
    title: "a wrong password",
    id: "connection-wrong-password",
    says: "rejects this user and password",
    next: "doctl databases connection ID",
    async plant() {
      const store = await start();
      return { address: store.address({ password: "secret" }), repair: async () => store.address() };
    },
  },
  {
    title: "a replica in place of the primary",
    id: "connection-read-only",
    says: "is a replica and rejects writes",
    next: "REPLICAOF NO ONE",
    async plant() {
      const primary = await start();
      const replica = await start({ replicaof: `127.0.0.1 ${primary.port}` });
      return { address: replica.address(), repair: (finding) => run(replica, finding) };
    },
  },
  {
    title: "a server in cluster mode",
    id: "connection-cluster-mode",
    says: "runs in cluster mode",
    next: "",
    async plant() {
      const cluster = await start({ "cluster-enabled": "yes" });
      return { address: cluster.address(), repair: async () => (await start()).address() };
    },
  },
  {
    title: "a script that never ends",
    id: "connection-not-ready",
    says: "BUSY",
    next: "SCRIPT KILL",
    async plant() {
      const store = await start({ "busy-reply-threshold": "50" });
      void store.command(["EVAL", "while true do end", "0"]).catch(() => {});
      await sleep(300);
      return {
        address: store.address(),
        repair: async (finding) => {
          await run(store, finding);
          await sleep(100);
        },
      };
    },
  },
  {
    title: "a server that still loads its keys",
    id: "connection-loading",
    says: "is still loading its data",
    next: "slipway doctor --watch 5",
    async plant() {
      const data = mkdtempSync(join(tmpdir(), "slipway-doctor-load-"));
      ended.push(() => rmSync(data, { recursive: true, force: true }));
      const before = await start({}, data);
      await before.command(["EVAL", "for i = 1, 4000 do redis.call('SET', 'note:' .. i, string.rep('x', 200), 'EX', '3600') end", "0"]);
      await before.command(["SAVE"]);
      await before.kill();
      // Microseconds for each key; the server replies to clients after each kilobyte.
      const store = await start({ "key-load-delay": "1000", "loading-process-events-interval-bytes": "1024" }, data);
      return { address: store.address(), repair: () => store.loaded() };
    },
  },
  {
    title: "a clock that differs from the server's",
    id: "clock-offset",
    severity: "warning",
    says: "ms ahead of this machine's clock",
    next: "timedatectl set-ntp true",
    async plant() {
      const store = await start();
      let offset = -3_600_000;
      return {
        address: store.address(),
        now: () => Date.now() + offset,
        repair: async () => {
          offset = 0;
        },
      };
    },
  },
  {
    title: "a full store, which answers PING",
    id: "writes-refused",
    says: /^PING answers, and a write is refused: OOM .*\(\d+(\.\d)? MiB of 4 MiB in use\)$/,
    also: ["memory-near-limit"],
    next: /^CONFIG SET maxmemory \d+$/,
    async plant() {
      const store = await full();
      return {
        address: store.address(),
        thresholds: { memoryShare: 0.9 },
        repair: (finding) => run(store, finding),
      };
    },
  },
  {
    title: "a store that cannot save",
    id: "writes-refused",
    // Valkey refuses PING as well.
    says: /^a write is refused: MISCONF/,
    also: ["snapshot-failed"],
    next: "BGSAVE",
    async plant() {
      const data = mkdtempSync(join(tmpdir(), "slipway-doctor-data-"));
      const store = await start({ save: "3600 1" }, data);
      await store.command(["SET", "a", "1"]);
      // A snapshot is renamed to this name when it is complete.
      mkdirSync(join(data, "dump.rdb", "occupied"), { recursive: true });
      await store.command(["BGSAVE"]);
      await sleep(500);
      return {
        address: store.address(),
        repair: async (finding) => {
          rmSync(join(data, "dump.rdb"), { recursive: true });
          await run(store, finding);
          await sleep(500);
        },
      };
    },
  },
  {
    title: "a store without the replicas that it needs for a write",
    id: "writes-refused",
    says: "a write is refused: NOREPLICAS",
    next: "CONFIG SET min-replicas-to-write 0",
    async plant() {
      const store = await start({ "min-replicas-to-write": "1" });
      return { address: store.address(), repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "a state store near its memory limit",
    id: "memory-near-limit",
    severity: "warning",
    says: /of 20 MiB are in use \((7|8)\d %\)/,
    next: /^CONFIG SET maxmemory \d+$/,
    async plant() {
      const store = await start({ maxmemory: "20mb", "maxmemory-policy": "noeviction" });
      for (let n = 0; n < 28; n++) await store.command(["SET", `k${n}`, "x".repeat(500_000)]);
      return { address: store.address(), repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "a state store that evicts",
    id: "eviction-policy",
    says: "The policy is allkeys-lru",
    next: "CONFIG SET maxmemory-policy noeviction",
    async plant() {
      const store = await start({ maxmemory: "50mb", "maxmemory-policy": "allkeys-lru" });
      return { address: store.address(), repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "a cache that refuses writes when it is full",
    id: "eviction-policy",
    severity: "warning",
    says: "The policy is noeviction: a full cache refuses new answers",
    next: "CONFIG SET maxmemory-policy allkeys-lru",
    async plant() {
      const store = await start({ maxmemory: "50mb", "maxmemory-policy": "noeviction" });
      return { address: store.address(), class: "cache", repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "a state store that has lost keys",
    id: "keys-evicted",
    says: /^\d+ keys were evicted/,
    next: "CONFIG RESETSTAT",
    async plant() {
      const store = await start({ maxmemory: "8mb", "maxmemory-policy": "allkeys-lru" });
      for (let n = 0; n < 20; n++) await store.command(["SET", `k${n}`, "x".repeat(500_000)]);
      await store.command(["CONFIG", "SET", "maxmemory", "50mb"]);
      await store.command(["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
      return { address: store.address(), repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "a state store that does not save",
    id: "not-persistent",
    says: "a restart loses every key",
    next: 'CONFIG SET save "600 1"',
    async plant() {
      const store = await start({ save: '""' });
      return { address: store.address(), repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "connections near the limit",
    id: "connections-near-limit",
    severity: "warning",
    says: "of 10 connections are in use",
    next: "CLIENT KILL TYPE normal SKIPME yes",
    async plant() {
      const store = await start({ maxclients: "10" });
      const { StoreConnection } = await import("../../../postdeploy/keyspaces/wire/connection.ts");
      for (let n = 0; n < 8; n++) {
        const client = await StoreConnection.open(store.address(), 0, `client-${n}`);
        ended.push(() => client.close());
      }
      return {
        address: store.address(),
        repair: async (finding) => {
          await run(store, finding);
          await sleep(100);
        },
      };
    },
  },
  {
    title: "connections that were refused",
    id: "connections-refused",
    severity: "warning",
    says: /^\d+ connections were refused since the start of the server/,
    next: "CONFIG RESETSTAT",
    async plant() {
      const store = await start({ maxclients: "3" });
      const { StoreConnection } = await import("../../../postdeploy/keyspaces/wire/connection.ts");
      const clients = [];
      for (let n = 0; n < 3; n++) clients.push(await StoreConnection.open(store.address(), 0, `client-${n}`));
      await StoreConnection.open(store.address(), 0, "refused").catch(() => {});
      for (const client of clients) client.close();
      await sleep(100);
      await store.command(["CONFIG", "SET", "maxclients", "100"]);
      return { address: store.address(), repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "keys that never expire, in a pattern with a time to live",
    id: "keys-without-ttl",
    severity: "warning",
    says: "2 keys of note:<id> without a time to live, and the file declares a time to live of 1h: note:",
    next: /^SELECT 0\nEVAL ".*" 0 note:\* 3600000$/,
    async plant() {
      const { store, address, declared } = await seeded();
      for (const key of ["note:1", "note:2"]) await store.command(["SET", key, "x"]);
      await store.command(["SET", "note:3", "x", "EX", "60"]);
      return { address, declared, repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "secret keys that never expire, without their names",
    id: "keys-without-ttl",
    severity: "warning",
    says: /^1 key of session:<id> without a time to live, and the file declares a time to live of 24h\.$/,
    next: /^SELECT 0\nEVAL ".*" 0 session:\* 86400000$/,
    async plant() {
      const { store, address, declared } = await seeded();
      await store.command(["SET", "session:secret", "x"]);
      return { address, declared, repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "a key of no pattern that never expires, in a keyspace that is not durable",
    id: "keys-without-ttl",
    severity: "warning",
    says: "1 key of no declared pattern without a time to live, and the file declares that all keys expire: forgotten",
    next: /^SELECT 1\nEVAL ".*" 0 \* 3600000$/,
    async plant() {
      const { store, address, declared } = await seeded();
      await store.command(["SET", "forgotten", "x"], 1);
      return { address, declared, repair: (finding) => run(store, finding) };
    },
  },
  {
    title: "scripts that a restart removed",
    id: "scripts-missing",
    says: "The store has lost hello: EVALSHA answers NOSCRIPT",
    next: "slipway keyspaces seed --system shop",
    async plant() {
      const { store, address, declared } = await seeded();
      await store.command(["SCRIPT", "FLUSH"]);
      return { address, declared, repair: () => reseed(address, declared) };
    },
  },
  {
    title: "a declared key that is missing, and one that another type replaced",
    id: "keys-of-another-type",
    says: "1 keys have another type than declared: plan:large (list, not string)",
    also: ["keys-differ"],
    next: /^SELECT 0\nDEL plan:large$/,
    async plant() {
      const { store, address, declared } = await seeded();
      await store.command(["DEL", "plan:small", "plan:large"]);
      await store.command(["RPUSH", "plan:large", "x"]);
      return {
        address,
        declared,
        repair: async (finding) => {
          await run(store, finding);
          await reseed(address, declared);
        },
      };
    },
  },
  {
    title: "a declared key that is missing",
    id: "keys-differ",
    severity: "warning",
    says: "1 of 2 declared keys are missing or differ: plan:small (missing)",
    next: "slipway keyspaces seed --system shop",
    async plant() {
      const { store, address, declared } = await seeded();
      await store.command(["DEL", "plan:small"]);
      return { address, declared, repair: () => reseed(address, declared) };
    },
  },
  {
    title: "a declared key that another client changed, and that a seed keeps",
    id: "keys-kept",
    severity: "info",
    says: "1 declared keys have a value that another client wrote",
    next: "slipway keyspaces plan --system shop",
    async plant() {
      const { store, address, declared } = await seeded();
      await store.command(["SET", "plan:small", "6"]);
      return { address, declared, repair: () => store.command(["SET", "plan:small", "5"]) };
    },
  },
  {
    title: "a database that was flushed",
    id: "keyspace-not-seeded",
    says: "its database was flushed, or never seeded",
    also: ["keys-differ", "scripts-missing"],
    next: "slipway keyspaces seed --system shop",
    async plant() {
      const { store, address, declared } = await seeded();
      await store.command(["FLUSHDB"]);
      return { address, declared, repair: () => reseed(address, declared) };
    },
  },
  {
    title: "keys in a database that no keyspace declares",
    id: "database-undeclared",
    severity: "warning",
    says: "It holds 1 keys, and no keyspace of the store state has this number",
    next: "SELECT 7\nFLUSHDB",
    async plant() {
      const { store, address, declared } = await seeded();
      await store.command(["SET", "lost", "x"], 7);
      return { address, declared, repair: (finding) => run(store, finding) };
    },
  },
];

/** A server in front of the store that ends TLS with another certificate. @param days of its validity */
async function terminateTls(store: StandaloneStore, days: number) {
  const folder = mkdtempSync(join(tmpdir(), "slipway-doctor-tls-"));
  const issuer = openAuthority(join(folder, "authority"));
  const contextOf = (valid: number) => {
    const { certificate, key } = issuer.issue(mkdtempSync(join(folder, "tls-")), { days: valid });
    return { cert: readFileSync(certificate), key: readFileSync(key) };
  };
  const server = createServer(contextOf(days), (client) => {
    const upstream = connect({ host: "localhost", port: store.port, ca: store.address().ca, servername: "localhost" });
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.pipe(upstream).pipe(client);
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ended.push(() => server.close());
  return {
    address: { ...store.address({ port: (server.address() as AddressInfo).port }), ca: issuer.pem },
    renew: async () => server.setSecureContext(contextOf(397)),
  };
}

describe("of a store, doctor finds exactly the planted fault, and nothing after its next step:", () => {
  it.for(faults)("$title ($id)", async ({ id, severity = "error", says, next, also = [], plant }) => {
    const { repair, ...planted } = await plant();
    const { findings } = await examineUntil([id, ...also], () => look(planted));
    const finding = findings.find((one) => one.id === id)!;
    expect(finding.severity).toBe(severity);
    expect(finding.evidence).toMatch(says);
    expect((finding.next.valkey ?? finding.next.sql ?? [finding.next.command ?? ""]).join("\n")).toMatch(next);
    expect(JSON.stringify(findings)).not.toMatch(/secret"|:secret@|session:secret/);

    const repaired = (await repair(finding)) as Store | undefined;
    const address = repaired?.url === undefined ? planted.address : repaired;
    await examineUntil([], () => look({ ...planted, address }), "after the next step");
  });

  it("has none where it is healthy, and its memory and clock are facts", async () => {
    const { address, declared } = await seeded();
    const { findings, facts, unchecked } = await look({ address, declared });
    expect(findings).toEqual([]);
    expect(unchecked).toEqual([]);
    expect(Object.fromEntries(facts.map(({ name, value }) => [name, value]))).toMatchObject({
      server: expect.stringMatching(/^(valkey|redis) \d+\.\d+\.\d+, up \d+ (ms|s)$/),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, /),
      TLS: expect.stringMatching(/^TLSv1\.3, certificate until \d{4}-/),
      memory: expect.stringMatching(/^\d+(\.\d)? [KM]iB of no limit, peak .*; noeviction; 0 keys evicted$/),
      connections: expect.stringMatching(/^1 of \d+$/),
      keys: expect.stringMatching(/^\d+ in database 0$/),
    });
  });

  it("has a finding less, and a sentence instead, for what its user may not see", async () => {
    const store = await start();
    await store.command(["ACL", "SETUSER", "narrow", "on", ">pw", "~*", "+@all", "-info", "-config"]);
    const { findings, unchecked } = await look({ address: store.address({ user: "narrow", password: "pw" }) });
    expect(findings).toEqual([]);
    expect(unchecked).toEqual(["memory and evictions: the user may not run INFO"]);
  });
});
