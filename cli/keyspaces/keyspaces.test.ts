import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { removeHome, runCommand, temporaryHome, valkeyCluster } from "../../local/servers/testing/servers.ts";
import { isSeeded, readKeyspaces } from "../../postdeploy/keyspaces/index.ts";
import { cleanFolders, folderOf, type TestFolder } from "../../postdeploy/migrate/testing/folder.ts";
import { systems } from "../../systems/index.ts";
import { root, slipway } from "../testing/slipway.ts";

const home = temporaryHome();
const servers = openServers({ home });
/** A system of this repository with keyspaces in two stores, of which one has something to seed. */
const declared = systems.map(({ name }) => ({ name, keyspaces: readKeyspaces(join(root, "keyspaces", name), name) }));
const { name: system, keyspaces } = declared.find((one) => new Set(one.keyspaces.map(({ store }) => store)).size > 1)!;
const stores = [...new Set(keyspaces.map(({ store }) => store))];
const seeded = keyspaces.find(isSeeded)!.store;
const other = stores.find((name) => name !== seeded);

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

const run = (...words: string[]) => slipway(["keyspaces", ...words]);
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

it("plans, seeds once and verifies; the exit code of status says whether something is pending", async () => {
  expect((await here("status")).code).toBe(1);
  expect((await here("plan")).stdout).toContain("things  state, database 1: 2 keys missing, of 2 keys");
  expect((await here("seed")).stdout).toContain("2 keys written");
  expect((await here("seed")).stdout).toContain("nothing to do");
  expect(await here("verify")).toMatchObject({ code: 0, stdout: expect.stringContaining("as declared") });
  expect((await here("status")).code).toBe(0);
});

it("fails a verification where another client changed a key, and names the key", async () => {
  await here("seed");
  await runCommand(store, ["SET", "text:b", "theirs"], { db: 1 });
  const { code, stdout } = await here("verify");
  expect(code).toBe(1);
  expect(stdout).toContain("text:b was changed by another client; it is kept");
});

it("prints results and errors as JSON with --json", async () => {
  expect(JSON.parse((await here("seed", "--json")).stdout)).toMatchObject([{ keyspace: "things", tally: { changes: { write: 2 } } }]);
  const { code, stdout } = await run(
    "plan",
    "--dir",
    folder.path,
    "--url",
    `rediss://default:no@localhost:${store.port}`,
    "--ca",
    `${folder.path}/.ca.pem`,
    "--json",
  );
  expect([code, JSON.parse(stdout)]).toMatchObject([2, { error: { code: "wrong-password", exit: 2 } }]);
});

it("prints the declared keyspaces without a store", async () => {
  const { code, stdout } = await run("status", "--dir", join(root, "keyspaces", system));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\S+ {2}\S+, database \d+, (not )?durable\n {2}\S.*\n {2}\S+ +(string|hash|list|set|zset|stream) /m);
});

it.each([
  [["sead"], 'There is no command "slipway keyspaces sead". Did you mean slipway keyspaces seed?'],
  [[], "slipway keyspaces needs a command: status, plan, seed, verify, export, call."],
  [["seed"], `Which files? --system ${systems[0]?.name}`],
  [["seed", "--system", `${system}s`], `Did you mean ${system}?`],
  [["seed", "--system", system], `Which URL has ${seeded}? --url ${seeded}=rediss://`],
  [["seed", "--system", system, "--url", "rediss://default:x@h"], `Which store is --url for? There are: ${stores.join(", ")}.`],
  [["seed", "--system", system, "--url", "stage=rediss://default:x@h"], `--url names the store "stage". There are: ${stores.join(", ")}.`],
  [
    ["seed", "--system", system, "--url", `${seeded}=rediss://default:x@h`, "--ca", `${seeded}=/none.pem`],
    "The CA file /none.pem cannot be read.",
  ],
  [["plan", "--system", system, "--url", `${other}=rediss://default:x@h`], `Which URL has ${seeded}?`],
  [["seed", "--system", system, "--patience", "long"], '--patience takes a whole number of seconds, from 0 to 9999, not "long"'],
  [["plan", "--dir", "keyspaces"], /^There is no keyspace in keyspaces\. Name a folder that has some: .*--dir keyspaces\/\w+/],
  [["status", "--dir", "empty"], "There is no keyspace in empty: no file such as sessions.yaml."],
  [["plan", "--system", system, "--only", "sesions", "--url", `${seeded}=rediss://default:x@h`], "--url names the store"],
])("%j exits with 2 and prints what to type", async (words, message) => {
  // A project of its own: the local platform of this one may be running.
  const project = mkdtempSync(join(tmpdir(), "slipway keyspaces "));
  writeFileSync(join(project, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  writeFileSync(join(project, "index.ts"), "");
  symlinkSync(join(root, "keyspaces"), join(project, "keyspaces"));
  mkdirSync(join(project, "empty"));
  process.chdir(project);
  const outcome = await run(...words).finally(() => {
    process.chdir(root);
    rmSync(project, { recursive: true });
  });
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toEqual(typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message));
});
