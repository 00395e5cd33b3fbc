import * as pulumi from "@pulumi/pulumi";
import * as state from "@pulumi/pulumi/runtime/state.js";
import { expect, it } from "vitest";
import { Secret } from "../engine/plan.ts";
import { record } from "../engine/record.ts";
import { operatorSecret, readSettings } from "./read.ts";
import type { Settings } from "./settings.ts";
import { harbour } from "./testing/fixture.ts";

const place = { project: "slipway", stack: "staging" };
const usable = { "slipway:allowedSources": '["203.0.113.10"]', "slipway:postgres": '{"version":"16"}' };
const signIn = { ...usable, "slipway:harbour": '{"features":["google"]}', "slipway:harbourGoogleClientId": "1234.apps.example.com" };
const KEY = "slipway:harbourGoogleClientSecret";

it("reads the stack's config from Pulumi, its project and stack included", async () => {
  let settings: Settings | undefined;
  await record(
    function program() {
      settings = readSettings([harbour]);
    },
    { ...place, config: usable },
  );
  expect(settings).toMatchObject({ ...place, environment: "staging", allowedSources: ["203.0.113.10"] });
});

it("ends a run with the message alone", async () => {
  const run = record(() => void readSettings([harbour]), { ...place, config: { ...usable, "slipway:region": "nyc" } });
  await expect(run).rejects.toThrow(/^1 problem in the settings of stack "staging"\./);
  await expect(run).rejects.not.toThrow(/\.ts:\d/);
});

it("throws what Pulumi prints without a stack trace", async () => {
  let thrown: unknown;
  await record(
    function program() {
      try {
        readSettings([harbour]);
      } catch (error) {
        thrown = error;
      }
    },
    { ...place, config: { ...usable, "slipway:region": "nyc" } },
  );
  expect(pulumi.RunError.isInstance(thrown)).toBe(true);
});

it("hands out an operator's secret marked as one [F16]", async () => {
  const plan = await record(
    function program() {
      return { secret: operatorSecret(readSettings([harbour]), "harbour", "googleClientSecret") };
    },
    { ...place, config: { ...signIn, [KEY]: "GOCSPX-4b81c0d2e9" }, secretKeys: [KEY] },
  );
  expect(plan.outputs).toEqual({ secret: new Secret("GOCSPX-4b81c0d2e9") });
});

it("knows from Pulumi which keys are encrypted, and refuses one that is not", async () => {
  const run = record(() => void readSettings([harbour]), { ...place, config: { ...signIn, [KEY]: "GOCSPX-4b81c0d2e9" } });
  await expect(run).rejects.toThrow("in plain text");
  await expect(run).rejects.not.toThrow("GOCSPX");
});

it("plans with a marked placeholder for each missing value, and logs it", async () => {
  const plan = await record(
    function program() {
      return { secret: operatorSecret(readSettings([harbour]), "harbour", "googleClientSecret") };
    },
    { ...place, config: { ...signIn, "slipway:placeholders": "true" } },
  );
  expect(plan.outputs).toEqual({ secret: new Secret(`placeholder:${KEY}`) });
  expect(plan.messages).toContainEqual(expect.objectContaining({ severity: "warning", text: `missing: ${KEY}` }));
});

it("plans with placeholders, but does not create resources with them", async () => {
  const run = record(
    function program() {
      // What Pulumi's language host sets, and a recorded run does not.
      const { settings } = (state as unknown as { getStore(): { settings: { options: { engineAddr?: string } } } }).getStore();
      settings.options.engineAddr = "127.0.0.1:50051";
      readSettings([harbour]);
    },
    { ...place, config: { ...signIn, "slipway:placeholders": "true" } },
  );
  await expect(run).rejects.toThrow("slipway:placeholders is true: placeholders are for a plan");
});

it("says what is allowed and worth knowing", async () => {
  const plan = await record(() => void readSettings([harbour]), { ...place, config: { ...usable, "slipway:region": "nyc3" } });
  expect(plan.messages.map(({ severity, text }) => `${severity}: ${text}`).join("\n")).toContain(
    "info: Apps in nyc join private networks in nyc1.",
  );
});

it("names a secret that the stack does not have", async () => {
  const run = record(() => void operatorSecret(readSettings([harbour]), "harbour", "githubClientSecret"), { ...place, config: usable });
  await expect(run).rejects.toThrow('harbour has no operator secret "githubClientSecret" in this stack');
});

it("reports a problem in a definition like a problem in a setting, without a stack trace", async () => {
  const { checkDefinitions } = await import("./read.ts");
  expect(() => checkDefinitions([harbour])).toThrow(pulumi.RunError);
  expect(() => checkDefinitions(undefined as never)).toThrow(TypeError);
  expect(() => checkDefinitions([harbour])).toThrow(/harbour: keyspaces\.sessions: it is declared, and nothing reads it/);
});
