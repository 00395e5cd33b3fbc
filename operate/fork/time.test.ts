import { beforeEach, describe, expect, it } from "vitest";
import { createCluster, startTestApi, type TestApi, TOKEN } from "../../local/api/testing/api.ts";
import { openApi } from "../recover/api.ts";
import { listClusters } from "./clusters.ts";
import { checkPointInTime, formatTime, parsePointInTime } from "./time.ts";

describe("the time of --point-in-time", () => {
  it.each([
    ["2026-12-01T10:30:00Z", "2026-12-01T10:30:00Z"],
    ["2026-12-01 10:30Z", "2026-12-01T10:30:00Z"],
    ["2026-12-01t10:30:00z", "2026-12-01T10:30:00Z"],
    ["2026-12-01T10:30:00.999Z", "2026-12-01T10:30:00Z"],
    ["2026-12-01T10:30:00+02:00", "2026-12-01T08:30:00Z"],
    ["2026-12-01T00:30:00-0930", "2026-12-01T10:00:00Z"],
    ["2028-02-29T00:00:00+14:00", "2028-02-28T10:00:00Z"],
  ])("%s is %s", (text, expected) => expect(formatTime(parsePointInTime(text))).toBe(expected));

  it.each([
    ["", "is not a time"],
    ["yesterday", "is not a time"],
    ["2026-12-01", "is not a time"],
    ["1764585000", "is not a time"],
    ["01/12/2026 10:30Z", "is not a time"],
    ["2026-12-01T10:30:00", "has no time zone"],
    ["2026-12-01 10:30", "has no time zone"],
    ["2026-12-01T10:30:00 CET", "is not a time"],
    ["2026-02-29T10:30:00Z", "does not exist in the calendar"],
    ["2026-04-31T10:30:00+02:00", "does not exist in the calendar"],
    ["2026-13-01T10:30:00Z", "does not exist in the calendar"],
    ["2026-12-01T24:30:00Z", "does not exist in the calendar"],
    ["2026-12-01T10:61:00Z", "does not exist in the calendar"],
    ["2026-12-01T10:30:00+99:00", "does not exist in the calendar"],
    ["2026-12-01T10:30:00Z; rm", "is not a time"],
  ])("%j is refused with an example", (text, reason) => {
    expect(() => parsePointInTime(text)).toThrow(new RegExp(`^--point-in-time: ".*" ${reason}.*Write it so: 2026-12-01T10:30:00Z`));
  });
});

describe("what DigitalOcean keeps", () => {
  const CREATED = Date.parse("2026-11-10T06:00:00Z");
  const HOUR = 3_600_000;
  let api: TestApi;
  let clock: number;
  beforeEach(async () => {
    clock = CREATED;
    api = await startTestApi({ now: () => clock });
    await createCluster(api);
  });

  async function check(time: number, now: number) {
    clock = now;
    const client = openApi({ endpoint: api.api.url, token: TOKEN });
    const [source] = await listClusters(client);
    return await checkPointInTime(new Date(time), { api: client, source: source!, now: new Date(now) }).then(
      () => "accepted",
      (error: Error) => error.message,
    );
  }

  it("ends seven days ago, and at the oldest backup, whatever the age of the cluster", async () => {
    for (const age of [1, 5, 30, 24 * 3, 24 * 6.5, 24 * 20].map((hours) => hours * HOUR)) {
      const now = CREATED + age;
      for (let back = 0; back <= 24 * 9; back += 5) {
        const time = now - back * HOUR;
        // The local API keeps a backup for each of the last seven days of the cluster.
        const oldest = CREATED + Math.max(0, Math.floor(age / (24 * HOUR)) - 6) * 24 * HOUR;
        const expected = back > 24 * 7 ? "is more than 7 days ago" : time < oldest ? "is before the oldest backup" : "accepted";
        expect([age / HOUR, back, await check(time, now)]).toEqual([age / HOUR, back, expect.stringContaining(expected)]);
      }
    }
  });

  it("does not reach into the future", async () => {
    expect(await check(CREATED + 2 * HOUR, CREATED + HOUR)).toBe(
      "--point-in-time: 2026-11-10T08:00:00Z is in the future. It is 2026-11-10T07:00:00Z now, by the clock of this machine.",
    );
  });

  it("is nothing before the first backup", async () => {
    const api = { get: async () => ({ backups: [] }), list: async () => [], listIfSupported: async () => [] };
    const source = { id: "c1", name: "shop" } as Parameters<typeof checkPointInTime>[1]["source"];
    await expect(checkPointInTime(new Date(CREATED), { api, source, now: new Date(CREATED) })).rejects.toThrow(
      /has no backup of shop yet.* doctl databases backups c1$/,
    );
  });
});
