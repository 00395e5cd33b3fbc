import { beforeEach, describe, expect, it } from "vitest";
import type { ApiClient } from "../recover/api.ts";
import { waitUntilCreated } from "./wait.ts";

let reports: string[];
let waited: number;
beforeEach(() => {
  [reports, waited] = [[], 0];
});

/** @param statuses of one look after the other, the last one from then on; undefined for a 404 */
function waitFor(statuses: readonly (string | undefined)[], minutes = 60) {
  let look = 0;
  const get = async () => {
    const status = statuses[Math.min(look++, statuses.length - 1)];
    return status === undefined ? undefined : { database: { id: "f1", name: "shop-fork", status, connection: { password: "hunter2" } } };
  };
  const api: ApiClient = { get, list: async () => [], listIfSupported: async () => [] };
  const pause = async (milliseconds: number) => {
    waited += milliseconds;
  };
  const report = (line: string) => reports.push(line);
  return waitUntilCreated({ id: "f1", name: "shop-fork" }, { api, minutes, report, pause, resume: "slipway backup fork --resume" });
}

describe("the wait for a fork", () => {
  it("ends when it is online, and reports the progress once a minute", async () => {
    const created = await waitFor([...Array(4).fill("creating"), ...Array(5).fill("forking"), "online"]);
    expect(created).toMatchObject({ id: "f1", status: "online" });
    expect(JSON.stringify(created)).not.toContain("hunter2");
    expect(reports).toEqual([
      "shop-fork: creating, 0 of at most 60 minutes",
      "shop-fork: forking, 1 of at most 60 minutes",
      "shop-fork: forking, 2 of at most 60 minutes",
    ]);
  });

  it.each(["creating", "forking", "resizing", "migrating"])(
    "is bounded while it is %s, and names how to go on and how to delete it",
    async (status) => {
      await expect(waitFor([status], 10)).rejects.toMatchObject({
        exit: 75,
        message: `Cluster shop-fork (f1) is still ${status} after 10 minutes. DigitalOcean goes on, and it costs money. Go on waiting, or delete it:\n  slipway backup fork --resume\n  doctl databases delete f1`,
      });
      expect(waited).toBe(600_000);
    },
  );

  it.each(["error", "failed", "poweroff", ""])("ends in the status %j, which is none of a new cluster", async (status) => {
    await expect(waitFor(["creating", status])).rejects.toMatchObject({
      exit: 1,
      message: expect.stringMatching(/has the status ".*", so the fork failed\. It may cost money[\s\S]+doctl databases delete f1$/),
    });
  });

  it("ends if the cluster is deleted, and not if it is missing from one reply", async () => {
    await expect(waitFor(["forking", undefined])).rejects.toThrow("Cluster shop-fork (f1) does not exist any more");
    expect(await waitFor([undefined, undefined, "forking", undefined, "online"])).toMatchObject({ status: "online" });
  });
});
