import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { evidenceFolder, readEvidence } from "../../data/evidence.ts";
import { createCluster, POSTGRES, startTestApi, type TestApi, TOKEN } from "../../local/api/testing/api.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { connectionTo } from "../../postdeploy/connect/temporary-database.ts";
import { up } from "../../postdeploy/migrate/up.ts";
import { applyRoles } from "../../postdeploy/roles/index.ts";
import { fluxstudio as mapping } from "../../systems/data/fluxstudio.ts";
import { fluxstudio } from "../../systems/fluxstudio.ts";
import { generateCorpus, hashOf, writeCorpus } from "../../tests/data/corpus.ts";
import { type Database, type Server, start } from "../../tests/sql/database.ts";
import { launcher, root, slipway, startSlipway } from "../testing/slipway.ts";
import { formatProgress, progressReporter } from "./progress.ts";

const SYSTEM = "fluxstudio";
const folder = mkdtempSync(path.join(tmpdir(), "slipway data "));
const state = path.join(folder, ".slipway");
const files = path.join(folder, "json");
const corpus = generateCorpus(mapping, 4);
let server: Server;
let database: Database;

beforeAll(async () => {
  // The servers' user enters it, so that .slipway is in it.
  chmodSync(folder, 0o755);
  cpSync(path.join(root, "Pulumi.yaml"), path.join(folder, "Pulumi.yaml"));
  writeFileSync(path.join(folder, "index.ts"), "");
  mkdirSync(files);
  writeCorpus(corpus, files);
  server = await start(17);
  database = await server.database(SYSTEM);
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => vi.unstubAllEnvs());

async function data(...argv: string[]) {
  process.chdir(folder);
  try {
    return await slipway(["data", ...argv]);
  } finally {
    process.chdir(root);
  }
}

async function doctor() {
  return await slipway(["doctor", ...target()]);
}

const target = () => ["--system", SYSTEM, "--url", database.url("owner")];
/** Without what differs between runs. */
const stable = (text: string) =>
  text
    .replace(/\d+\.\d s/g, "0.0 s")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replace(/rejected-\w+/g, "rejected-<time>")
    .replace(/\d{8}T\d{9}Z/g, "<time>");

describe("slipway data with a URL", () => {
  it("imports, compares and exports, with a table for each, and doctor tests the connection [F73]", async () => {
    const dry = await data("import", ...target(), "--from", "json", "--dry-run");
    expect([dry.code, dry.stdout]).toEqual([
      0,
      expect.stringMatching(/\nNothing was imported \(--dry-run\)\. An import would write \d+ rows\.$/),
    ]);
    const imported = await data("import", ...target(), "--from", "json");
    expect([imported.code, imported.stderr]).toEqual([0, ""]);
    expect(imported.stdout).toMatch(
      /^fluxstudio\n {2,}in the files {2}inserted {2}updated {2}kept {2}unchanged {2}rejected\n {2}users +4 +4 +0 +0 +0 +0\n/,
    );
    expect(imported.stdout).toMatch(
      /\nChanged by rules of the mapping:\n {2}users +id: upper-case letters of a UUID stored in lower case +\d\n/,
    );
    expect(imported.stdout).toMatch(/\nImported \d+ rows in \d+\.\d s\.$/);
    expect((await data("import", ...target(), "--from", "json")).stdout).toMatch(/\nNothing to import: the database has every row\.$/);

    const validated = await data("validate", ...target(), "--from", path.join(folder, "json"));
    expect(validated.code).toBe(0);
    expect(stable(validated.stdout)).toMatch(
      /^fluxstudio, compared with the database as it was at <time>\n {2,}in the files {2}in the database {2}matched {2}missing {2}extra {2}different {2}rejected {2}accuracy\n {2}users +4 +4 +4 +0 +0 +0 +0 +100 %\n/,
    );
    expect(validated.stdout).toContain(
      "\nFields that are not compared:\n  users.sessionToken: A session ends with the move: its user signs in again\n",
    );
    expect(validated.stdout).toMatch(
      /\nA comparison cannot show:\n {2}- what the application writes after the files were read[\s\S]*\n\nPassed: 100 % of all rows match\.$/,
    );

    const exported = await data("export", ...target(), "--to", "exported");
    expect(exported.code).toBe(0);
    expect(stable(exported.stdout)).toMatch(
      /^fluxstudio, as it was at <time>\n {2,}records {2,}size\n {2}users\.json +4 {2}[\d.]+ k?B\n[\s\S]*\n\nExported \d+ rows in 0\.0 s to exported\. Every row was read back and is equal\.$/,
    );
    expect((await data("import", ...target(), "--from", "exported")).stdout).toMatch(/\nNothing to import: /);
    // Of the database of a URL no record is kept.
    expect(readEvidence(evidenceFolder(state, "url", SYSTEM), "validate")).toEqual([]);
    const connected = await doctor();
    expect(connected.stdout).toMatch(/^fluxstudio\/postgres {2}fluxstudio_owner@127\.0\.0\.1:\d+\/\S+\n {2}server/);
  });

  it("lists rejected rows without their values, and imports the others with --skip-rejected", async () => {
    const broken = path.join(folder, "broken");
    mkdirSync(broken);
    const users = [
      { ...corpus.users![0]!, email: null },
      { ...corpus.users![1]!, role: "root" },
      { ...corpus.users![2]!, name: "New" },
    ];
    writeFileSync(path.join(broken, "users.json"), JSON.stringify(users));
    const refused = await data("import", ...target(), "--from", "broken", "--rejected", "rejected.ndjson");
    expect([refused.code, refused.stderr]).toEqual([1, ""]);
    expect(refused.stdout.split("\n").slice(-9)).toEqual([
      "",
      "Rejected:",
      "  users email: it is null, which this field does not allow",
      "    1 row, the first one in users.json, record 0, email",
      "  users role: it is none of the words of the mapping: admin, member, client, user, designer",
      "    1 row, the first one in users.json, record 1, role",
      "2 rows in the list, without their values: rejected.ndjson",
      "",
      "Nothing was imported, because 2 rows are rejected. Correct the files or the mapping; or import the others: --skip-rejected",
    ]);
    const again = await data("import", ...target(), "--from", "broken", "--rejected", "rejected.ndjson");
    expect([again.code, again.stderr]).toEqual([2, "rejected.ndjson exists. Name a new file for rejected rows, or leave out --rejected."]);
    const skipped = await data("import", ...target(), "--from", "broken", "--skip-rejected");
    expect(skipped.code).toBe(0);
    expect(stable(skipped.stdout)).toMatch(
      /\n2 rows in the list, without their values: \.slipway\/data\/url\/fluxstudio\/rejected-<time>\.ndjson\n\nImported 1 row in 0\.0 s\. 2 rows rejected\.$/,
    );
    const compared = await data("validate", ...target(), "--from", "json");
    expect(compared.code).toBe(1);
    expect(compared.stdout).toMatch(/\nusers:\n {2}different: name in 1 row\n {2}different \S+: name\n/);
    expect(compared.stdout).toMatch(/\nNot passed: the accuracy is \d+\.\d+ %, below the threshold of 100 %\.$/);
    expect((await data("validate", ...target(), "--from", "json", "--threshold", "90")).code).toBe(0);
    for (const { stdout } of [refused, skipped, compared]) for (let n = 0; n < 4; n++) expect(stdout).not.toContain(hashOf(n));
    await data("import", ...target(), "--from", "json");
  });

  it("exits with 1 below the threshold and for nothing of nothing, which is n/a [F69] [F70]", async () => {
    const empty = await server.database(SYSTEM);
    const nothing = path.join(folder, "nothing");
    mkdirSync(nothing);
    writeFileSync(path.join(nothing, "users.json"), "[]");
    const flags = ["--system", SYSTEM, "--url", empty.url("owner")];
    const none = await data("validate", ...flags, "--from", "nothing");
    expect(none.code).toBe(1);
    expect(none.stdout).toMatch(/\n {2}users +0 +0 +0 +0 +0 +0 +0 +n\/a\n/);
    expect(none.stdout).toMatch(/\nNot passed: there is no row on either side, which shows nothing\.$/);
    expect(await data("validate", ...flags, "--from", "json", "--threshold", "0.0001")).toMatchObject({ code: 1 });
    expect(await data("validate", ...target(), "--from", "json")).toMatchObject({ code: 0 });
  });

  it("prints results and errors as JSON", async () => {
    const { stdout } = await data("validate", ...target(), "--from", "json", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      system: SYSTEM,
      outcome: "passed",
      accuracy: 100,
      cannotCatch: expect.any(Array),
      digests: expect.any(Array),
    });
    writeFileSync(path.join(folder, "users.json"), "[{");
    const failed = await data("import", ...target(), "--from", "users.json", "--json");
    expect([failed.code, JSON.parse(failed.stdout)]).toEqual([
      1,
      { error: { code: "bad-json", message: "users.json: byte 2, record 0: it ends within a value. Nothing was changed." } },
    ]);
    rmSync(path.join(folder, "users.json"));
  });

  it.each<[string, string[], RegExp]>([
    ["no system", ["import", "--from", "json"], /^Which system\? --system fluxstudio$/],
    [
      "a system without a mapping",
      ["import", "--system", "devx", "--from", "json"],
      /^DevX.* has no mapping of JSON files in systems\/data\. These have one: fluxstudio\.$/,
    ],
    ["no files", ["import", "--system", SYSTEM], /^Which files\? --from <folder or file>, or "-" for standard input$/],
    ["no database to export", ["export", "--system", SYSTEM], /^Which database\? --stack <name>, --url /],
    ["no database", ["import", "--system", SYSTEM, "--from", "json"], /^Which database\? --stack <name>, --url /],
    [
      "two databases",
      ["import", "--system", SYSTEM, "--from", "json", "--url", "postgres://a@b/c", "--stack", "prod"],
      /use one of the two\.$/,
    ],
    [
      "a threshold above 100",
      ["validate", "--system", SYSTEM, "--from", "json", "--threshold", "101"],
      /^--threshold takes per cent, above 0 and up to 100, not "101"/,
    ],
  ])("refuses %s with exit code 2", async (_, argv, message) => {
    expect(await data(...argv)).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(message) });
  });

  it("refuses files that are absent, and files that it cannot distinguish, with exit code 2", async () => {
    expect(await data("import", ...target(), "--from", "absent")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/absent cannot be read \(ENOENT\)\. Name a folder or a file\.$/),
    });
    writeFileSync(path.join(folder, "dump.json"), "[]");
    expect(await data("import", ...target(), "--from", "dump.json")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^dump\.json is none of the files of this system: users, .*Say which one it is: --as users\.json$/),
    });
    expect(await data("import", ...target(), "--from", "dump.json", "--as", "teams.json")).toMatchObject({ code: 0 });
  });

  it("reads standard input", async () => {
    const argv = [launcher, "data", "import", ...target(), "--from", "-", "--as", "users.json"];
    const { status, stdout } = spawnSync(process.execPath, argv, { input: JSON.stringify(corpus.users), encoding: "utf8", cwd: folder });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/\nNothing to import: the database has every row\.\n$/)]);
    expect((await startSlipway(["data", "import", ...target(), "--from", "-"])).code).toBe(2);
  });
});

