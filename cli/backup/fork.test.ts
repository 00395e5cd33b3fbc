import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { stringify } from "yaml";
import type { Fault } from "../../local/api/faults.ts";
import { POSTGRES, startTestApi, type TestApi, TOKEN, VALKEY } from "../../local/api/testing/api.ts";
import { allClusters, patchCluster } from "../../local/cloud/databases/cluster.ts";
import { root as checkout, type Ended, launcher, recordingTerminal, slipway } from "../testing/slipway.ts";
import { forkCluster } from "./fork.ts";

const DAY = 86_400_000;
const RULES = [
  { type: "ip_addr", value: "203.0.113.9", description: "the office" },
  { type: "tag", value: "web" },
];
const seconds = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;
const yesterday = () => seconds(Date.now() - DAY);

let api: TestApi;
let age: number;
let source: string;

/** A cluster of three days, with trusted sources. */
beforeEach(async () => {
  age = 3 * DAY;
  api = await startTestApi({ now: () => Date.now() - age });
  source = await createCluster({ ...POSTGRES, rules: RULES });
  age = 0;
  vi.stubEnv("DIGITALOCEAN_TOKEN", TOKEN);
  vi.stubEnv("DIGITALOCEAN_API_URL", api.api.url);
});
afterEach(() => {
  api.api.faults.clear();
  vi.unstubAllEnvs();
});

async function createCluster(request: object): Promise<string> {
  const { body } = await api.call("POST", "/v2/databases", request);
  await api.cloud.idle();
  return body.database.id;
}

const fork = (...flags: readonly string[]): Promise<Ended> => slipway(["backup", "fork", ...flags]);
const forkShop = (...flags: readonly string[]) => fork("--cluster", "pg-test", "--point-in-time", yesterday(), ...flags);
const forks = () => allClusters(api.cloud).filter(({ forkOf }) => forkOf !== undefined);

/** Without pauses. */
async function forkFast(more: Partial<Parameters<typeof forkCluster>[0]> = {}) {
  const terminal = recordingTerminal();
  const options = { cluster: "pg-test", pointInTime: yesterday(), forkName: "pg-fork", yes: true, cwd: process.cwd(), ...more };
  const ended = await forkCluster(options as Parameters<typeof forkCluster>[0], terminal, async () => {}).then(
    (code) => ({ code, message: "" }),
    (error: Error & { exit?: number }) => ({ code: error.exit, message: error.message }),
  );
  return { ...ended, stdout: terminal.printed.join("\n"), stderr: terminal.logged.join("\n") };
}

