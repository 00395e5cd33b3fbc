import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { generateSigningKey } from "../../backup/signature.ts";
import { createTestKeys, removeFolders, temporaryFolder } from "../../backup/testing/fixture.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { DATABASE_URL } from "../../catalog/connection-variables.ts";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, runCommand, temporaryHome, valkeyCluster } from "../../local/servers/testing/servers.ts";
import { candlefish } from "../../systems/candlefish.ts";
import type { System } from "../../systems/definition.ts";
import { devx } from "../../systems/devx.ts";
import { slipway, startSlipway } from "../testing/slipway.ts";

const home = temporaryHome();
const servers = openServers({ home, fsync: false });
const root = process.cwd();
let [postgres, state]: Endpoint[] = [];

beforeAll(async () => {
  const users = [candlefish, devx]
    .flatMap(({ postgres: { roles } }) => Object.values(roles))
    .map((name) => ({ name, password: `pw_${name}`, replication: false }));
  const databases = ["defaultdb", candlefish.postgres.database, devx.postgres.database];
  postgres = await servers.startCluster(postgresCluster("post-deploy", { databases, users }));
  state = await servers.startCluster(valkeyCluster("state", { config: { valkey_number_of_databases: 3 } }));
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
  removeFolders();
});
const before = { ...process.env };
/** As in the job's component of the app. */
function databaseVariables({ postgres: { roles, database } }: System): Record<string, string> {
  const url = (user: string, password: string) =>
    `postgresql://${user}:${password}@localhost:${postgres?.port}/${database}?sslmode=verify-full`;
  return {
    SLIPWAY_ADMIN_URL: url("doadmin", "AVNS_doadmin"),
    SLIPWAY_OWNER_URL: url(roles.owner, `pw_${roles.owner}`),
    SLIPWAY_CA: postgres!.ca,
  };
}
beforeEach(() => {
  Object.assign(process.env, {
    ...databaseVariables(candlefish),
    SLIPWAY_STORE_STATE_URL: `rediss://default:AVNS_default@localhost:${state?.port}`,
    SLIPWAY_STORE_STATE_CA: state?.ca,
    // Nothing is seeded in this store, so slipway does not connect to it.
    SLIPWAY_STORE_CACHE_URL: "rediss://default:x@localhost:1",
    SLIPWAY_STORE_CACHE_CA: state?.ca,
  });
});
afterEach(() => {
  process.chdir(root);
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
});

async function postDeploy(...flags: string[]) {
  const { code, stdout, stderr } = await slipway(["post-deploy", ...flags]);
  return { code, stderr, printed: stdout.split("\n") };
}

it("prints a line each for roles, migrations and keyspaces, and a second run changes nothing [C15]", async () => {
  const first = await postDeploy("--system", "candlefish", "--cwd", root);
  expect([first.code, first.printed]).toMatchObject([0, expect.anything()]);
  expect(first.printed).toContain("keyspaces   sessions: script loaded: cleanup");
  expect(first.printed.find((line) => line.startsWith("migrations"))).toContain("001_collaboration_schema.sql");
  expect(await runCommand(state as Endpoint, ["HEXISTS", "scripts:sha", "cleanup"])).toBe(1);
  // --cwd may be a relative path.
  process.chdir(path.dirname(root));
  const again = await postDeploy("--system", "candlefish", "--cwd", path.basename(root));
  expect([again.code, again.printed.filter((line) => !line.startsWith(" "))]).toEqual([
    0,
    ["roles       up to date", "migrations  nothing pending", "keyspaces   sessions: up to date"],
  ]);
});

it("seeds a store again that lost all keys and scripts, until `keyspaces verify` finds no problem", async () => {
  const verify = () =>
    slipway(["keyspaces", "verify", "--dir", path.join(root, "keyspaces/candlefish"), "--only", "sessions", "--only", "userData"]);
  await postDeploy("--system", "candlefish", "--cwd", root);
  expect(await verify()).toMatchObject({ code: 0 });
  await runCommand(state as Endpoint, ["FLUSHALL"]);
  await runCommand(state as Endpoint, ["SCRIPT", "FLUSH"]);
  expect(await verify()).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/Database 0 of .* it was flushed[\s\S]*Database 2 of .* it was flushed/),
  });
  const again = await postDeploy("--system", "candlefish", "--cwd", root);
  expect([again.code, again.printed]).toEqual([0, expect.arrayContaining(["keyspaces   sessions: script loaded: cleanup"])]);
  expect(await verify()).toMatchObject({ code: 0 });
});

