import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createTestKeys, removeFolders, temporaryFolder } from "../../backup/testing/fixture.ts";
import { addressOf, type Spaces, STORE_KEY, startSpaces } from "../../backup/testing/spaces.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { type Ended, slipway, startSlipway } from "../testing/slipway.ts";

const SET = "devx/postgres";
const ID = /\d{8}T\d{6}Z-[0-9a-f]{8}/;

let server: TestServer;
let spaces: Spaces;
let url: string;
const home = process.cwd();
beforeAll(async () => {
  const folder = temporaryFolder();
  // The servers' user enters it, so that .slipway is in it.
  chmodSync(folder, 0o755);
  process.chdir(folder);
  [server, spaces] = await Promise.all([startServer(), startSpaces(["primary", "offsite"])]);
  await server.database("devx");
  await server.sql("CREATE TABLE notes (id serial PRIMARY KEY, text text); INSERT INTO notes (text) VALUES ('one'), ('two')", "devx");
  url = server.url("devx").replace("postgres@", "postgres:hunter2hunter2@");
});
afterAll(async () => {
  process.chdir(home);
  await Promise.all([server.stop(), spaces.close()]);
  removeFolders();
});
afterEach(() => vi.unstubAllEnvs());

interface Stack {
  readonly folder: string;
  readonly stores: readonly string[];
  readonly identityFile: string;
  readonly recipient: string;
  /** None of them may be printed. */
  readonly secrets: readonly string[];
}

/** The variables of a machine that makes backups, with keys that `slipway backup keys` made. */
async function createStack(stores: readonly string[] = [temporaryFolder()]): Promise<Stack> {
  const folder = temporaryFolder();
  const identityFile = path.join(folder, "key.txt");
  expect(await backup("keys", "--out", identityFile)).toMatchObject({ code: 0 });
  const variables = readFileSync(`${identityFile}.env`, "utf8");
  for (const [, name = "", value = ""] of variables.matchAll(/^(\w+)=(.+)$/gm)) vi.stubEnv(name, value);
  const [store = "", offsite] = stores;
  vi.stubEnv(BACKUP_VARIABLES.store, store);
  vi.stubEnv(BACKUP_VARIABLES.storeKey, STORE_KEY);
  if (offsite !== undefined) vi.stubEnv(BACKUP_VARIABLES.offsite, offsite);
  if (offsite !== undefined) vi.stubEnv(BACKUP_VARIABLES.offsiteKey, STORE_KEY);
  vi.stubEnv("DATABASE_URL", url);
  const [identity = ""] = /AGE-SECRET-KEY\S+/.exec(readFileSync(identityFile, "utf8")) ?? [];
  const secrets = [identity, process.env[BACKUP_VARIABLES.signingKey] ?? "", "owner-secret", "hunter2hunter2"];
  return { folder, stores, identityFile, recipient: process.env[BACKUP_VARIABLES.recipients] ?? "", secrets };
}

const backup = (...argv: string[]): Promise<Ended> => slipway(["backup", ...argv]);
const json = async (...argv: string[]) => {
  const { code, stdout } = await backup(...argv, "--json");
  return { code, result: JSON.parse(stdout) };
};

async function create(): Promise<string> {
  const { code, result } = await json("create", "--system", "devx");
  expect(code).toBe(0);
  return result.created[0].id;
}