describe("slipway data --stack, over the API of the account", () => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  let api: TestApi | undefined;
  afterAll(async () => {
    await servers.close();
    await removeHome(home);
  });

  it("finds the database, and keeps records of comparisons and exports for a change of phase", async () => {
    api = await startTestApi({ backing: { ...recordOnly, ...servers } });
    writeFileSync(
      path.join(folder, "Pulumi.qa.yaml"),
      `config:\n  digitalocean:apiEndpoint: ${api.api.url}\n  digitalocean:token: ${TOKEN}\n  slipway:environment: staging\n`,
    );
    const stack = ["--system", SYSTEM, "--stack", "qa"];
    expect(await data("validate", ...stack, "--from", "json")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^The account of stack qa has no database of fluxstudio\./),
    });
    const { postgres } = fluxstudio;
    const cluster = await createCluster(api, POSTGRES);
    await expect.poll(async () => (await api!.call("GET", `/v2/databases/${cluster}`)).body.database.status).toBe("online");
    for (const name of Object.values(postgres.roles)) await api.call("POST", `/v2/databases/${cluster}/users`, { name });
    await api.call("POST", `/v2/databases/${cluster}/dbs`, { name: postgres.database });
    const { body } = await api.call("GET", `/v2/databases/${cluster}`);
    const authority = await api.call("GET", `/v2/databases/${cluster}/ca`);
    const ca = Buffer.from(authority.body.ca.certificate, "base64").toString();
    const { host, port, user, password } = body.database.connection;
    const admin = connectionTo(
      { url: `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/defaultdb`, ca },
      postgres.database,
    );
    await applyRoles({ ...postgres, connection: admin });
    await up({ connection: admin, folder: path.join(root, "sql", SYSTEM), owner: postgres.roles.owner, system: SYSTEM });

    expect(await data("import", ...stack, "--from", "json")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^fluxstudio of stack qa\n/),
    });
    const validated = await data("validate", ...stack, "--from", "json");
    expect([validated.code, stable(validated.stdout)]).toEqual([
      0,
      expect.stringMatching(/\nRecord: \.slipway\/data\/qa\/fluxstudio\/validate-<time>\.json$/),
    ]);
    expect(await data("validate", ...stack, "--from", "json/users.json")).toMatchObject({ code: 0 });
    expect(await data("export", ...stack, "--to", "of-qa")).toMatchObject({ code: 0 });

    const records = evidenceFolder(state, "qa", SYSTEM);
    const [whole, part] = readEvidence(records, "validate");
    expect(whole).toMatchObject({
      kind: "validate",
      stack: "qa",
      system: SYSTEM,
      outcome: "passed",
      accuracy: 100,
      isWhole: true,
      from: "json",
    });
    expect(part).toMatchObject({ outcome: "only a part of the files was compared", isWhole: false });
    const [exported] = readEvidence(records, "export");
    const manifest = JSON.parse(readFileSync(path.join(folder, "of-qa", "slipway-export.json"), "utf8"));
    expect(exported).toMatchObject({ outcome: "passed", at: manifest.at, files: manifest.files, folder: path.join(folder, "of-qa") });
    const printed = readdirSync(records).map((name) => readFileSync(path.join(records, name), "utf8"));
    expect(printed.join()).not.toContain("$2b$");
  });
});

