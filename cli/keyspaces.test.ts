import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Endpoint } from "../local/cloud/backing.ts";
import { openServers } from "../local/servers/backing.ts";
import { removeHome, runCommand, temporaryHome, valkeyCluster } from "../local/servers/testing/servers.ts";
import { cleanFolders, folderOf, type TestFolder } from "../postdeploy/migrate/testing/folder.ts";
import { main } from "./main.ts";
import { plainStyle } from "./terminal.ts";

const root = process.cwd();
const home = temporaryHome();
const servers = openServers({ home });
let store: Endpoint;
let folder: TestFolder;

beforeAll(async () => {
  store = await servers.startCluster(valkeyCluster("cli"));
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
  cleanFolders();
});
beforeEach(async () => {
  await runCommand(store, ["FLUSHALL"]);
  folder = folderOf({
    "things.yaml": `keyspace: things
store: state
database: 1
durable: true
purpose: What a test needs
keys: [{ pattern: "text:<n>", type: string, ttl: none, owner: test, purpose: p }]
seed: [{ key: "text:a", string: a }, { key: "text:b", string: b }]`,
  });
  writeFileSync(join(folder.path, ".ca.pem"), store.ca);
});

async function run(...words: string[]) {
  const printed: string[] = [];
  const said: string[] = [];
  const io = { print: (text: string) => printed.push(text), say: (text: string) => said.push(text), columns: 80, style: plainStyle };
  const code = await main(["keyspaces", ...words], io as never);
  return { code, out: printed.join("\n"), said: said.join("\n") };
}
const here = (verb: string, ...more: string[]) =>
  run(
    verb,
    "--dir",
    folder.path,
    "--url",
    `rediss://default:AVNS_default@localhost:${store.port}`,
    "--ca",
    `state=${folder.path}/.ca.pem`,
    ...more,
  );

it("plans, seeds, has nothing to do, and verifies; status says by its exit code whether something is pending [C15]", async () => {
  expect((await here("status")).code).toBe(1);
  expect((await here("plan")).out).toContain("things  state, database 1: 2 keys missing, of 2 keys");
  expect((await here("seed")).out).toContain("2 keys written");
  expect((await here("seed")).out).toContain("nothing to do");
  expect(await here("verify")).toMatchObject({ code: 0, out: expect.stringContaining("as declared") });
  expect((await here("status")).code).toBe(0);
});

it("fails a verification where somebody has changed a key, and names it", async () => {
  await here("seed");
  await runCommand(store, ["SET", "text:b", "theirs"], { db: 1 });
  const { code, out } = await here("verify");
  expect(code).toBe(1);
  expect(out).toContain("text:b was changed by another client; it stays as it is");
});

it("prints results and failures as JSON where that is asked for", async () => {
  expect(JSON.parse((await here("seed", "--json")).out)).toMatchObject([{ keyspace: "things", tally: { changes: { write: 2 } } }]);
  const { code, out } = await run(
    "plan",
    "--dir",
    folder.path,
    "--url",
    `rediss://default:no@localhost:${store.port}`,
    "--ca",
    `${folder.path}/.ca.pem`,
    "--json",
  );
  expect([code, JSON.parse(out)]).toMatchObject([2, { error: { code: "wrong-password", exit: 2 } }]);
});

it("says what lives where without a store at hand", async () => {
  const { code, out } = await run("status", "--system", "candlefish");
  expect(code).toBe(0);
  expect(out).toContain("sessions  state, database 0, durable");
  expect(out).toContain("cache:<name>  string  1h");
});

it.each([
  [["sead"], 'There is no "slipway keyspaces sead". Did you mean seed?'],
  [[], "Which verb?"],
  [["seed"], "Which files? --system fluxstudio"],
  [["seed", "--system", "candelfish"], "Did you mean candlefish?"],
  [["seed", "--system", "candlefish"], "Where is state? --url state=rediss://"],
  [["seed", "--system", "candlefish", "--url", "rediss://default:x@h"], "--url is for which store? There are cache, state."],
  [
    ["seed", "--system", "candlefish", "--url", "stage=rediss://default:x@h"],
    '--url is for the store "stage", and there are: cache, state.',
  ],
  [
    ["seed", "--system", "candlefish", "--url", "state=rediss://default:x@h", "--ca", "state=/none.pem"],
    "The CA file /none.pem cannot be read.",
  ],
  [["plan", "--system", "candlefish", "--only", "cache", "--only", "sessions", "--url", "cache=rediss://default:x@h"], "Where is state?"],
  [["seed", "--system", "candlefish", "--patience", "long"], '--patience takes a whole number of seconds, from 0 to 9999, not "long"'],
  [["plan", "--dir", "keyspaces"], "There is no keyspace in keyspaces. Name a folder that has some: --dir keyspaces/candlefish"],
  [["status", "--dir", "keyspaces/devx"], "There is no keyspace in keyspaces/devx: no file such as sessions.yaml."],
  [["plan", "--system", "candlefish", "--only", "sesions", "--url", "state=rediss://default:x@h"], "--url is for the store"],
])("refuses %j with what to type instead", async (words, said) => {
  // A project of its own: the local platform of this one may run.
  const project = mkdtempSync(join(tmpdir(), "slipway keyspaces "));
  writeFileSync(join(project, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  writeFileSync(join(project, "index.ts"), "");
  symlinkSync(join(root, "keyspaces"), join(project, "keyspaces"));
  process.chdir(project);
  const outcome = await run(...words).finally(() => {
    process.chdir(root);
    rmSync(project, { recursive: true });
  });
  expect(outcome.code).toBe(2);
  expect(outcome.said).toContain(said);
});
