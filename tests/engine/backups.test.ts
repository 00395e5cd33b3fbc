import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Backup, readInventory } from "../../backup/repository.ts";
import { formatVerifyKey, generateSigningKey, parseSigningKey } from "../../backup/signature.ts";
import { openStore } from "../../backup/store/location.ts";
import { createTestKeys } from "../../backup/testing/fixture.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { resolveLaptopEnv } from "../../local/apps/laptop-env.ts";
import type { BackedComponent } from "../../local/cloud/backing.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { type Ran, type Stack, startStack } from "./stack.ts";

const SLIPWAY = fileURLToPath(new URL("../../bin/slipway.js", import.meta.url));
const SET = { system: "devx", part: "postgres" };

/** Pulumi's engine, the real provider, a real Postgres, and buckets behind the API. */
describeWithPulumi("backups of a deployment", (cli) => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  const folder = mkdtempSync(join(tmpdir(), "slipway backups "));
  const deployed = new Map<string, BackedComponent>();
  const { signingKey } = generateSigningKey();
  let stack: Stack;
  let identityFile: string;

  beforeAll(async () => {
    const { identity, recipient } = await createTestKeys();
    identityFile = join(folder, "key.txt");
    writeFileSync(identityFile, `${identity}\n`, { mode: 0o600 });
    const deployApp: typeof recordOnly.deployApp = async (app, components, ...rest) => {
      for (const component of components) deployed.set(`${app.name} ${component.name}`, component);
      return await recordOnly.deployApp(app, components, ...rest);
    };
    const config = {
      "slipway:environment": "local",
      "slipway:systems": ["devx"],
      "slipway:region": "nyc1",
      "slipway:allowedSources": ["127.0.0.1"],
      "slipway:postgres": { layout: "shared", version: "15", size: "db-s-1vcpu-1gb", nodes: 1 },
      "slipway:backups": { enabled: true, recipients: [recipient], image: "ghcr.io/acme/slipway:1.0.0", keep: { daily: 7 } },
    };
    stack = await startStack(cli, config, {
      backing: { ...recordOnly, ...servers, deployApp },
      copied: ["sql"],
      spaces: true,
    });
    await stack.succeed("config", "set", "--secret", "slipway:backupSigningKey", signingKey);
  });
  afterAll(async () => {
    await stack?.remove();
    await removeHome(home);
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (name: string, sql: string) => writeFileSync(join(stack.program, "sql", "devx", name), sql);

  /** What App Platform gives to the worker. */
  const workerEnvironment = () => {
    const [[name, component] = ["", undefined], ...others] = [...deployed].filter(([app]) => app.includes("backups"));
    expect([name, others.length]).toEqual(["devx-backups-test worker", 0]);
    return resolveLaptopEnv(component!.env, { caFile: join(folder, "ca.pem") });
  };

  function slipway(...args: string[]): Promise<Ran> {
    return run(process.execPath, [SLIPWAY, "backup", ...args], workerEnvironment());
  }

  /** Not at once: the API is in this process. */
  function run(file: string, args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...variables };
    const child = spawn(file, args, { cwd: folder, env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
    return new Promise((resolve) => child.on("close", (code) => resolve({ code: code ?? 1, output })));
  }

  async function backups(): Promise<readonly Backup[]> {
    const env = workerEnvironment();
    const copies = await Promise.all([
      openStore({ url: env[BACKUP_VARIABLES.store]!, key: env[BACKUP_VARIABLES.storeKey]! }),
      openStore({ url: env[BACKUP_VARIABLES.offsite]!, key: env[BACKUP_VARIABLES.offsiteKey]! }),
    ]);
    const { backups: found } = await readInventory(
      { copies: [copies[0], copies[1]], verifyKeys: [parseSigningKey(signingKey).publicKey] },
      SET,
    );
    return found;
  }

  /** As the owner of the tables. */
  async function sql(text: string): Promise<readonly Record<string, unknown>[]> {
    const { databases } = (await stack.get("/v2/databases")) as { databases: { id: string; connection: { port: number; host: string } }[] };
    const { id, connection } = databases[0]!;
    const { users } = (await stack.get(`/v2/databases/${id}/users`)) as { users: { name: string; password: string }[] };
    const endpoint = await stack.endpointOf({ id, connection });
    const { password } = users.find(({ name }) => name === "devx_owner")!;
    return await query(endpoint, text, { host: connection.host, user: "devx_owner", password, database: "devxplatform" });
  }

  it("start with the first up, which backs up nothing, and with a worker that has the backup role and a key for each bucket", async () => {
    expect(await stack.succeed("preview", "--diff")).toContain("a verified backup first, because of applications, migrations");
    await stack.succeed("up", "--yes", "--skip-preview");
    await stack.succeed("preview", "--expect-no-changes");
    const env = workerEnvironment();
    expect(Object.keys(env).sort()).toEqual(
      ["DATABASE_URL", "NODE_EXTRA_CA_CERTS", "SLIPWAY_CA", "SLIPWAY_SENT", ...Object.values(BACKUP_VARIABLES)]
        .filter((name) => name !== BACKUP_VARIABLES.verifyKeys && name !== BACKUP_VARIABLES.keep)
        .sort(),
    );
    expect(new URL(env.DATABASE_URL!).username).toBe("devx_backup");
    expect(await backups()).toEqual([]);
  });

  it("are made by the worker with the environment of its app, in both buckets, and a migration soon after takes that one", async () => {
    await sql("INSERT INTO devx.users (email, username, password_hash) VALUES ('a@acme.dev', 'a', 'x')");
    const made = await slipway("worker", "--system", "devx", "--daily", "2", "--keep-daily", "7", "--once");
    expect(made).toMatchObject({ code: 0, output: expect.stringMatching(/Made devx\/postgres[\s\S]*intact/) });
    const [only, ...others] = await backups();
    expect([only!.copies.length, only!.records.map(({ kind }) => kind), others]).toEqual([2, ["verified"], []]);

    write("004_notes.sql", "CREATE TABLE devx.notes (id uuid PRIMARY KEY);\n");
    write("004_notes.down.sql", "DROP TABLE devx.notes;\n");
    expect(await stack.succeed("preview", "--diff")).toMatch(/=> "a verified backup first, because of migrations"/);
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await sql("SELECT count(*)::int AS count FROM devx.notes")).toEqual([{ count: 0 }]);
    expect(await backups()).toHaveLength(1);
  });

  it("are made by an up before a migration where none is recent enough: of the state before it, complete, verified and restorable", async () => {
    await stack.succeed("config", "set", "--path", "slipway:backups.maxAgeHours", "0");
    await stack.succeed("preview", "--expect-no-changes");
    write("005_tags.sql", "CREATE TABLE devx.tags (id uuid PRIMARY KEY);\n");
    write("005_tags.down.sql", "DROP TABLE devx.tags;\n");
    expect(await stack.succeed("up", "--yes", "--skip-preview")).toMatch(/Made devx\/postgres\/\S+ before anything changed/);
    const [, second, ...others] = await backups();
    expect([second!.copies.length, second!.records.map(({ kind }) => kind), others]).toEqual([2, ["verified"], []]);
    const tables = second!.manifest.postgres!.tables.map(({ name }) => name);
    expect(tables).toContain("devx.notes");
    expect(tables).not.toContain("devx.tags");
    const rehearsed = await slipway("rehearse", "--system", "devx", "--newest", "--identity", identityFile);
    expect(rehearsed).toMatchObject({ code: 0, output: expect.stringContaining(`equal   devx/postgres/${second!.id}`) });
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("are made before another version of an application is deployed, and not when only its size changes", async () => {
    await stack.succeed("config", "set", "--path", "slipway:devx.sizes.api.size", "apps-s-1vcpu-1gb");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await backups()).toHaveLength(2);
    await stack.succeed("config", "set", "--path", "slipway:devx.repos.api.branch", "next");
    expect(await stack.succeed("preview", "--diff")).toContain("a verified backup first, because of applications");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await backups()).toHaveLength(3);
  });

  it("stop the up if they fail: nothing is migrated and no application is deployed", async () => {
    const { keys } = (await stack.get("/v2/spaces/keys")) as { keys: { name: string; access_key: string }[] };
    const { access_key: deleted } = keys.find(({ name }) => name.endsWith("key-offsite"))!;
    const before = await backups();
    await stack.delete(`/v2/spaces/keys/${deleted}`);
    write("006_more.sql", "CREATE TABLE devx.more (id uuid PRIMARY KEY);\n");
    write("006_more.down.sql", "DROP TABLE devx.more;\n");
    await stack.succeed("config", "set", "--path", "slipway:devx.repos.api.branch", "other");
    stack.requests();
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code).not.toBe(0);
    expect(output).toMatch(/s3:\/\/slipway-test-test-offsite: .*the access key/);
    expect(output).not.toMatch(/\n\s+at .*\.[jt]s:\d+/);
    expect(output).not.toContain(signingKey);
    expect(await sql("SELECT to_regclass('devx.more') IS NULL AS missing")).toEqual([{ missing: true }]);
    expect(stack.requests().filter((request) => request.startsWith("PUT /v2/apps"))).toEqual([]);
    expect(before).toHaveLength(3);
  });

  it("go on with the next up, which creates the key again", async () => {
    await stack.succeed("refresh", "--yes");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await sql("SELECT to_regclass('devx.more') IS NULL AS missing")).toEqual([{ missing: false }]);
    expect((await backups()).at(-1)!.copies).toHaveLength(2);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("are made again before a migration that failed after the last one was made for it", async () => {
    const before = await backups();
    write("007_late.sql", "ALTER TABLE devx.gone ADD COLUMN late int;\n");
    write("007_late.down.sql", "ALTER TABLE devx.gone DROP COLUMN late;\n");
    expect((await stack.pulumi("up", "--yes", "--skip-preview")).code).not.toBe(0);
    expect(await backups()).toHaveLength(before.length + 1);
    await sql("CREATE TABLE devx.gone (id uuid PRIMARY KEY)");
    expect(await stack.succeed("preview", "--diff")).toContain("migrations of the last run are not applied: 007_late.sql");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await backups()).toHaveLength(before.length + 2);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("leave nothing behind when the CLI is killed while one is made, and the next up makes it", async () => {
    const before = await backups();
    write("008_lists.sql", "CREATE TABLE devx.lists (id uuid PRIMARY KEY);\n");
    write("008_lists.down.sql", "DROP TABLE devx.lists;\n");
    const locking = sql("BEGIN; LOCK TABLE devx.notes IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(120)").catch(() => undefined);
    const waiting = async () =>
      (await sql("SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted AND relation = 'devx.notes'::regclass"))[0]!.count;
    const up = stack.start("up", "--yes", "--skip-preview");
    await expect.poll(waiting, { timeout: 120_000 }).toBe(1);
    up.process.kill("SIGKILL");
    await up.ended;
    await expect.poll(waiting, { timeout: 15_000 }).toBe(0);
    await sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%' AND pid <> pg_backend_pid()");
    await locking;
    expect(await backups()).toHaveLength(before.length);
    expect(await sql("SELECT to_regclass('devx.lists') IS NULL AS missing")).toEqual([{ missing: true }]);

    await stack.pulumi("cancel", "--yes");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await backups()).toHaveLength(before.length + 1);
    expect(await sql("SELECT to_regclass('devx.lists') IS NULL AS missing")).toEqual([{ missing: false }]);
    await stack.succeed("preview", "--expect-no-changes");
  });

  /** With the variables of the stack's outputs. */
  async function listElsewhere(): Promise<string> {
    const file = join(folder, "backup.env");
    writeFileSync(file, await stack.succeed("stack", "output", "backupVariables", "--show-secrets"), { mode: 0o600 });
    expect(readFileSync(file, "utf8")).toMatch(/^SLIPWAY_BACKUP_KEEP='?daily=7,weekly=12,monthly=12,yearly=5'?$/m);
    const command = `set -a; . "${file}"; "${process.execPath}" "${SLIPWAY}" backup list --system devx`;
    return (await run("sh", ["-c", command])).output;
  }

  it("are listed elsewhere with the variables in the stack's outputs, with the stack's retention", async () => {
    const output = await listElsewhere();
    for (const { id } of await backups()) expect(output).toContain(id);
  });

  it("count after the signing key was replaced if the stack names the former verify key, for the worker as well", async () => {
    const before = await backups();
    const former = formatVerifyKey(parseSigningKey(signingKey).publicKey);
    await stack.succeed("config", "set", "--path", "slipway:backups.maxAgeHours", "1");
    await stack.succeed("config", "set", "--path", "slipway:backups.verifyKeys[0]", former);
    await stack.succeed("config", "set", "--secret", "slipway:backupSigningKey", generateSigningKey().signingKey);
    await stack.succeed("config", "set", "--path", "slipway:devx.repos.api.branch", "after-rotation");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await backups()).toHaveLength(before.length);
    const environment = workerEnvironment();
    expect([environment[BACKUP_VARIABLES.verifyKeys], environment[BACKUP_VARIABLES.signingKey] === signingKey]).toEqual([former, false]);
    const output = await listElsewhere();
    for (const { id } of before) expect(output).toContain(id);
    const listed = await slipway("list", "--system", "devx");
    for (const { id } of before) expect(listed.output).toContain(id);
  });

  it("keep no secret in the state in plain text, and none in the outputs of the step", async () => {
    const state = stack.stateText();
    const env = workerEnvironment();
    const secrets = [signingKey, env[BACKUP_VARIABLES.storeKey]!.split(":")[1]!, env[BACKUP_VARIABLES.offsiteKey]!.split(":")[1]!];
    for (const secret of secrets) expect(state).not.toContain(secret);
    const { deployment } = JSON.parse(await stack.succeed("stack", "export", "--show-secrets")) as {
      deployment: { resources: readonly { type: string; outputs: object }[] };
    };
    const { outputs } = deployment.resources.find(({ type }) => type.endsWith(":Backup"))!;
    for (const secret of secrets) expect(JSON.stringify(outputs)).not.toContain(secret);
  });
});