describe("slipway backup fork", () => {
  it("prints the plan and the cost without --yes, and creates nothing", async () => {
    const time = yesterday();
    const { code, stdout, stderr } = await fork("--cluster", source, "--point-in-time", time);
    const name = `pg-test-${time.replace(/[-:]/g, "").toLowerCase()}`;
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(`Fork pg-test as of ${time}
  new cluster  ${name}: Postgres 17, 1 × db-s-1vcpu-2gb, nyc3
  contains     every database and user of the cluster at that time; now it has
               defaultdb
  not in it    what was written after ${time}
  trusted      as in the old cluster: ip_addr:203.0.113.9, tag:web
  cost         $30.45 a month (list price of 2026-08-09), billed by the hour
               until you delete it

Nothing was created. To create it:
  slipway backup fork --cluster ${source} --point-in-time ${time} --fork-name ${name} --yes`);
    expect(forks()).toEqual([]);
  });

  it("creates a cluster with --yes, gives it the trusted sources of its source, and prints how to go on", async () => {
    const { code, stdout } = await forkShop("--fork-name", "pg-fork", "--yes");
    expect(code).toBe(0);
    const [created] = forks();
    expect(created).toMatchObject({ name: "pg-fork", forkOf: source, rules: RULES.map((rule) => expect.objectContaining(rule)) });
    expect(stdout).toMatch(/^pg-fork is online, requested from pg-test as of \S+Z\n/);
    for (const part of [
      `PGSSLROOTCERT=ca.pem psql "$(doctl databases connection ${created!.id} --format URI --no-header)"`,
      `doctl databases get-ca ${created!.id}`,
      "pg_dump --data-only --table=",
      `pulumi config set --path slipway:<system>.postgres.adopt ${created!.id} -s <other stack>`,
      `doctl databases delete ${created!.id}`,
      "First verify the time",
      "trusted      as in the old cluster: ip_addr:203.0.113.9, tag:web",
    ])
      expect(stdout).toContain(part);
    expect(stdout).not.toContain(created!.admin.password);
  });

  it("prints JSON, before and after", async () => {
    const plan = JSON.parse((await forkShop("--json", "--fork-name", "pg-fork")).stdout);
    expect(plan).toMatchObject({ done: false, name: "pg-fork", monthlyUsd: 30.45, source: { id: source, name: "pg-test" } });
    const done = JSON.parse((await forkShop("--json", "--fork-name", "pg-fork", "--yes")).stdout);
    expect(done).toMatchObject({ done: true, id: forks()[0]!.id, user: "doadmin", trustedSources: RULES });
    const refused = await forkShop("--json", "--fork-name", "pg-fork", "--yes");
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "name-taken", exit: 2 } });
  });

  it("warns that every address can connect, if that is so for the source", async () => {
    await api.call("PUT", `/v2/databases/${source}/firewall`, { rules: [] });
    expect((await forkShop()).stdout).toMatch(/trusted +NONE, as in the old cluster: every address can connect/);
    expect((await forkShop("--yes")).code).toBe(0);
  });

  it("creates nothing if the trusted sources of the source cannot be read", async () => {
    api.api.faults.add({ match: "GET /v2/databases/*/firewall", fault: { answer: 404 } });
    expect(await forkShop("--yes")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("returns no list of trusted sources for pg-test"),
    });
    expect(forks()).toEqual([]);
  });

  it("names no price that no public text states", async () => {
    patchCluster(api.cloud, source, { size: "gd-2vcpu-8gb" });
    expect((await forkShop()).stdout).toMatch(/cost +not known to slipway, billed by the hour/);
    patchCluster(api.cloud, source, { size: "db-s-1vcpu-2gb", num_nodes: 2, storage_size_mib: 40 * 1024 });
    expect((await forkShop()).stdout).toContain("$63.05 a month");
  });
});