it("applies each file once when the jobs of four instances start together, and each job succeeds [D27]", async () => {
  const variables = { ...(process.env as Record<string, string>), ...databaseVariables(devx) };
  const jobs = await Promise.all(
    Array.from({ length: 4 }, () => startSlipway(["post-deploy", "--system", "devx", "--cwd", root], variables)),
  );
  expect(jobs.map(({ code, stderr }) => [code, stderr])).toEqual(jobs.map(() => [0, ""]));
  const as = { user: devx.postgres.roles.owner, password: `pw_${devx.postgres.roles.owner}`, database: devx.postgres.database };
  const applied = await query(postgres as Endpoint, "SELECT file FROM slipway.events WHERE kind = 'applied' ORDER BY file", as);
  expect(applied.map(({ file }) => file)).toEqual([
    "001_create_base_schema.sql",
    "002_add_api_keys_table.sql",
    "003_api_keys_never_in_clear.sql",
  ]);
});

it("names every missing variable before it connects to a server", async () => {
  delete process.env.SLIPWAY_CA;
  delete process.env.SLIPWAY_STORE_STATE_URL;
  const { code, stderr } = await postDeploy("--system", "candlefish");
  expect([code, stderr]).toEqual([2, expect.stringContaining("SLIPWAY_CA, SLIPWAY_STORE_STATE_URL")]);
});

async function setBackupVariables(store: string): Promise<void> {
  const { recipient } = await createTestKeys();
  const { roles, database } = candlefish.postgres;
  Object.assign(process.env, {
    [DATABASE_URL]: `postgresql://${roles.backup}:pw_${roles.backup}@localhost:${postgres?.port}/${database}?sslmode=verify-full`,
    [BACKUP_VARIABLES.store]: store,
    [BACKUP_VARIABLES.recipients]: recipient,
    [BACKUP_VARIABLES.signingKey]: generateSigningKey().signingKey,
  });
}

it("makes a verified backup of the database and of each durable store before migrations, unless there is a recent one", async () => {
  await postDeploy("--system", "candlefish", "--cwd", root);
  await setBackupVariables(temporaryFolder());
  const back = async (hours: string) => {
    const { code, printed, stderr } = await postDeploy("--system", "candlefish", "--cwd", root, "--backup", hours);
    expect(code, stderr).toBe(0);
    expect(printed.findIndex((line) => line.startsWith("backup"))).toBeLessThan(printed.findIndex((line) => line.startsWith("migrations")));
    return printed.filter((line) => line.startsWith("backup"));
  };
  const ID = String.raw`\d{8}T\d{6}Z-[0-9a-f]{8}`;
  const lines = (verb: string, rest: string) => [
    expect.stringMatching(new RegExp(`^backup {6}${verb}candlefish/postgres/${ID}${rest}$`)),
    expect.stringMatching(new RegExp(`^backup {6}${verb}candlefish/valkey-state/${ID}${rest}$`)),
  ];
  expect(await back("1")).toEqual(lines("made ", ""));
  expect(await back("1")).toEqual(lines("", " is recent enough"));
  expect(await back("0")).toEqual(lines("made ", ""));
});

it("changes nothing where the backup fails, and asks where to store it if no place is named", async () => {
  const file = path.join(temporaryFolder(), "a file");
  writeFileSync(file, "");
  await setBackupVariables(file);
  const failed = await postDeploy("--system", "candlefish", "--cwd", root, "--backup", "0");
  expect([failed.code, failed.printed.filter((line) => /^(migrations|keyspaces)/.test(line))]).toEqual([expect.any(Number), []]);
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toContain(file);
  delete process.env[BACKUP_VARIABLES.store];
  const unnamed = await postDeploy("--system", "candlefish", "--cwd", root, "--backup", "0");
  expect([unnamed.code, unnamed.stderr]).toEqual([2, expect.stringContaining("Set SLIPWAY_BACKUP_STORE")]);
});
