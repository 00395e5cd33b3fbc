import { expect, it } from "vitest";
import type { ApiClient } from "./api.ts";
import type { Missing } from "./comparison.ts";
import { TYPES } from "./kinds.ts";
import { readStatusOf, waitUntilOnline } from "./readiness.ts";

const cluster: Missing = { urn: "urn:c", type: TYPES.cluster, name: "orders", importId: "c1", status: "creating" };
const replica: Missing = { urn: "urn:r", type: TYPES.replica, name: "orders-read", importId: "c1,orders-read", status: "forking" };
const app: Missing = { urn: "urn:a", type: TYPES.app, name: "shop", importId: "a1" };

function observe(statuses: Readonly<Record<string, readonly (string | undefined)[]>>) {
  const [requested, reported, pauses]: [string[], string[], number[]] = [[], [], []];
  const options = {
    readStatus: async ({ name }: Missing) => {
      requested.push(name);
      return statuses[name]![Math.min(requested.filter((one) => one === name).length, statuses[name]!.length) - 1];
    },
    report: (line: string) => reported.push(line),
    pause: async (milliseconds: number) => pauses.push(milliseconds),
  };
  return { options, requested, reported, pauses };
}

it("polls every 15 seconds, with one request for each cluster that is not online", async () => {
  const { options, requested, reported, pauses } = observe({
    orders: ["creating", "online"],
    "orders-read": ["forking", "forking", undefined],
  });
  expect(await waitUntilOnline([cluster, replica, app], options)).toBe(true);
  expect(requested).toEqual(["orders", "orders-read", "orders", "orders-read", "orders-read"]);
  expect(pauses).toEqual([15_000, 15_000, 15_000]);
  expect(reported).toEqual([
    "Waiting until it is online: orders (creating), orders-read (forking)",
    "Waiting until it is online: orders-read (forking)",
  ]);
});

it("does not wait where everything is online", async () => {
  const { options, requested, pauses } = observe({});
  expect(await waitUntilOnline([app], options)).toBe(false);
  expect([requested, pauses]).toEqual([[], []]);
});

it("gives up after an hour, far below the rate limit of DigitalOcean", async () => {
  const { options, requested } = observe({ orders: ["creating"] });
  await expect(waitUntilOnline([cluster], options)).rejects.toThrow("Not online after an hour: orders (creating). See https://");
  expect(requested).toHaveLength(240);
});

it("reads the status of a cluster and of a replica", async () => {
  const replies: Readonly<Record<string, object>> = {
    "/v2/databases/c1": { database: { status: "creating", connection: { password: "p" } } },
    "/v2/databases/c1/replicas/orders-read": { replica: { status: "forking" } },
  };
  const api: ApiClient = { get: async (path) => replies[path] as never, list: async () => [], listIfSupported: async () => [] };
  expect(await readStatusOf(api, cluster)).toBe("creating");
  expect(await readStatusOf(api, replica)).toBe("forking");
  expect(await readStatusOf(api, { ...cluster, importId: "gone" })).toBeUndefined();
});