describe("slipway backup", () => {
  it.each([
    ["two folders", async () => [temporaryFolder(), temporaryFolder()]],
    ["two buckets of an S3 store", async () => [addressOf(spaces.url, "primary/prod"), addressOf(spaces.url, "offsite")]],
  ])("creates, lists, verifies, rehearses, prunes, holds and restores backups in %s, and prints no secret", async (_, places) => {
    const stack = await createStack(await places());
    const outputs: Ended[] = [];
    const run = async (...argv: string[]) => {
      const ended = await backup(...argv);
      outputs.push(ended);
      return ended;
    };
    const created = await run("create", "--system", "devx");
    expect(created).toMatchObject({ code: 0, stderr: expect.stringContaining("Only one age key can decrypt this backup.") });
    expect(created.stdout).toMatch(
      /^Made devx\/postgres\/\d{8}T\d{6}Z-[0-9a-f]{8}: 2 rows in 1 table, [\d.]+ KiB in [\d.]+ s\n {2}complete in \S.*\n {2}complete in \S.*$/,
    );
    const [first = ""] = ID.exec(created.stdout) ?? [];
    expect((await run("list")).stdout).toMatch(new RegExp(`^${SET}\n {2}${first} {2}[\\d.]+ KiB {2}2 copies {2}never verified$`));
    expect(await run("status", "--system", "devx")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("! no backup has been rehearsed."),
    });
    expect((await run("verify")).stdout).toMatch(
      /intact .*\n.*intact .*\n {2}compared with the manifest, not decrypted \(needs --identity\), in/,
    );
    expect((await run("list")).stdout).toMatch(/verified \d{4}-\d\d-\d\d$/);
    expect((await run("verify", first, "--identity", stack.identityFile)).stdout).toContain("decrypted and compared with the manifest, in");
    const rehearsed = await run("rehearse", "--identity", stack.identityFile);
    expect(rehearsed).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^equal {3}devx\/postgres\/\S+, on Postgres [\d.]+, in [\d.]+ s\n {8}from \S/),
    });
    expect(await run("status", "--system", "devx")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ok {2}devx\/postgres: 1 backup\n {2}newest {5}\S+, 1 minute old/),
    });

    const second = await create();
    expect(await run("keep", first, "--reason", "an audit")).toMatchObject({ code: 0, stdout: `Held ${SET}/${first}: an audit` });
    const few = ["--daily", "1", "--weekly", "0", "--monthly", "0", "--yearly", "0"];
    expect((await run("prune", ...few)).stdout).toMatch(/keep .*one of the last 3 verified; held: an audit\n\nNothing to remove\.$/);
    expect(await run("keep", `${SET}/${first}`, "--release")).toMatchObject({ code: 0, stdout: `Released ${SET}/${first}` });
    const third = await create();
    expect((await run("prune", ...few)).stdout).toMatch(
      new RegExp(`remove {3}${second}[\\s\\S]*\n\nThis would remove 1 backup\\. To remove them: slipway backup prune --yes$`),
    );
    expect((await json("list")).result.backups).toHaveLength(3);
    expect((await run("prune", ...few, "--yes")).stdout).toMatch(new RegExp(`removed {2}${second}[\\s\\S]*\n\nRemoved 1 backup\\.$`));
    expect((await json("list")).result.backups.map(({ id }: { id: string }) => id)).toEqual([first, third]);

    await server.sql("INSERT INTO notes (text) VALUES ('later')", "devx");
    const into = `restored_${first.slice(-8)}`;
    expect(await run("restore", first, "--into", into, "--identity", stack.identityFile)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(`^Restored ${into}: 2 rows in 1 table, equal to the manifest, in [\\d.]+ s\nChanges after \\S+ are not in it\\.$`),
      ),
    });
    expect(await server.sql("SELECT text FROM notes ORDER BY id", into)).toEqual([{ text: "one" }, { text: "two" }]);
    await server.sql("DELETE FROM notes WHERE text = 'later'", "devx");
    expect(await run("restore", first, "--into", into, "--identity", stack.identityFile)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Database restored_\w+ exists on .* name another one with --into/),
    });
    // The other copy is enough.
    vi.stubEnv(BACKUP_VARIABLES.store, "s3://lost?region=fra1");
    const [, offsite = ""] = stack.stores;
    expect(await run("restore", first, "--into", `${into}_2`, "--identity", stack.identityFile, "--store", offsite)).toMatchObject({
      code: 0,
    });
    for (const { stdout, stderr } of outputs)
      for (const secret of stack.secrets) expect([stdout, stderr].filter((text) => text.includes(secret))).toEqual([]);
  });

  it("prints results and errors as JSON, whose keys scripts use", async () => {
    const { identityFile } = await createStack();
    const { result: made } = await json("create", "--system", "devx");
    expect(made).toEqual({
      created: [
        {
          ...{
            format: 1,
            id: expect.stringMatching(ID),
            system: "devx",
            part: "postgres",
            origin: expect.stringMatching(/^\d+\/1\/\d+$/),
            generation: 1,
            tool: expect.stringMatching(/^slipway /),
          },
          ...{ startedAt: expect.any(String), finishedAt: expect.any(String), seconds: expect.any(Number) },
          ...{ copies: [expect.any(String)], missing: [] },
          data: {
            ...{
              compression: expect.stringMatching(/^(pg_dump|zstd)$/),
              encryption: "age",
              recipients: [expect.stringMatching(/^age1/)],
              bytes: expect.any(Number),
            },
            ...{ sha256: expect.any(String), plainBytes: expect.any(Number), plainSha256: expect.any(String) },
          },
        },
      ],
      failed: [],
    });
    const { id } = made.created[0];
    const name = `${SET}/${id}`;
    expect((await json("verify")).result).toEqual({
      verified: [{ backup: name, copies: [{ copy: expect.any(String) }], decrypted: false, seconds: expect.any(Number) }],
      refused: [],
    });
    expect((await json("rehearse", "--identity", identityFile)).result).toEqual([
      { backup: name, copy: expect.any(String), seconds: expect.any(Number), server: expect.stringMatching(/^Postgres /) },
    ]);
    expect((await json("list")).result).toMatchObject({
      backups: [
        { id, copies: [expect.any(String)], records: [{ kind: "verified" }, { kind: "rehearsed" }], postgres: { database: "devx" } },
      ],
      refused: [],
      foreign: 0,
    });
    expect((await json("status")).result).toEqual({
      sets: [
        {
          ...{ set: SET, count: 1, problems: [], rehearsed: { id, at: expect.any(String) } },
          newest: { id, startedAt: expect.any(String), ageHours: 0, copies: [expect.any(String)], bytes: expect.any(Number) },
        },
      ],
      exports: [],
      refused: [],
    });
    expect((await json("keep", id, "--reason", "an\n audit")).result).toEqual({ backup: name, hold: "an audit" });
    expect((await json("prune")).result).toEqual({
      ...{ done: false, removed: [], leftovers: [], untouched: [] },
      kept: [{ backup: name, reasons: expect.arrayContaining([expect.stringMatching(/^last of day /), "held: an audit"]) }],
    });
    expect((await json("restore", id, "--into", "restored_json", "--identity", identityFile)).result).toMatchObject({
      ...{ backup: name, database: "restored_json", rows: 2, tables: 1, startedAt: expect.any(String), seconds: expect.any(Number) },
    });
    expect(await json("restore", id, "--into", "restored_json", "--identity", identityFile)).toMatchObject({
      code: 2,
      result: { error: { code: "database-exists", exit: 2, message: expect.stringContaining("name another one with --into") } },
    });
  });

  it("keeps backups of a laptop in .slipway/backups, with keys of its own that only this user reads", async () => {
    vi.stubEnv("DATABASE_URL", url);
    expect(await backup("create", "--system", "devx")).toMatchObject({ code: 0, stderr: "" });
    const modeOf = (file: string) => (statSync(path.join(".slipway", file)).mode & 0o777).toString(8);
    expect(["backup-keys", "backup-keys/keys.json", "backups"].map(modeOf)).toEqual(["700", "600", "700"]);
    const files = readdirSync(path.join(".slipway", "backups"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect([...new Set(files.map(({ parentPath, name }) => statSync(path.join(parentPath, name)).mode & 0o777))]).toEqual([0o600]);
    expect(await backup("restore", "--system", "devx", "--into", "restored_laptop")).toMatchObject({ code: 0 });
    writeFileSync(path.join(".slipway", "backup-keys", "keys.json"), "{");
    expect(await backup("list")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("it is damaged. If you do not need those backups, remove"),
    });
    rmSync(".slipway", { recursive: true });
  });
});

