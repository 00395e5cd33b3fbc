/** What the platform requests for a system with one of everything, in testing/platform.txt. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { PlannedResource, Secret } from "../engine/plan.ts";
import { record } from "../engine/record.ts";
import { env, type System } from "../systems/definition.ts";
import { drydock, whole } from "../systems/testing/shipyard.ts";
import { readExpected } from "../tests/expected.ts";
import { textsOf } from "../tests/plan-text.ts";
import { answers, ca } from "../tests/requirements/planned.ts";
import { platform } from "./platform.ts";
import { find, waitsFor } from "./testing/recorded.ts";

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

const { slowStatementMs: _, ...withoutSlowStatements } = drydock.postgres;
/** Without a limit for slow statements. */
const ofMemory = (sharedBuffersMiB: number): System => ({
  ...drydock,
  postgres: { ...withoutSlowStatements, sizing: { sharedBuffersMiB } },
});

const RECIPIENTS = ["q", "p"].map((letter) => `age1${letter.repeat(58)}`);

/** Keys of slipway without their namespace, and the second system. */
const STACKS: Readonly<Record<string, readonly [stack: string, config: Readonly<Record<string, unknown>>, system?: System]>> = {
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
      "digitalocean:apiEndpoint": "http://127.0.0.1:4020",
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
  "on this machine, without a recipient": ["local", { postDeploy: { mode: "manual" }, systems: ["drydock"] }, ofMemory(1025)],
};

