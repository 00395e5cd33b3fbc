import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
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