describe("a copy", () => {
  it("that fails is named, and the backup in the other one is listed and can be restored [F141]", async () => {
    const stores = [temporaryFolder(), temporaryFolder()] as const;
    const { identityFile } = await createStack(stores);
    writeFileSync(path.join(stores[1], "devx"), "a file where the folder should be");
    const { code, stdout } = await backup("create", "--system", "devx");
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/complete in \S.*\n {2}MISSING in .*: The folder .* cannot be used \(E\w+\)/),
    ]);
    expect((await backup("list")).stdout).toContain("1 of 2 copies");
    expect((await backup("status")).stdout).toContain("the newest backup is missing or incomplete in");
    expect((await json("status")).result.sets[0].problems).toEqual(expect.arrayContaining([expect.stringContaining(stores[1])]));
    expect(await backup("verify")).toMatchObject({ code: 1, stdout: expect.stringMatching(/intact .*\n {2}DAMAGED {2}/) });
    expect(await backup("restore", "--system", "devx", "--into", "restored_half", "--identity", identityFile)).toMatchObject({ code: 0 });
  });

  it("whose bucket does not exist does not prevent the other one", async () => {
    const store = temporaryFolder();
    await createStack([store, addressOf(spaces.url, "nowhere")]);
    expect(await backup("create", "--system", "devx")).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/complete in \S.*\n {2}MISSING in s3:\/\/nowhere: .*the bucket does not exist/),
    });
    expect(await backup("list", "--store", store)).toMatchObject({ code: 0, stdout: expect.stringContaining("1 copy") });
  });

  it("is refused if it holds the secret key of a recipient", async () => {
    const { stores, identityFile } = await createStack();
    writeFileSync(path.join(stores[0]!, "key.txt"), readFileSync(identityFile));
    const { code, stderr } = await backup("create", "--system", "devx");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/holds the secret key of a recipient, in key\.txt\. .*slipway backup keys/)]);
    expect(stderr).not.toContain("AGE-SECRET-KEY");
  });
});