describe("the platform", () => {
  function planned(stack: string, config: Readonly<Record<string, unknown>>, system = second, outputs: typeof answers = answers) {
    const settings = Object.entries({ postgres: { version: "16" }, placeholders: "true", ...config }).map(([key, value]) => [
      key.includes(":") ? key : `slipway:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    const options = { project: "yards", stack, config: Object.fromEntries(settings), outputs, invokes: ca };
    return record(() => platform({ systems: [whole, system] }), options);
  }

  it.each(Object.entries(STACKS))("requests these resources %s", async (title, given) => {
    const texts = textsOf(await planned(...given));
    expect(texts).toEqual(readExpected(new URL(`testing/platform-${title.replaceAll(/\W+/g, "-")}.txt`, import.meta.url), texts));
  });

  it("gives a server at most 60 per cent of its memory for shared buffers", async () => {
    const plan = await planned("local", { postDeploy: { mode: "manual" }, systems: ["drydock"] }, ofMemory(2000));
    const configs = plan.resources.filter(({ type }) => type.endsWith(":DatabasePostgresqlConfig"));
    expect(configs.map(({ inputs }) => inputs.sharedBuffersPercentage)).toEqual([60]);
  });

  it.each([
    [1, 1],
    [512, 50],
    [1000, 95],
  ])("alerts about %i MiB of a GiB at %i per cent, of which App Platform takes 1 to 95", async (memoryAlertMiB, percent) => {
    const { api } = drydock.apps.dock!.components;
    const apps = { dock: { ...drydock.apps.dock!, components: { api: { ...api!, memoryAlertMiB } as typeof api & object } } };
    const plan = await planned("local", { postDeploy: { mode: "manual" }, systems: ["drydock"] }, { ...drydock, apps });
    expect(JSON.stringify(find(plan, "App drydock-dock-app").inputs)).toContain(
      JSON.stringify({ operator: "GREATER_THAN", rule: "MEM_UTILIZATION", value: percent, window: "TEN_MINUTES" }),
    );
  });

  const EXISTING = "6f1d2c3b-4a59-4e68-8b7c-0123456789ab";
  it.each([
    ["takes over", {}, ["DatabaseDb drydock", ...["", "_backup", "_owner", "_readonly"].map((role) => `DatabaseUser drydock${role}`)]],
    ["leaves to be created, except what is named,", { adoptOnly: { databases: ["drydock"] } }, ["DatabaseDb drydock"]],
  ])("%s the databases, users and pools of an adopted cluster", async (_, only, expected) => {
    const plan = await planned("local", {
      postDeploy: { mode: "manual" },
      systems: ["drydock"],
      postgres: { version: "16", adopt: EXISTING, ...only },
    });
    const taken = plan.resources.flatMap(({ type, options, inputs }) =>
      options.importId?.startsWith(`${EXISTING},`) ? [[type.split(":").at(-1), inputs.name].join(" ")] : [],
    );
    expect(taken.sort()).toEqual(expected);
  });

  it("deletes the project before what it contains", async () => {
    const plan = await planned("local", { postDeploy: { mode: "manual" }, systems: ["drydock"] });
    expect(waitsFor(plan, "Project yards-project")).toEqual(
      expect.arrayContaining(["DatabaseCluster shared-postgres-local-cluster", "App drydock-dock-app"]),
    );
  });

  it.each([
    [
      "backups",
      { postDeploy: { mode: "manual" }, backups: { enabled: true, recipients: [RECIPIENTS[0]], image: "quay.io/acme/slipway:1.0.0" } },
    ],
    ["postDeploy", { postDeploy: { mode: "job", image: "quay.io/acme/slipway:1.0.0" } }],
  ])("names the setting of an image that App Platform cannot run: %s", async (setting, config) => {
    await expect(planned("local", config)).rejects.toThrow(`slipway:${setting}.image`);
  });

  describe("the output backupVariables, read by a shell,", () => {
    /** As if an up had created the keys. */
    const created = (resource: PlannedResource) => ({
      ...answers(resource),
      ...(resource.type.endsWith(":SpacesKey") ? { accessKey: `access of ${resource.name}`, secretKey: `secret of ${resource.name}` } : {}),
    });
    async function read(backups: Readonly<Record<string, unknown>>) {
      const plan = await planned("prod", { postDeploy: { mode: "manual" }, allowedSources: [], backups }, second, created);
      const { value } = plan.outputs.backupVariables as Secret;
      const printed = execFileSync("sh", ["-c", 'set -a; eval "$1"; env', "sh", String(value)], { env: {}, encoding: "utf8" });
      return Object.fromEntries(printed.split("\n").flatMap((line) => (/^SLIPWAY_/.test(line) ? [line.split(/=(.*)/, 2)] : [])));
    }
    const copies = {
      SLIPWAY_BACKUP_STORE: "s3://yards?region=nyc3",
      SLIPWAY_BACKUP_STORE_KEY: "access of yards-backups-key-primary:secret of yards-backups-key-primary",
      SLIPWAY_BACKUP_OFFSITE: "s3://yards-offsite?region=sfo3",
      SLIPWAY_BACKUP_OFFSITE_KEY: "access of yards-backups-key-offsite:secret of yards-backups-key-offsite",
    };
    const made = {
      ...copies,
      SLIPWAY_BACKUP_RECIPIENTS: RECIPIENTS.join(","),
      SLIPWAY_BACKUP_SIGNING_KEY: "placeholder:slipway:backupSigningKey",
      SLIPWAY_BACKUP_KEEP: "daily=7,weekly=12,monthly=12,yearly=5",
    };
    const schedule = { recipients: RECIPIENTS, image: "ghcr.io/acme/slipway:1.0.0", keep: { daily: 7 } };

    it("names both copies and their keys", async () => expect(await read({})).toEqual(copies));

    it("names what a stack that makes backups makes them with", async () => expect(await read(schedule)).toEqual(made));

    it("names the keys that signed earlier backups", async () => {
      const verifyKeys = ["a", "b"].map((letter) => `slipway-verify-key-${letter.repeat(59)}`);
      expect(await read({ ...schedule, verifyKeys })).toEqual({ ...made, SLIPWAY_BACKUP_VERIFY_KEYS: verifyKeys.join(",") });
    });
  });
});
