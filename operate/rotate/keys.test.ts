/** The rotation of keys, against the local API. The deployment is played by the test: tests/engine/bucket.test.ts has one of Pulumi. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Api, startApi } from "../../local/api/server.ts";
import { type Cloud, openCloud } from "../../local/cloud/open-cloud.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { createBucket } from "../../local/cloud/spaces/buckets.ts";
import { openAccount } from "./account.ts";
import { RotateError } from "./error.ts";
import { type KeyRotationSubject, rotateKeys } from "./keys.ts";

const TOKEN = "a token for tests";
const TODAY = "2026-12-03";
/** Of two stacks in one account, whose program gives their keys the same name. */
const PROD = "shop-uploads";
const STAGING = "shop-uploads-staging";
const KEY = "shop-uploads-key";

let folder: string;
let cloud: Cloud;
let api: Api;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway keys "));
  writeFileSync(join(folder, "Pulumi.prod.yaml"), "config:\n  slipway:region: nyc1\n");
  cloud = await openCloud({ directory: join(folder, "cloud"), timings: "instant", backing: recordOnly });
  api = await startApi({ cloud, token: TOKEN });
  for (const bucket of [PROD, STAGING]) {
    createBucket(cloud, bucket, "nyc3", "private");
    await create(KEY, bucket);
  }
});
afterEach(async () => {
  await api.close();
  await cloud.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(method: string, path: string, body?: object): Promise<unknown> {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  const reply = await fetch(`${api.url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
  return reply.status === 204 ? undefined : await reply.json();
}

const create = (name: string, bucket: string) => call("POST", "/v2/spaces/keys", { name, grants: [{ bucket, permission: "readwrite" }] });

interface Key {
  readonly name: string;
  readonly access_key: string;
  readonly grants: readonly { readonly bucket: string }[];
}
const keysOf = async (bucket: string): Promise<readonly Key[]> =>
  ((await call("GET", "/v2/spaces/keys")) as { keys: readonly Key[] }).keys.filter(({ grants }) =>
    grants.some((one) => one.bucket === bucket),
  );

const file = () => join(folder, "Pulumi.prod.yaml");
const isWritten = () => readFileSync(file(), "utf8").includes(`slipway:keysRotated: "${TODAY}"`);

function run(deploy: () => Promise<void>, changes: Partial<KeyRotationSubject> = {}): Promise<readonly string[]> {
  const subject: KeyRotationSubject = {
    file: { path: file(), name: "Pulumi.prod.yaml" },
    rotated: "never",
    buckets: [PROD],
    account: openAccount({ endpoint: api.url, token: TOKEN }),
    deployer: { requireNoChanges: async () => {}, deploy },
    ...changes,
  };
  return rotateKeys(subject, { today: TODAY, report: () => {} });
}

async function replaceKey(): Promise<void> {
  const old = await keysOf(PROD);
  await create(`${KEY}-${TODAY}`, PROD);
  for (const { access_key: id } of old) await call("DELETE", `/v2/spaces/keys/${id}`);
}

it("looks at the keys of the stack's own buckets, and not at those of another stack with the same name", async () => {
  expect(
    await run(async () => {
      expect(isWritten()).toBe(true);
      await replaceKey();
    }),
  ).toEqual([`${KEY}-${TODAY}`]);
  expect((await keysOf(STAGING)).map(({ name }) => name)).toEqual([KEY]);
});

it("fails where the deployment made no key, or left the old one, and says what to do", async () => {
  await expect(run(async () => {})).rejects.toThrow(`The account has no key of ${TODAY} after the deployment.`);
  const left = run(async () => void (await create(`${KEY}-${TODAY}`, PROD)), { rotated: TODAY });
  await expect(left).rejects.toThrow(`The account still has ${KEY} after the deployment.`);
});

it("changes nothing while the program has changes that are not deployed, and on the same day it continues", async () => {
  const requireNoChanges = async () => {
    throw new RotateError("not deployed");
  };
  await expect(run(replaceKey, { deployer: { requireNoChanges, deploy: replaceKey } })).rejects.toThrow("not deployed");
  expect([isWritten(), (await keysOf(PROD)).map(({ name }) => name)]).toEqual([false, [KEY]]);
  expect(await run(replaceKey, { rotated: TODAY, deployer: { requireNoChanges, deploy: replaceKey } })).toEqual([`${KEY}-${TODAY}`]);
});