describe("a damaged backup", () => {
  async function damage(change: (file: string) => void, file: string) {
    const { stores, identityFile } = await createStack();
    const [older, newer] = [await create(), await create()];
    change(path.join(stores[0]!, SET, newer, file));
    return { older, newer, identityFile };
  }

  it("is named where its manifest was changed, and an older one is restored only by its id", async () => {
    const { older, newer, identityFile } = await damage(
      (file) => writeFileSync(file, readFileSync(file, "utf8").replace('"rows": 2', '"rows": 1')),
      "manifest.json",
    );
    const named = expect.stringMatching(new RegExp(`${newer}/manifest\\.json[\\s\\S]*its signature does not fit its content`));
    expect(await backup("list")).toMatchObject({ code: 0, stdout: named });
    expect(await backup("status")).toMatchObject({ code: 1, stdout: named });
    expect(await backup("verify")).toMatchObject({ code: 1, stdout: named });
    expect(await backup("verify", newer)).toMatchObject({ code: 1, stderr: named });
    const at = ["--into", "restored_older", "--identity", identityFile];
    expect(await backup("restore", "--system", "devx", ...at)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`To restore the one before it: slipway backup restore ${older}`),
    });
    expect(await backup("restore", older, ...at)).toMatchObject({ code: 0 });
  });

  it("is named where its data was changed", async () => {
    const { newer, identityFile } = await damage((file) => {
      const bytes = readFileSync(file);
      bytes[bytes.length - 100]! ^= 1;
      writeFileSync(file, bytes);
    }, "data");
    expect(await backup("verify")).toMatchObject({ code: 1, stdout: expect.stringMatching(/DAMAGED[\s\S]*its bytes are not those/) });
    expect(await backup("restore", newer, "--into", "restored_bad", "--identity", identityFile)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Restore from another copy (--store <its address>), or another backup."),
    });
    expect(await server.sql("SELECT datname FROM pg_database WHERE datname ~ 'restored_bad|slipway_restore'")).toEqual([]);
  });

  it("of another signing key, or for another identity, is refused with the reason", async () => {
    const { folder } = await createStack();
    const id = await create();
    const { identity } = await createTestKeys();
    const other = path.join(folder, "other.txt");
    writeFileSync(other, `# another key\n${identity}\n`);
    for (const argv of [["restore", id, "--into", "restored_other"], ["verify"]])
      expect(await backup(...argv, "--identity", other)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("None of the identities can decrypt this backup: it was encrypted for other recipients."),
      });
    expect(await backup("rehearse", "--identity", other)).toMatchObject({ code: 1, stdout: expect.stringContaining("FAILED") });
    const second = path.join(folder, "second.txt");
    await backup("keys", "--out", second);
    vi.stubEnv(BACKUP_VARIABLES.signingKey, "");
    vi.stubEnv(BACKUP_VARIABLES.verifyKeys, /VERIFY_KEYS=(.*)/.exec(readFileSync(`${second}.env`, "utf8"))?.[1] ?? "");
    expect(await backup("list")).toMatchObject({ code: 0, stdout: expect.stringContaining("it was signed with another key") });
    expect(await backup("restore", "--system", "devx", "--into", "restored_other", "--identity", other)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^No backup can be used:\n/),
    });
  });
});

