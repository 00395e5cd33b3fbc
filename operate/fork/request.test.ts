import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fault } from "../../local/api/faults.ts";
import { createCluster, POSTGRES, startTestApi, type TestApi, TOKEN } from "../../local/api/testing/api.ts";
import { allClusters } from "../../local/cloud/databases/cluster.ts";
import { type Json, openApi } from "../recover/api.ts";
import { type Cluster, findSource, listClusters } from "./clusters.ts";
import { requestFork } from "./request.ts";
import { openWriter } from "./writer.ts";

const RULES = [{ type: "ip_addr", value: "203.0.113.9", description: "the office" }];
let api: TestApi;
let source: Cluster;
let pauses: number[];
let reports: string[];

beforeEach(async () => {
  api = await startTestApi();
  [pauses, reports] = [[], []];
  await createCluster(api);
  await api.cloud.idle();
  source = findSource(await listClusters(client()), POSTGRES.name);
});
afterEach(() => api.api.faults.clear());

const pause = async (milliseconds: number) => pauses.push(milliseconds);
const client = () => openApi({ endpoint: api.api.url, token: TOKEN, pause });
const forks = () => allClusters(api.cloud).filter(({ name }) => name === "pg-fork");
const add = (fault: Fault["fault"], times = 1, match = "POST /v2/databases") => api.api.faults.add({ match, times, fault });

function request({ token = TOKEN, endpoint = api.api.url } = {}) {
  const writer = openWriter({ endpoint, token, pause });
  const wanted = { source, name: "pg-fork", time: new Date("2026-12-01T10:30:00Z"), rules: RULES };
  return requestFork(wanted, { api: client(), writer, report: (line) => reports.push(line), pause });
}

describe("the request for a fork", () => {
  it("has the size, network and trusted sources of the source, and follows DigitalOcean's API document", async () => {
    let sent: Json = {};
    const writer = {
      send: async (_: string, __: string, body: Json) => {
        sent = body;
        return { kind: "done", body: { database: { id: "new" } } } as const;
      },
    };
    await requestFork(
      { source, name: "pg-fork", time: new Date("2026-12-01T10:30:00Z"), rules: RULES },
      { api: client(), writer, report: () => {}, pause },
    );
    expect(sent).toMatchObject({
      ...{ ...POSTGRES, name: "pg-fork", rules: RULES, private_network_uuid: source.network, storage_size_mib: source.storageMib },
      backup_restore: { database_name: POSTGRES.name, backup_created_at: "2026-12-01T10:30:00Z" },
    });
    const { status, body } = await api.call("POST", "/v2/databases", sent);
    expect([status, body.database.status]).toEqual([201, "forking"]);
    expect(forks()[0]).toMatchObject({ forkOf: source.id, rules: [expect.objectContaining(RULES[0]!)] });
  });

  /** Every fault that leaves the outcome unknown, and pairs of them. */
  const lost: Record<string, Fault["fault"]> = {
    "dropped before": { drop: "before-commit" },
    "dropped after": { drop: "after-commit" },
    "status 500": { answer: 500 },
    "status 503": { answer: 503 },
    "an empty reply": { reply: "empty" },
    "half a reply": { reply: "half" },
  };
  const pairs = Object.keys(lost).flatMap((one) => Object.keys(lost).map((other) => [one, other] as const));

  it.each(pairs)("creates one cluster after %s, then %s", async (one, other) => {
    add(lost[one]!);
    api.api.faults.add({ match: "POST /v2/databases", after: 1, times: 1, fault: lost[other]! });
    const created = await request();
    expect(forks().map(({ id }) => id)).toEqual([created.id]);
    expect(reports[0]).toMatch(/^The request for pg-fork has no usable reply \(.+\)\. Looking for a cluster/);
  });

  it("waits as long as a 429 asks for, and sends it again", async () => {
    add({ answer: 429, retryAfterSeconds: 7 }, 2);
    await request();
    expect([forks().length, pauses]).toEqual([1, [7000, 7000]]);
  });

  it("finds a cluster that appears in the list only later", async () => {
    add({ drop: "after-commit" });
    add({ answer: 404 }, 2, "GET /v2/databases");
    const created = await request();
    expect(forks().map(({ id }) => id)).toEqual([created.id]);
    expect(pauses).toEqual([2000, 5000, 10_000]);
  });

  it("finds the cluster of a first attempt that DigitalOcean executed late, when the second is refused", async () => {
    add({ drop: "after-commit" });
    add({ answer: 404 }, 3, "GET /v2/databases");
    const created = await request();
    expect(forks().map(({ id }) => id)).toEqual([created.id]);
  });

  it("ends with exit code 3 and the command to look for a cluster, if the outcome stays unknown", async () => {
    add({ answer: 502 }, 99);
    await expect(request()).rejects.toMatchObject({
      exit: 3,
      message: expect.stringMatching(/did not confirm the fork in 5 attempts \(status 502\).*doctl databases list$/),
    });
    expect(forks()).toEqual([]);
  });

  it.each([
    [401, /answered 401 to POST \/v2\/databases: the token is not valid/],
    [403, /answered 403 to POST \/v2\/databases: the token lacks a scope/],
    [404, /^DigitalOcean refused to fork pg-test as of 2026-12-01T10:30:00Z \(404\).* Nothing was created\..* doctl databases backups /],
    [422, /^DigitalOcean refused to fork pg-test .*\(422\).* Nothing was created/],
  ])("is not repeated after a %i", async (answer, message) => {
    add({ answer }, 99);
    await expect(request()).rejects.toThrow(message);
    expect([pauses, forks()]).toEqual([[], []]);
  });

  it("is refused with DigitalOcean's own message", async () => {
    source = { ...source, size: "db-s-64vcpu" };
    await expect(request()).rejects.toThrow(/\(422\): invalid size\. Nothing was created/);
    source = { ...source, name: "gone" };
    await expect(request()).rejects.toThrow(/\(422\): invalid size|\(404\): cluster gone not found/);
  });

  it("gives up after five 429s", async () => {
    add({ answer: 429 }, 99);
    await expect(request()).rejects.toThrow(/answered 429 to POST \/v2\/databases 5 times: the rate limit/);
    expect(forks()).toEqual([]);
  });

  it("reports a token that is wrong", async () => {
    await expect(request({ token: "wrong" })).rejects.toThrow("answered 401 to POST /v2/databases");
  });
});
