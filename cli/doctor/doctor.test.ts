import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type StandaloneStore, startStandalone, stopStandalone } from "../../postdeploy/keyspaces/testing/standalone.ts";
import { freePort } from "../../postdeploy/migrate/testing/port.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { type Ended, launcher, root, slipway } from "../testing/slipway.ts";

let server: TestServer;
let store: StandaloneStore;
const folder = mkdtempSync(join(tmpdir(), "slipway doctor "));
beforeAll(async () => {
  server = await startServer();
  await server.sql("CREATE DATABASE shop");
  store = await startStandalone({ maxmemory: "100mb", "maxmemory-policy": "noeviction" });
});
afterAll(async () => {
  await server.stop();
  await stopStandalone();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => vi.unstubAllEnvs());

const doctor = (...flags: readonly string[]): Promise<Ended> => slipway(["doctor", ...flags]);
const shop = () => server.url("shop");

describe("slipway doctor", () => {
  it("prints version, clock, TLS, user and database of a healthy server, and exits with 0 [F6]", async () => {
    const { code, stdout, stderr } = await doctor("--url", shop());
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      new RegExp(
        [
          /^shop {2}postgres@127\.0\.0\.1:\d+\/shop/,
          / {2}server {7}Postgres 17\.\d+, up \d+ (s|min|ms)/,
          / {2}time {9}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, (as|\d+ ms (ahead of|behind)) this machine's clock/,
          / {2}TLS {10}none \(this machine only\)/,
          / {2}user {9}postgres, database shop \([\d.]+ MiB\)/,
          / {2}memory {7}shared_buffers 128MB, work_mem 4MB, effective_cache_size 4GB/,
        ]
          .map(({ source }) => source)
          .join("\\n"),
      ),
    );
    expect(stdout).toMatch(/\n {2}connections {2}\d+ of 97\n/);
    expect(stdout).toMatch(/not checked: slow statements: the extension pg_stat_statements is not\n/);
    expect(stdout).toMatch(/\n\n0 findings\.$/);
  });

  it("prints a finding with its evidence and a statement to copy, within 80 columns, and exits with 1", async () => {
    await server.sql("CREATE TABLE orders (id bigint PRIMARY KEY); CREATE POLICY own ON orders USING (id = 1)", "shop");
    const { code, stdout } = await doctor("--url", shop());
    expect(code).toBe(1);
    expect(stdout).toContain(`
  error  rls-disabled
    table public.orders
    It has policies (own), and row-level security is disabled: they have no
    effect, and every role with SELECT sees every row.
    Next: Enable it.
      ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;

1 finding.`);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);

    const json = await doctor("--url", shop(), "--json");
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      at: expect.stringMatching(/^\d{4}-/),
      findings: 1,
      examinations: [
        {
          name: "shop",
          at: expect.stringMatching(/^postgres@/),
          facts: expect.arrayContaining([{ name: "TLS", value: "none (this machine only)" }]),
          findings: [
            {
              id: "rls-disabled",
              severity: "error",
              subject: "table public.orders",
              next: { sql: ["ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY"] },
            },
          ],
        },
      ],
    });
    await server.sql("DROP TABLE orders", "shop");
  });

  it("exits with 0 if every finding is for information, which --all adds", async () => {
    await server.sql("CREATE TABLE notes (id bigint PRIMARY KEY, text text); CREATE INDEX by_text ON notes (text)", "shop");
    expect(await doctor("--url", shop())).toMatchObject({ code: 0, stdout: expect.stringMatching(/\n0 findings\.$/) });
    const all = await doctor("--url", shop(), "--all");
    expect(all).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\n {2}info {2}index-unused\n[\s\S]*\n0 findings, and 1 for information\.$/),
    });
    await server.sql("DROP TABLE notes", "shop");
  });

  it("reports a server that it cannot reach as a finding, without the password", async () => {
    const url = `postgres://shop:hunter2hunter2@127.0.0.1:${await freePort()}/shop`;
    const { code, stdout, stderr } = await doctor("--url", url);
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout).toMatch(/\n {2}error {2}connection-refused\n/);
    expect(stdout).toMatch(/\n {6}ss -ltn 'sport = :\d+'\n\n1 finding\.$/);
    expect(stdout).not.toContain("hunter2");
  });

  it.each([
    ["a system that does not exist", ["--system", "shpo"], /^There is no system "shpo"\./],
    ["an interval that is no number", ["--watch", "often"], /^--watch takes a whole number of seconds, from 1 to 86400, not "often"/],
    ["an interval of nothing", ["--watch", "0"], /^--watch takes a whole number of seconds/],
    ["a stack that does not exist", ["--stack", "nope"], /^There is no stack "nope"/],
    ["a stack without a token", ["--stack", "prod"], /^Stack prod has no digitalocean:token\. Set DIGITALOCEAN_TOKEN/],
    [
      "two places of one database",
      ["--stack", "prod", "--url", "postgres://u@localhost/x"],
      /^Where is the database\? --url names it, and --stack/,
    ],
    ["a URL of another database", ["--url", "mysql://u@localhost/x"], /^The connection URL begins with mysql:/],
    ["a URL without a database", ["--url", "postgres://u@localhost"], /^The connection URL has no database\./],
    [
      "a password that is not encoded",
      ["--url", "postgres://u:p#w@localhost/x"],
      /^The connection URL is invalid\. If the password contains/,
    ],
    ["a CA file that is not there", ["--url", "postgres://u@localhost/x", "--ca", "none.pem"], /^The CA file none\.pem cannot be read/],
    ["an argument", ["shop"], /^slipway doctor takes no arguments besides its flags/],
    ["a flag that does not exist", ["--fix"], /^slipway doctor has no flag --fix/],
  ])("refuses %s with exit code 2", async (_, flags, message) => {
    vi.stubEnv("DIGITALOCEAN_TOKEN", "");
    vi.stubEnv("DIGITALOCEAN_ACCESS_TOKEN", "");
    expect(await doctor(...flags)).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(message) });
  });

  it("refuses to guess a database where there is none, and stores without their system", async () => {
    process.chdir(folder);
    try {
      expect(await doctor()).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^Which database\? --url .*--stack <name>; or start the local platform/),
      });
      vi.stubEnv("SLIPWAY_STORE_STATE_URL", "rediss://default:pw@localhost");
      expect(await doctor()).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Which system are the stores of\? --system /) });
      vi.stubEnv("SLIPWAY_STORE_STATE_URL", "redis://default:hunter2@localhost");
      const { code, stderr } = await doctor("--system", "candlefish");
      expect([code, stderr]).toEqual([
        2,
        "The store's URL uses redis://, which is not encrypted. Write rediss:// and the TLS port (DigitalOcean: 25061).",
      ]);
    } finally {
      process.chdir(root);
    }
  });

  it("examines the stores that the environment names; the command of the next step seeds them", async () => {
    const { url, ca = "" } = store.address();
    vi.stubEnv("SLIPWAY_STORE_STATE_URL", url);
    vi.stubEnv("SLIPWAY_STORE_STATE_CA", ca);
    const { code, stdout } = await doctor("--system", "candlefish");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^candlefish\/valkey-state {2}localhost:\d+\n/);
    expect([...stdout.matchAll(/^ {2}error {2}(\S+)\n {4}(.*)$/gm)].map(([, id, subject]) => `${id} of ${subject}`)).toEqual([
      "keyspace-not-seeded of keyspace sessions",
      "scripts-missing of keyspace sessions",
      "keyspace-not-seeded of keyspace userData",
    ]);
    expect(stdout).toContain("\n      slipway keyspaces seed --system candlefish\n");
    expect(await slipway(["keyspaces", "seed", "--system", "candlefish"])).toMatchObject({ code: 0 });
    expect(await doctor("--system", "candlefish")).toMatchObject({ code: 0, stdout: expect.stringMatching(/\n0 findings\.$/) });
  });

  it.each([
    ["without findings", 0],
    ["with findings", 1],
  ])("repeats with --watch until Ctrl-C, and ends %s with %i", async (_, expected) => {
    if (expected === 1) await server.sql("CREATE TABLE loose (x text)", "shop");
    const child = spawn(process.execPath, [launcher, "doctor", "--url", shop(), "--watch", "1", "--json"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (text) => {
      output += text;
    });
    await expect.poll(() => output.split("\n").length).toBeGreaterThan(2);
    child.kill("SIGINT");
    const [code, signal] = await once(child, "exit");
    expect([code, signal]).toEqual([expected, null]);
    const rounds = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rounds.length).toBeGreaterThan(1);
    for (const { findings } of rounds) expect(findings).toBe(expected);
    await server.sql("DROP TABLE IF EXISTS loose", "shop");
  });

  it("prints the memory of Postgres and of Valkey, as the servers report it [C67]", async () => {
    vi.stubEnv("SLIPWAY_STORE_STATE_URL", store.address().url);
    vi.stubEnv("SLIPWAY_STORE_STATE_CA", store.address().ca ?? "");
    const { stdout } = await doctor("--system", "candlefish", "--url", shop());
    const [{ shared_buffers: buffers }] = (await server.sql("SHOW shared_buffers")) as [{ shared_buffers: string }];
    const [postgres = "", valkey = ""] = stdout.split(/^(?=candlefish\/valkey-state)/m);
    expect(postgres).toContain(`\n  memory       shared_buffers ${buffers}, work_mem 4MB, effective_cache_size 4GB;`);
    expect(postgres).toMatch(/; [\d.]+\s+% of pages from memory\n/);
    const [, used = ""] = /^used_memory:(\d+)/m.exec(String(await store.command(["INFO", "memory"]))) ?? [];
    const [, printed = ""] = /\n {2}memory {7}([\d.]+) MiB of 100 MiB \(\d+ %\), peak [\d.]+ MiB; noeviction;/.exec(valkey) ?? [];
    expect(Math.abs(Number(printed) - Number(used) / 2 ** 20)).toBeLessThan(0.3);
  });

  it("tries a write every 15 seconds, and so notices a store that is full and still answers PING [C48]", async () => {
    const filling = await startStandalone({ maxmemory: "8mb", "maxmemory-policy": "noeviction" });
    const env = { ...process.env, SLIPWAY_STORE_CACHE_URL: filling.address().url, SLIPWAY_STORE_CACHE_CA: filling.address().ca ?? "" };
    const flags = ["doctor", "--system", "candlefish", "--watch", "15", "--json"];
    const child = spawn(process.execPath, [launcher, ...flags], { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (text) => {
      output += text;
    });
    const rounds = () =>
      output
        .trim()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line));
    await expect.poll(() => output.split("\n").length).toBe(2);
    for (let n = 0; n < 300; n++) await filling.command(["SET", `k${n}`, "x".repeat(20_000)]);
    await filling.command(["CONFIG", "SET", "maxmemory", "4mb"]);
    expect(await filling.command(["PING"])).toBe("PONG");
    await expect.poll(() => output.split("\n").length).toBe(3);
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([1, null]);
    const [first, second] = rounds();
    const ids = (round: typeof first) => round.examinations[0].findings.map(({ id }: { id: string }) => id);
    expect(ids(first)).not.toContain("writes-refused");
    expect(second.examinations[0].findings).toContainEqual(
      expect.objectContaining({
        id: "writes-refused",
        severity: "error",
        evidence: expect.stringMatching(/^PING answers, and a write is refused: OOM/),
      }),
    );
    const seconds = (Date.parse(second.at) - Date.parse(first.at)) / 1000;
    expect(seconds).toBeGreaterThanOrEqual(15);
  });

  describe("of backups, where a place for them is configured,", () => {
    const create = async (...flags: string[]) =>
      expect(await slipway(["backup", "create", "--system", "devx", ...flags])).toMatchObject({ code: 0 });
    const look = async () => {
      const { stdout } = await doctor("--system", "devx", "--url", server.url("devx"), "--json");
      const examination = JSON.parse(stdout).examinations.find((one: { name: string }) => one.name === "backups");
      return { ...examination, ids: examination.findings.map(({ id }: { id: string }) => id) };
    };
    let identity: string;

    beforeAll(async () => {
      await server.sql("CREATE DATABASE devx");
      await server.sql("CREATE TABLE t (id bigint PRIMARY KEY)", "devx");
      identity = join(folder, "key.txt");
      expect(await slipway(["backup", "keys", "--out", identity])).toMatchObject({ code: 0 });
    });
    const configure = (places: Readonly<Record<string, string>>) => {
      for (const [, name = "", value = ""] of readFileSync(`${identity}.env`, "utf8").matchAll(/^(\w+)=(.+)$/gm)) vi.stubEnv(name, value);
      for (const [name, place] of Object.entries(places)) vi.stubEnv(name, place);
      vi.stubEnv("DATABASE_URL", server.url("devx"));
    };
    const place = () => mkdtempSync(join(folder, "copy-"));

    it("finds a missing one and a missing rehearsal, and nothing after the commands of the next steps", async () => {
      configure({ SLIPWAY_BACKUP_STORE: place() });
      const missing = await look();
      expect(missing.ids).toEqual(["backup-missing"]);
      expect(missing.findings[0]).toMatchObject({
        severity: "error",
        subject: "backups of devx/postgres",
        evidence: "There is no backup.",
        next: { command: "slipway backup create --system devx --part postgres" },
      });
      await create("--part", "postgres");
      const made = await look();
      expect(made.ids).toEqual(["backup-not-rehearsed"]);
      const { command } = made.findings[0].next;
      expect(command).toBe("slipway backup rehearse --system devx --part postgres");
      expect(await slipway([...command.split(" ").slice(1), "--identity", identity])).toMatchObject({ code: 0 });
      expect(await look()).toMatchObject({
        ids: [],
        facts: [{ name: "devx/postgres", value: expect.stringMatching(/^1, the newest of .* UTC; rehearsed \d{4}-/) }],
      });
    });

    it("finds an old one, one of the future, and one that is in one copy only", async () => {
      const [first, second] = [place(), place()];
      configure({ SLIPWAY_BACKUP_STORE: first });
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3 * 86_400_000 });
      await create("--part", "postgres");
      vi.useRealTimers();
      const old = await look();
      expect(old.ids).toEqual(["backup-old", "backup-not-rehearsed"]);
      expect(old.findings[0].evidence).toBe("The newest backup is 3 days old; the limit is 26 hours.");
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 86_400_000 });
      await create("--part", "postgres");
      vi.useRealTimers();
      expect((await look()).ids).toContain("backup-of-the-future");
      configure({ SLIPWAY_BACKUP_STORE: first, SLIPWAY_BACKUP_OFFSITE: second });
      expect((await look()).ids).toContain("backup-incomplete");
    });

    it("finds one whose manifest was changed, although the data is there", async () => {
      const first = place();
      configure({ SLIPWAY_BACKUP_STORE: first });
      await create("--part", "postgres");
      const [manifest = ""] = globSync("**/manifest.json", { cwd: first });
      const file = join(first, manifest);
      writeFileSync(file, readFileSync(file, "utf8").replace(/"bytes":\s*\d+/, '"bytes": 1'));
      const { ids, findings } = await look();
      expect(ids).toEqual(["backup-missing", "backup-refused"]);
      expect(findings[1]).toMatchObject({
        severity: "error",
        subject: expect.stringContaining("devx/postgres/"),
        next: { command: "slipway backup list" },
      });
    });

    it("reports copies that cannot be read, and still examines the database", async () => {
      configure({ SLIPWAY_BACKUP_STORE: "s3://nowhere" });
      expect((await look()).ids).toEqual(["backups-unreadable"]);
      const { code, stdout } = await doctor("--system", "devx", "--url", server.url("devx"));
      expect(code).toBe(1);
      expect(stdout).toMatch(/^devx\/postgres {2}/);
    });
  });
});