describe("slipway backup status", () => {
  it("fails for a system that never had a backup, and for one whose backup is too old", async () => {
    const { stores } = await createStack();
    expect(await backup("status")).toMatchObject({ code: 1, stderr: "There is no backup. Make one: slipway backup create" });
    await create();
    expect(await backup("status", "--system", "fluxstudio")).toMatchObject({
      code: 1,
      stdout: "PROBLEM  fluxstudio/postgres: 0 backups\n  rehearsed  never\n  ! there is no backup. Make one: slipway backup create",
    });
    expect((await json("status", "--part", "valkey-state")).code).toBe(1);
    renameSync(path.join(stores[0]!, "devx"), path.join(stores[0]!, "candlefish"));
    expect(await backup("status", "--system", "candlefish")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("it belongs to devx/postgres/"),
    });
  });
});

describe("slipway backup create", () => {
  it("exits with 75 while another run makes or removes backups of the same data", async () => {
    const { stores } = await createStack();
    await create();
    const lease = path.join(stores[0]!, SET, "lease.json");
    const held = {
      ...JSON.parse(readFileSync(lease, "utf8")),
      host: "another-machine",
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
    };
    writeFileSync(lease, JSON.stringify(held));
    expect(await backup("create", "--system", "devx")).toMatchObject({
      code: 75,
      stderr: expect.stringMatching(/devx\/postgres is in use: process \d+ on another-machine holds its lease/),
    });
  });

  it("as a process, fails with the reason and without a password if the server does not respond", async () => {
    const { stores, recipient, secrets } = await createStack();
    const { code, stdout, stderr } = await startSlipway(["backup", "create", "--system", "devx", "--recipient", recipient], {
      DATABASE_URL: url.replace(`:${server.port}`, ":1"),
      [BACKUP_VARIABLES.store]: stores[0]!,
    });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/127\.0\.0\.1:1/);
    for (const secret of [...secrets, "    at "]) expect(stderr).not.toContain(secret);
    expect(readdirSync(stores[0]!, { recursive: true }).filter((name) => !String(name).endsWith("lease.json"))).toEqual(["devx", SET]);
  });
});

describe("slipway backup keys", () => {
  it("writes the secret keys to files that only this user reads, prints the public ones, and overwrites nothing", async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, "key.txt");
    const { code, stdout } = await backup("keys", "--out", file);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n {2}SLIPWAY_BACKUP_RECIPIENTS=age1\w+\n {2}SLIPWAY_BACKUP_VERIFY_KEYS=slipway-verify-key-\S+$/);
    expect(stdout).not.toMatch(/AGE-SECRET-KEY|slipway-signing-key-/);
    for (const name of [file, `${file}.env`]) expect(statSync(name).mode & 0o777).toBe(0o600);
    const before = readFileSync(file, "utf8");
    const refused = { code: 2, stderr: expect.stringContaining("exists, and may be the only key of older backups. Name another file.") };
    expect(await backup("keys", "--out", file)).toMatchObject(refused);
    rmSync(`${file}.env`);
    expect(await backup("keys", "--out", file)).toMatchObject(refused);
    expect([readFileSync(file, "utf8"), existsSync(`${file}.env`)]).toEqual([before, false]);
    expect((await json("keys", "--out", path.join(folder, "other.txt"))).result).toEqual({
      ...{ identityFile: path.join(folder, "other.txt"), variablesFile: path.join(folder, "other.txt.env") },
      ...{ recipient: expect.stringMatching(/^age1/), verifyKey: expect.stringMatching(/^slipway-verify-key-/) },
    });
  });
});