describe("bad input", () => {
  const late = seconds(Date.now() + DAY);
  const early = seconds(Date.now() - 8 * DAY);
  const beforeBackups = seconds(Date.now() - 5 * DAY);

  it.each<[what: string, flags: readonly string[], code: number, message: RegExp]>([
    ["no time", ["--cluster", "pg-test"], 2, /^As of when\? --point-in-time/],
    ["no zone", ["--cluster", "pg-test", "--point-in-time", "2026-12-01T10:00:00"], 2, /has no time zone/],
    ["no ISO time", ["--cluster", "pg-test", "--point-in-time", "noon"], 2, /is not a time in ISO 8601/],
    ["a time in the future", ["--cluster", "pg-test", "--point-in-time", late], 2, /is in the future/],
    ["a time over seven days ago", ["--cluster", "pg-test", "--point-in-time", early], 2, /is more than 7 days ago.*slipway backup list/],
    ["a time before the oldest backup", ["--cluster", "pg-test", "--point-in-time", beforeBackups], 2, /is before the oldest backup/],
    ["no cluster", ["--point-in-time", yesterday()], 2, /^Which cluster\? --stack/],
    [
      "an unknown cluster",
      ["--cluster", "none", "--point-in-time", yesterday()],
      2,
      /has no cluster none\. Its Postgres clusters: pg-test/,
    ],
    ["a cluster of Valkey", ["--cluster", "valkey-test", "--point-in-time", yesterday()], 2, /^valkey-test runs valkey/],
    ["a part of Valkey", ["--part", "valkey-state", "--cluster", "x", "--point-in-time", yesterday()], 2, /^--part valkey-state: /],
    ["an invalid name", ["--cluster", "pg-test", "--point-in-time", yesterday(), "--fork-name", "A_b"], 2, /^--fork-name: "A_b" cannot be/],
    [
      "a name that is taken",
      ["--cluster", "pg-test", "--point-in-time", yesterday(), "--fork-name", "valkey-test"],
      2,
      /^There is a cluster valkey-test already/,
    ],
    ["--resume without a name", ["--cluster", "pg-test", "--point-in-time", yesterday(), "--resume"], 2, /--fork-name <name>$/],
    [
      "--resume of nothing",
      ["--cluster", "pg-test", "--point-in-time", yesterday(), "--fork-name", "gone", "--resume"],
      2,
      /^There is no cluster gone to wait for/,
    ],
    [
      "--resume of the source",
      ["--cluster", "pg-test", "--point-in-time", yesterday(), "--fork-name", "pg-test", "--resume"],
      2,
      /is not a fork of pg-test/,
    ],
    [
      "--resume of a store",
      ["--cluster", "pg-test", "--point-in-time", yesterday(), "--fork-name", "valkey-test", "--resume"],
      2,
      /is not a fork of pg-test/,
    ],
    [
      "a timeout of nothing",
      ["--cluster", "pg-test", "--point-in-time", yesterday(), "--timeout", "0"],
      2,
      /^--timeout takes a whole number of minutes/,
    ],
  ])("%s is refused, and nothing is created", async (_, flags, code, message) => {
    await createCluster(VALKEY);
    for (const confirmation of [[], ["--yes"]]) {
      const ended = await fork(...flags, ...confirmation);
      expect([ended.code, ended.stderr]).toEqual([code, expect.stringMatching(message)]);
    }
    expect(forks()).toEqual([]);
  });

  it("a cluster that is not online is refused", async () => {
    patchCluster(api.cloud, source, { work: { what: "resizing", since: 0, until: null } });
    expect(await forkShop("--yes")).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Cluster pg-test is resizing, not online/) });
  });

  it("no token, a wrong one and one without the scope are reported", async () => {
    api.api.faults.add({ match: "POST /v2/databases", fault: { answer: 403 } });
    expect(await forkShop("--yes")).toMatchObject({ code: 1, stderr: expect.stringMatching(/answered 403 to POST .*lacks a scope/) });
    vi.stubEnv("DIGITALOCEAN_TOKEN", "wrong");
    expect(await forkShop("--yes")).toMatchObject({ code: 1, stderr: expect.stringMatching(/answered 401 .*the token is not valid/) });
    vi.stubEnv("DIGITALOCEAN_TOKEN", "");
    vi.stubEnv("DIGITALOCEAN_ACCESS_TOKEN", "");
    expect(await forkShop("--yes")).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Set DIGITALOCEAN_TOKEN/) });
    expect(forks()).toEqual([]);
  });

  it("is refused with DigitalOcean's own message", async () => {
    patchCluster(api.cloud, source, { size: "db-s-9vcpu-9gb" });
    expect(await forkShop("--yes")).toMatchObject({ code: 1, stderr: expect.stringContaining("(422): invalid size. Nothing was created") });
  });
});

describe("the trusted sources of the new cluster", () => {
  const PUT = "PUT /v2/databases/*/firewall";
  const wanted = () => ({ cluster: "pg-test", pointInTime: yesterday(), forkName: "pg-fork", yes: true, cwd: process.cwd() });

  /** A fork that is online at the fourth look, and whose trusted sources are empty after the second one, as if DigitalOcean had replaced them. */
  async function forkReplaced() {
    const [terminal, counts]: [ReturnType<typeof recordingTerminal>, number[]] = [recordingTerminal(), []];
    // Each run reads the backups and the trusted sources of the source, and those of the new cluster, before it looks at the new cluster.
    api.api.faults.add({ match: "GET /v2/databases/*-*", times: 6, fault: { stuck: true } });
    const pause = async () => {
      const [created] = forks();
      if (counts.push(created!.rules.length) === 2) patchCluster(api.cloud, created!.id, { rules: [] });
    };
    const ended = await forkCluster(wanted() as Parameters<typeof forkCluster>[0], terminal, pause).then(
      (code) => ({ code, message: "" }),
      (error: Error & { exit?: number }) => ({ code: error.exit, message: error.message }),
    );
    return { ...ended, counts, stdout: terminal.printed.join("\n") };
  }

  it("are set before the wait, and again if the end of the creation replaced them", async () => {
    const { code, counts } = await forkReplaced();
    expect([code, counts]).toEqual([0, [2, 2, 0]]);
    expect(forks()[0]!.rules).toMatchObject(RULES);
  });

  it.each<[what: string, times: number, fault: Fault["fault"]]>([
    ["is refused", 2, { answer: 412 }],
    ["is answered with 503", 1, { answer: 503 }],
    ["is answered with 429", 2, { answer: 429 }],
    ["loses its connection before it is executed", 1, { drop: "before-commit" }],
    ["loses its connection after it is executed", 1, { drop: "after-commit" }],
  ])("are set, although the request %s", async (_, times, fault) => {
    // The first request is that before the wait.
    api.api.faults.add({ match: PUT, after: 1, times, fault });
    expect(await forkReplaced()).toMatchObject({ code: 0 });
    expect(forks()[0]!.rules).toMatchObject(RULES);
  });

  it.each([403, 422, 500])(
    "lead to a failure that names the open cluster and the commands, if every request is answered with %i",
    async (answer) => {
      api.api.faults.add({ match: PUT, fault: { answer } });
      const { code, message, stdout } = await forkReplaced();
      const { id } = forks()[0]!;
      expect([code, stdout]).toEqual([1, ""]);
      expect(message).toMatch(/^The new cluster \S+ does not have the trusted sources of its source/);
      expect(message).toContain(
        `doctl databases firewalls replace ${id} --rule ip_addr:203.0.113.9,tag:web\n  doctl databases delete ${id}`,
      );
    },
  );

  it("count as set if the API returns them, although the request is refused", async () => {
    api.api.faults.add({ match: PUT, fault: { answer: 422 } });
    expect(await forkFast()).toMatchObject({ code: 0 });
  });
});

