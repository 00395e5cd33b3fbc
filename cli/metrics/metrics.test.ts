import { afterEach, expect, it, vi } from "vitest";
import { slipway } from "../testing/slipway.ts";

afterEach(() => vi.unstubAllEnvs());

it("serves to other machines only with a token", async () => {
  vi.stubEnv("SLIPWAY_METRICS_TOKEN", "");
  expect(await slipway(["metrics", "--host", "0.0.0.0"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Other machines reach 0.0.0.0, and the metrics name databases and roles. Set SLIPWAY_METRICS_TOKEN"),
  });
});

it("prints rules and a dashboard without anything to examine, and refuses two at once", async () => {
  const [rules, dashboard] = [await slipway(["metrics", "--rules"]), await slipway(["metrics", "--dashboard"])];
  expect([rules.code, dashboard.code]).toEqual([0, 0]);
  expect(JSON.parse(rules.stdout)).toMatchObject({ groups: [{ name: "slipway" }] });
  expect(JSON.parse(dashboard.stdout)).toMatchObject({ title: "slipway", schemaVersion: 39 });
  expect(await slipway(["metrics", "--rules", "--once"])).toMatchObject({ code: 2 });
});
