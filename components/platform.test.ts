/** What the platform requests for a system with one of everything, in testing/platform.txt. */
import { describe, expect, it } from "vitest";
import { record } from "../engine/record.ts";
import { env, type System } from "../systems/definition.ts";
import { drydock, whole } from "../systems/testing/shipyard.ts";
import { readExpected } from "../tests/expected.ts";
import { textsOf } from "../tests/plan-text.ts";
import { answers, ca } from "../tests/requirements/planned.ts";
import { platform } from "./platform.ts";

const features = Object.keys(whole.features);
/** With a larger server in its documents, and limits that are lower than the other's. */
const second: System = {
  ...drydock,
  postgres: { ...drydock.postgres, sizing: { sharedBuffersMiB: 700 }, slowStatementMs: 250 },
  apps: {
    dock: {
      name: "drydock",
      components: {
        api: {
          ...drydock.apps.dock!.components.api!,
          env: { HOST: env.database("host"), PORT: env.database("port"), NAME: env.database("name"), USER: env.database("user") },
        },
      },
    },
  },
  backups: { postgres: { hourUtc: 1 } },
  alerts: { ...drydock.alerts, emails: ["b@acme.dev"], cpu: 70, memory: 99, disk: 60 },
};

const STACKS: Readonly<Record<string, readonly [stack: string, config: Readonly<Record<string, unknown>>]>> = {
  "with every feature": ["prod", { shipyard: { features }, postDeploy: { mode: "manual" }, allowedSources: [] }],
  "without a feature": ["prod", { postDeploy: { mode: "manual" }, allowedSources: ["198.18.0.1"], backups: { bucketPrefix: "acme" } }],
  "on shared clusters": [
    "staging",
    {
      shipyard: { features, domains: { yard: "none", portal: "portal.acme.dev" } },
      postDeploy: { mode: "job", image: "ghcr.io/acme/slipway:1.0.0" },
      valkey: { sharing: "shared", state: { size: "db-s-1vcpu-2gb" } },
      allowedSources: [],
      alertEmails: ["a@acme.dev"],
    },
  ],
  "on this machine": [
    "local",
    {
      shipyard: { features },
      valkey: { state: { size: "db-s-1vcpu-2gb" } },
      postDeploy: { mode: "job", image: "ghcr.io/acme/slipway:1.0.0" },
    },
  ],
  "that makes backups": [
    "prod",
    {
      shipyard: { features },
      backups: {
        recipients: [`age1${"q".repeat(58)}`],
        image: "ghcr.io/acme/slipway:1.0.0",
        hourly: true,
        keep: { daily: 7 },
        maxAgeHours: 4,
      },
      postDeploy: { mode: "manual" },
      allowedSources: ["198.18.0.1"],
    },
  ],
  "on this machine, without a recipient": ["local", { postDeploy: { mode: "manual" }, systems: ["drydock"] }],
};

describe("the platform", () => {
  it.each(Object.entries(STACKS))("requests these resources %s", async (title, [stack, config]) => {
    const settings = Object.entries({ postgres: { version: "16" }, placeholders: "true", ...config }).map(([key, value]) => [
      `slipway:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    const systems = [whole, title.includes("recipient") ? drydock : second];
    const options = { project: "yards", stack, config: Object.fromEntries(settings), outputs: answers, invokes: ca };
    const texts = textsOf(await record(() => platform({ systems }), options));
    expect(texts).toEqual(readExpected(new URL(`testing/platform-${title.replaceAll(/\W+/g, "-")}.txt`, import.meta.url), texts));
  });
});