describe("bad input", () => {
  const env: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    offsiteOnly: { store: "", offsite: "/tmp/offsite" },
    noRecipient: { recipients: "" },
    badRecipient: { recipients: "age2qqqq" },
    secretRecipient: { recipients: "AGE-SECRET-KEY-1QQQQQQQQ" },
    noSigningKey: { signingKey: "" },
    noKeys: { signingKey: "", verifyKeys: "" },
    badSigningKey: { signingKey: "slipway-verify-key-x" },
    badVerifyKey: { verifyKeys: "nothing" },
    noStoreKey: { store: "s3://backups?region=fra1", storeKey: "" },
    noRegion: { store: "s3://backups" },
    keyInStore: { store: "s3://id:topsecret@backups" },
    badEndpoint: { store: "s3://backups?region=fra1&endpoint=localhost" },
    ftp: { store: "ftp://id:topsecret@host/backups" },
  };

  it.each<[name: string, variables: string, argv: string[], message: RegExp]>([
    ["no command", "", [], /needs a command: create, list, verify, restore, extract, fork, rehearse, prune, keep, status, worker, keys/],
    ["an unknown flag", "", ["list", "--sytem", "devx"], /has no flag --sytem\. Did you mean --system\?/],
    ["an unknown command", "", ["creat"], /Did you mean slipway backup create\?/],
    [
      "a second copy without a first",
      "offsiteOnly",
      ["list"],
      /address of a second copy, and there is no first one\. Set SLIPWAY_BACKUP_STORE/,
    ],
    [
      "no recipient",
      "noRecipient",
      ["create", "--system", "devx"],
      /no age recipient to encrypt for\. Set SLIPWAY_BACKUP_RECIPIENTS or --recipient/,
    ],
    ["a recipient that is none", "badRecipient", ["create", "--system", "devx"], /"age2qqqq" is not an age recipient/],
    [
      "a recipient that is a secret key",
      "secretRecipient",
      ["create", "--system", "devx"],
      /recipients is a secret key.* begins with age1/,
    ],
    [
      "a secret key as --recipient",
      "",
      ["create", "--system", "devx", "--recipient", "age-secret-key-1qqqq"],
      /recipients is a secret key/,
    ],
    ["no signing key", "noSigningKey", ["create", "--system", "devx"], /^Set SLIPWAY_BACKUP_SIGNING_KEY: .*slipway backup keys --out/],
    ["no key at all", "noKeys", ["list"], /Set SLIPWAY_BACKUP_VERIFY_KEYS, or SLIPWAY_BACKUP_SIGNING_KEY where backups are made/],
    ["a signing key that is none", "badSigningKey", ["list"], /signing key is not valid\. It begins with slipway-signing-key-/],
    ["a verify key that is none", "badVerifyKey", ["list"], /verify key is not valid\. It begins with slipway-verify-key-/],
    ["no key of the store", "noStoreKey", ["list"], /There is no key for s3:\/\/backups\. Set SLIPWAY_BACKUP_STORE_KEY/],
    ["a store without a region", "noRegion", ["list"], /names no region\. Use a folder, or an address such as s3:\/\//],
    ["a key in the address of a store", "keyInStore", ["list"], /The address of s3:\/\/backups contains a key/],
    ["an endpoint that is none", "badEndpoint", ["list"], /The endpoint of s3:\/\/backups is not an address/],
    ["a store of another kind", "ftp", ["list"], /neither a folder nor an S3 store/],
    ["the same store twice", "", ["list", "--store", "/tmp/x", "--offsite", "/tmp/x/"], /Both copies are in /],
    ["a database of no system", "", ["create"], /Which system is the database of\? --system fluxstudio \| devx \| candlefish/],
    ["an unknown system", "", ["create", "--system", "devs"], /Did you mean devx\?/],
    ["an unknown part", "", ["create", "--system", "devx", "--part", "mysql"], /There is no part "mysql"\. There are: postgres/],
    [
      "a CA file that does not exist",
      "",
      ["create", "--system", "devx", "--ca", "/nowhere.pem"],
      /\/nowhere\.pem cannot be read\. Fetch it/,
    ],
    ["an id that is none", "", ["verify", "yesterday"], /"yesterday" is not the id of a backup\. To see the ids: slipway backup list/],
    ["an unknown id", "", ["verify", "20261202T020000Z-1a2b3c4d"], /There is no backup 20261202T020000Z-1a2b3c4d\. To see the ids/],
    ["an id and --all", "", ["verify", "20261202T020000Z-1a2b3c4d", "--all"], /Name a backup, or use --all/],
    ["no reason to hold", "", ["keep", "20261202T020000Z-1a2b3c4d"], /Why is it held\? --reason <text>; or --release/],
    ["an empty reason", "", ["keep", "20261202T020000Z-1a2b3c4d", "--reason", " "], /Why is it held\?/],
    ["a hold and a release", "", ["keep", "20261202T020000Z-1a2b3c4d", "--reason", "x", "--release"], /Why is it held\?/],
    ["no id to hold", "", ["keep", "--reason", "x"], /slipway backup keep needs <id>/],
    ["no file for the keys", "", ["keys"], /Where to write the secret key\? --out backup-key\.txt/],
    [
      "a folder for the keys that does not exist",
      "",
      ["keys", "--out", "/nowhere/key.txt"],
      /\/nowhere\/key\.txt cannot be written \(ENOENT\)/,
    ],
    ["a count that is none", "", ["prune", "--daily", "many"], /--daily takes a whole number, from 0 to 10000, not "many"/],
    ["an age that is none", "", ["status", "--max-age", "1d"], /--max-age takes a whole number of hours, 1 or more, not "1d"/],
    ["no identity", "", ["rehearse"], /Which key decrypts the backups\? --identity <file>/],
    ["an identity file that does not exist", "", ["rehearse", "--identity", "/nowhere"], /\/nowhere cannot be read \(ENOENT\)/],
    ["an identity file with something else", "", ["rehearse", "--identity", "/etc/hostname"], /must contain age secret keys only/],
  ])("%s has exit code 2 and one message with the next step", async (_, variables, argv, message) => {
    await createStack();
    for (const [name, value] of Object.entries(env[variables] ?? {}))
      vi.stubEnv(BACKUP_VARIABLES[name as keyof typeof BACKUP_VARIABLES], value);
    const { code, stdout, stderr } = await backup(...argv);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(message) });
    expect(stderr).not.toMatch(/topsecret|QQQQ|qqqq$| {4}at /);
  });

  it("of a restore or a policy has exit code 2, and of a missing backup 1", async () => {
    const { identityFile } = await createStack();
    const at = ["--identity", identityFile];
    expect(await backup("restore", "--into", "x", ...at)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is no backup."),
    });
    expect(await backup("rehearse", ...at)).toMatchObject({ code: 1, stderr: expect.stringContaining("There is no backup to rehearse.") });
    await create();
    expect(await backup("restore", "--system", "shop", "--into", "x", ...at)).toMatchObject({
      code: 1,
      stderr: `There is no such backup. There are backups of ${SET}.`,
    });
    expect(await backup("restore", "--system", "devx", ...at)).toMatchObject({ code: 2, stderr: expect.stringContaining("--into <name>") });
    expect(await backup("restore", "--system", "devx", "--into", "x")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--identity <file>"),
    });
    vi.stubEnv("DATABASE_URL", "");
    expect(await backup("restore", "--system", "devx", "--into", "x", ...at)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Onto which server\? --url/),
    });
    expect(await backup("create")).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Which database\? --url .*npm start$/) });
    const none = ["--daily", "0", "--weekly", "0", "--monthly", "0", "--yearly", "0"];
    expect(await backup("prune", ...none)).toMatchObject({ code: 2, stderr: expect.stringContaining("the policy keeps nothing") });
  });
});

describe("the text", () => {
  it.each([80, 160])("fits a terminal of %i columns", async (columns) => {
    const stores = [addressOf(spaces.url, `primary/${columns}`), addressOf(spaces.url, `offsite/${columns}`)];
    await createStack(stores);
    const id = await create();
    await backup("keep", id, "--reason", "a reason that is longer than a line of a terminal has room for, with many more words");
    for (const command of ["list", "prune", "status"]) {
      const { stdout } = await slipway(["backup", command], { columns });
      expect(stdout.split("\n").filter((line) => line.length > columns)).toEqual([]);
      expect(stdout).toContain(id);
    }
  });
});
