import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sendToS3 } from "../../local/api/testing/s3-client.ts";
import { type FaultyProxy, startFaultyProxy } from "../testing/faulty-proxy.ts";
import { removeFolders } from "../testing/fixture.ts";
import { addressOf, KEY, type Spaces, STORE_KEY, startSpaces } from "../testing/spaces.ts";
import { openStore } from "./location.ts";
import type { ObjectStore } from "./object-store.ts";

let spaces: Spaces;
let proxy: FaultyProxy;
let store: ObjectStore;

beforeAll(async () => {
  spaces = await startSpaces(["backups"]);
  proxy = await startFaultyProxy(spaces.url);
  store = await open("backups/prod");
});
beforeEach(() => {
  proxy.fault = () => undefined;
  proxy.requests.length = 0;
});
afterAll(async () => {
  store.close();
  await proxy.close();
  await spaces.close();
  removeFolders();
});

const open = (place: string, key = STORE_KEY) => openStore({ url: addressOf(proxy.url, place), key });
const stream = (bytes: Buffer) => Readable.from(chunksOf(bytes), { objectMode: false });
function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}
const keys = async (prefix = "") => {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) found.push(key);
  return found;
};
const uploads = async () => (await sendToS3(spaces.url, { key: KEY, path: "/backups?uploads" })).text.match(/<UploadId>/g)?.length ?? 0;

describe("an S3 store", () => {
  it("keeps objects of any size under its prefix, and lists, reads and removes them", async () => {
    for (const size of [0, 1, 8 * 2 ** 20, 20 * 2 ** 20 + 7]) {
      const body = randomBytes(size);
      await store.writeStream(`sizes/${size}`, stream(body), { expectedBytes: size });
      expect((await buffer(await store.readStream(`sizes/${size}`))).equals(body)).toBe(true);
    }
    expect(await keys("sizes/")).toHaveLength(4);
    expect((await sendToS3(spaces.url, { key: KEY, path: "/backups/prod/sizes/1" })).status).toBe(200);
    await store.remove("sizes/1");
    await store.remove("sizes/1");
    expect(await store.read("sizes/1")).toBeUndefined();
    await expect(store.readStream("sizes/1")).rejects.toMatchObject({ code: "no-object" });
  });

  it("lists more objects than a page has", async () => {
    const names = Array.from({ length: 1005 }, (_, n) => `many/${String(n).padStart(4, "0")}`);
    await Promise.all(names.map((name) => store.write(name, "x")));
    expect(await keys("many/")).toEqual(names);
  });

  it("stores an object once with each etag, so that only one of two writers wins", async () => {
    expect(await store.write("lease", "one", { absent: true })).toBe(true);
    const { etag } = (await store.read("lease"))!;
    expect(await store.write("lease", "two", { absent: true })).toBe(false);
    expect(await store.write("lease", "two", { etag })).toBe(true);
    expect(await store.write("lease", "three", { etag })).toBe(false);
    const wins = await Promise.all(Array.from({ length: 8 }, (_, n) => store.write("race", `${n}`, { absent: true })));
    expect(wins.filter(Boolean)).toHaveLength(1);
  });

  it.each([
    [
      "500 to every third request",
      (count: number) => (count % 3 === 0 ? { kind: "status", status: 500, code: "InternalError" } : undefined),
    ],
    [
      "503 SlowDown to every other request",
      (count: number) => (count % 2 === 0 ? { kind: "status", status: 503, code: "SlowDown" } : undefined),
    ],
    ["a cut in the middle of the third part", (count: number) => (count === 4 ? { kind: "cut-upload", after: 3_000_000 } : undefined)],
    ["a slow answer", (count: number) => (count === 2 ? { kind: "slow", ms: 1500 } : undefined)],
  ] as const)("repeats what failed after %s, and the object is whole", async (name, faultOf) => {
    const body = randomBytes(18 * 2 ** 20);
    proxy.fault = (_method, _path, count) => faultOf(count) as never;
    await store.writeStream(`faults/${name.length}`, stream(body), { expectedBytes: body.length });
    proxy.fault = () => undefined;
    expect((await buffer(await store.readStream(`faults/${name.length}`))).equals(body)).toBe(true);
    expect(await uploads()).toBe(0);
  });

  it.each([
    ["403 to everything", { kind: "status", status: 403, code: "AccessDenied" }, "needs read and write access"],
    ["500 to every attempt", { kind: "status", status: 500, code: "InternalError" }, "responded with 500"],
    ["a clock that is wrong", { kind: "status", status: 403, code: "RequestTimeTooSkewed" }, "clock of this machine"],
    ["a full store", { kind: "status", status: 507, code: "InsufficientStorage" }, "slipway backup prune"],
  ] as const)("fails after %s with a message that says what to do, and no object appears", async (_name, fault, message) => {
    proxy.fault = (method) => (method === "PUT" || method === "POST" ? fault : undefined);
    const body = randomBytes(9 * 2 ** 20);
    await expect(store.writeStream("refused/data", stream(body), { expectedBytes: 9 })).rejects.toThrow(message);
    await expect(store.write("refused/manifest", "{}")).rejects.toThrow(message);
    proxy.fault = () => undefined;
    expect(await keys("refused/")).toEqual([]);
  });

  it("stores nothing of data that fails before its end, whatever its size", async () => {
    for (const size of [10, 9 * 2 ** 20]) {
      const failing = Readable.from(
        (async function* () {
          yield randomBytes(size);
          throw new Error("the dump was killed");
        })(),
        { objectMode: false },
      );
      await expect(store.writeStream("failing/data", failing, { expectedBytes: size })).rejects.toThrow("the dump was killed");
    }
    for (const size of [300_000, 9 * 2 ** 20]) {
      const cut = Readable.from(chunksOf(randomBytes(size)), { objectMode: false });
      const writing = store.writeStream("failing/data", cut, { expectedBytes: size });
      cut.once("data", () => cut.destroy());
      await expect(writing).rejects.toThrow("ended before its end");
    }
    expect(await keys("failing/")).toEqual([]);
    expect(await uploads()).toBe(0);
  });

  it("fails if a download is cut off", async () => {
    const body = randomBytes(3 * 2 ** 20);
    await store.writeStream("cut/data", stream(body), { expectedBytes: body.length });
    proxy.fault = (method) => (method === "GET" ? { kind: "cut-download", after: 2 ** 20 } : undefined);
    await expect(store.readStream("cut/data").then(buffer)).rejects.toThrow();
  });

  it("explains a wrong key, a missing bucket, and an address that cannot be used", async () => {
    await expect((await open("backups", "unknown:secret")).read("x")).rejects.toThrow("does not know the access key");
    await expect((await open("backups", "owner:wrong")).read("x")).rejects.toThrow("secret key does not belong");
    await expect((await open("missing")).write("x", "y")).rejects.toThrow("the bucket does not exist");
    const refused = async (url: string, key?: string) =>
      openStore({ url, ...(key && { key }) }).then(
        () => "opened",
        ({ message }: Error) => message,
      );
    expect(await refused("s3://backups", "a:b")).toContain("names no region");
    expect(await refused("s3://?region=fra1", "a:b")).toContain("names no bucket");
    expect(await refused("s3://backups?region=fra1&acl=public", "a:b")).toContain('unknown parameter "acl"');
    expect(await refused("s3://backups?region=fra1")).toContain("There is no key");
    expect(await refused("s3://key:secret@backups?region=fra1", "a:b")).toContain(
      "contains a key, which lists of processes and logs would show",
    );
    expect(await refused("https://backups.example")).toContain("neither a folder nor an S3 store");
  });
});