describe("progress", () => {
  it("has the rate and the remaining time", () => {
    expect(formatProgress({ kind: "read", bytes: 250e6, of: 5e9 }, 10_000)).toBe("read 250 MB of 5.0 GB, 25.0 MB/s, about 3 min 10 s left");
    expect(formatProgress({ kind: "read", bytes: 1e6, of: 40e9 }, 1000)).toBe("read 1.0 MB of 40.0 GB, 1.0 MB/s, about 11 h 6 min left");
    expect(formatProgress({ kind: "read", bytes: 500, of: 1000 }, 1000)).toBe("read 500 B of 1.0 kB, 500 B/s, about 1 s left");
    expect(formatProgress({ kind: "write", entity: "users", rows: 1234567 }, 0)).toBe("writing users, 1,234,567 rows");
  });

  it("is a line at most every five seconds", () => {
    const lines: string[] = [];
    let now = 0;
    const report = progressReporter({ log: (text) => lines.push(text) }, () => now);
    for (now = 0; now <= 12_000; now += 1000) report({ kind: "read", bytes: now, of: 20_000 });
    report({ kind: "check" });
    expect(lines).toEqual(["read 5.0 kB of 20.0 kB, 1.0 kB/s, about 15 s left", "read 10.0 kB of 20.0 kB, 1.0 kB/s, about 10 s left"]);
  });
});
