import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { Endpoint } from "../local/cloud/backing.ts";
import { openServers } from "../local/servers/backing.ts";
import { postgresCluster, removeHome, runCommand, temporaryHome, valkeyCluster } from "../local/servers/testing/servers.ts";
import { candlefish } from "../systems/candlefish.ts";
import { main } from "./main.ts";
import { plainStyle } from "./terminal.ts";

const home = temporaryHome();
const servers = openServers({ home, fsync: false });
const root = process.cwd();
let [postgres, state]: Endpoint[] = [];

beforeAll(async () => {
  const { roles, database } = candlefish.postgres;
  const users = Object.values(roles).map((name) => ({ name, password: `pw_${name}`, replication: false }));
  postgres = await servers.startCluster(postgresCluster("post-deploy", { databases: ["defaultdb", database], users }));
  state = await servers.startCluster(valkeyCluster("state", { config: { valkey_number_of_databases: 3 } }));
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
});
const before = { ...process.env };
beforeEach(() => {
  const { roles, database } = candlefish.postgres;
  const url = (user: string, password: string) =>
    `postgresql://${user}:${password}@localhost:${postgres?.port}/${database}?sslmode=verify-full`;
  Object.assign(process.env, {
    SLIPWAY_ADMIN_URL: url("doadmin", "AVNS_doadmin"),
    SLIPWAY_OWNER_URL: url(roles.owner, `pw_${roles.owner}`),
    SLIPWAY_CA: postgres?.ca,
    SLIPWAY_STORE_STATE_URL: `rediss://default:AVNS_default@localhost:${state?.port}`,
    SLIPWAY_STORE_STATE_CA: state?.ca,
    // Nothing is seeded there, so nobody goes there.
    SLIPWAY_STORE_CACHE_URL: "rediss://default:x@localhost:1",
    SLIPWAY_STORE_CACHE_CA: state?.ca,
  });
});
afterEach(() => {
  process.chdir(root);
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
});

async function postDeploy(...flags: string[]) {
  const printed: string[] = [];
  const io = { print: (text: string) => printed.push(text), say: (text: string) => printed.push(text), columns: 80, style: plainStyle };
  const code = await main(["post-deploy", ...flags], io as never).catch((error: Error) => printed.push(error.message) && 2);
  return { code, printed };
}

it("says in a line each what became of roles, migrations and keyspaces, and that a second run found nothing to do [C15]", async () => {
  const first = await postDeploy("--system", "candlefish", "--cwd", root);
  expect([first.code, first.printed]).toMatchObject([0, expect.anything()]);
  expect(first.printed).toContain("keyspaces   sessions: script put in place: cleanup");
  expect(first.printed.find((line) => line.startsWith("migrations"))).toContain("001_collaboration_schema.sql");
  expect(await runCommand(state as Endpoint, ["HEXISTS", "scripts:sha", "cleanup"])).toBe(1);
  // A folder may be named from where one stands.
  process.chdir(path.dirname(root));
  const again = await postDeploy("--system", "candlefish", "--cwd", path.basename(root));
  expect([again.code, again.printed.filter((line) => !line.startsWith(" "))]).toEqual([
    0,
    ["roles       as they should be", "migrations  nothing pending", "keyspaces   sessions: as declared"],
  ]);
});

it("names every variable that is missing, before it connects to anything", async () => {
  delete process.env.SLIPWAY_CA;
  delete process.env.SLIPWAY_STORE_STATE_URL;
  const { code, printed } = await postDeploy("--system", "candlefish");
  expect([code, printed.join()]).toEqual([2, expect.stringContaining("SLIPWAY_CA, SLIPWAY_STORE_STATE_URL")]);
});