describe("a fork that does not end", () => {
  const stuck = () => api.api.faults.add({ match: "GET /v2/databases/*-*", fault: { stuck: true } });

  it("is waited for within bounds, and goes on with --resume", async () => {
    stuck();
    const { code, message, stderr } = await forkFast({ timeout: 2 });
    const { id } = forks()[0]!;
    expect(code).toBe(75);
    expect(stderr).toContain("pg-fork: creating, 1 of at most 2 minutes");
    const [, resume = ""] = /^ {2}slipway (.+)$/m.exec(message) ?? [];
    expect(message).toMatch(new RegExp(`still creating after 2 minutes\\..*it costs money[\\s\\S]+doctl databases delete ${id}$`));
    api.api.faults.clear();
    expect(await slipway(resume.split(" "))).toMatchObject({ code: 0, stdout: expect.stringMatching(/^pg-fork is online/) });
    expect(forks()).toHaveLength(1);
  });

  it("keeps other trusted sources that it has got by hand, and gets those of its source if it has none", async () => {
    await forkFast();
    const { id } = forks()[0]!;
    const own = [{ type: "ip_addr", value: "198.51.100.7" }];
    await api.call("PUT", `/v2/databases/${id}/firewall`, { rules: own });
    const resumed = await forkFast({ resume: true });
    expect([resumed.code, resumed.stderr]).toEqual([
      0,
      expect.stringContaining("has trusted sources of its own, which stay: ip_addr:198.51.100.7"),
    ]);
    expect(resumed.stdout).toContain("trusted      its own: ip_addr:198.51.100.7");
    expect(forks()[0]!.rules).toMatchObject(own);
    await api.call("PUT", `/v2/databases/${id}/firewall`, { rules: [] });
    expect(await forkFast({ resume: true })).toMatchObject({ code: 0 });
    expect(forks()[0]!.rules).toMatchObject(RULES);
  });

  it("is reported if it is deleted while it is waited for", async () => {
    stuck();
    let looks = 0;
    const terminal = recordingTerminal();
    const options = { cluster: "pg-test", pointInTime: yesterday(), forkName: "pg-fork", yes: true, cwd: process.cwd() };
    const pause = async () => {
      if (++looks === 3) await api.call("DELETE", `/v2/databases/${forks()[0]!.id}`);
    };
    await expect(forkCluster(options as Parameters<typeof forkCluster>[0], terminal, pause)).rejects.toMatchObject({
      exit: 1,
      message: expect.stringMatching(/^Cluster pg-fork \(\S+\) does not exist any more/),
    });
  });

  it("is named if the API stops answering during the wait", async () => {
    api.api.faults.add({ match: "GET /v2/databases/*-*-*-*-*", after: 3, fault: { answer: 500 } });
    const { code, message } = await forkFast();
    expect(code).toBe(1);
    expect(message).toMatch(
      /answered 500 to GET[\s\S]+DigitalOcean goes on creating cluster pg-fork[\s\S]+--resume\n {2}doctl databases delete /,
    );
  });

  it("is reported as unknown, with exit code 3, if a signal comes before DigitalOcean confirms it", async () => {
    api.api.faults.add({ match: "POST /v2/databases", fault: { drop: "after-commit" } });
    const options = { cluster: "pg-test", pointInTime: yesterday(), forkName: "pg-fork", yes: true, cwd: process.cwd() };
    const abort = async () => {
      throw Object.assign(new Error("aborted"), { name: "AbortError" });
    };
    await expect(forkCluster(options as Parameters<typeof forkCluster>[0], recordingTerminal(), abort)).rejects.toMatchObject({
      exit: 3,
      message: expect.stringMatching(
        /^Interrupted before DigitalOcean confirmed cluster pg-fork\. It may be created.*doctl databases list$/,
      ),
    });
    expect(await forkFast()).toMatchObject({
      code: 2,
      message: expect.stringMatching(/^There is a cluster pg-fork already[\s\S]+--resume$/),
    });
    expect(forks()).toHaveLength(1);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("is named with the command that deletes it after %s", async (signal) => {
    stuck();
    const flags = ["backup", "fork", "--cluster", "pg-test", "--point-in-time", yesterday(), "--fork-name", "pg-fork", "--yes"];
    const process_ = spawn(process.execPath, [launcher, ...flags], { env: process.env });
    let [stderr, isSent] = ["", false];
    process_.stderr.on("data", (chunk) => {
      stderr += chunk;
      if (/creating, 0 of/.test(stderr) && !isSent) isSent = process_.kill(signal);
    });
    const code = await new Promise((resolve) => process_.on("close", resolve));
    const { id } = forks()[0]!;
    expect(code).toBe(75);
    expect(stderr).toMatch(/Interrupted\.\nDigitalOcean goes on creating cluster pg-fork .*it costs money/);
    expect(stderr).toContain(`--fork-name pg-fork --resume\n  doctl databases delete ${id}`);
  });
});

describe("the cluster of a stack", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway fork "));
    for (const entry of readdirSync(checkout))
      if (!/^Pulumi\..+\.yaml$|^\.git$|^\.slipway$/.test(entry)) symlinkSync(join(checkout, entry), join(folder, entry));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function writeStack(more: Readonly<Record<string, unknown>> = {}): void {
    const config = {
      "digitalocean:apiEndpoint": api.api.url,
      "digitalocean:token": TOKEN,
      "slipway:environment": "staging",
      "slipway:systems": ["fluxstudio", "candlefish"],
      "slipway:region": "nyc1",
      "slipway:postDeploy": { mode: "manual" },
      "slipway:postgres": { layout: "dedicated", version: "17", size: "db-s-1vcpu-2gb", nodes: 1 },
      "slipway:valkey": { layout: "single", version: "8" },
      "slipway:alertEmails": ["oncall@example.com"],
      ...more,
    };
    writeFileSync(join(folder, "Pulumi.qa.yaml"), stringify({ config }, { version: "1.1" }));
  }
  const forkStack = (...flags: readonly string[]) => fork("-s", "qa", "--cwd", folder, "--point-in-time", yesterday(), ...flags);

  it("is the one with the database of --system, by the name that the stack gives it", async () => {
    vi.stubEnv("DIGITALOCEAN_TOKEN", "");
    writeStack();
    expect(await forkStack()).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^Stack qa has several Postgres clusters: fluxstudio-postgres\S*, candlefish-postgres\S*\. Choose one: --system/,
      ),
    });
    const [, name = ""] = /clusters: (\S+),/.exec((await forkStack()).stderr) ?? [];
    expect(await forkStack("--system", "fluxstudio")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`has no cluster ${name}.`),
    });
    age = 2 * DAY;
    const id = await createCluster({ ...POSTGRES, name });
    age = 0;
    const { code, stdout } = await forkStack("--system", "fluxstudio");
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^Fork ${name} as of[\\s\\S]+backup fork -s qa --cwd .* --cluster ${id} `)),
    ]);
    expect(await forkStack("--system", "other")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no Postgres cluster for system other"),
    });
  });

  it("is the adopted one, by its id, and with --cluster any other of the account", async () => {
    writeStack({ "slipway:systems": ["fluxstudio"], "slipway:fluxstudio": { postgres: { adopt: source } } });
    expect((await forkStack()).stdout).toMatch(/^Fork pg-test as of/);
    writeStack();
    expect((await forkStack("--cluster", "pg-test")).stdout).toMatch(/^Fork pg-test as of/);
  });
});
