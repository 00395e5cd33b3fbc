import { beforeAll, describe, expect, it } from "vitest";
import { lastSlot } from "../../backup/schedule.ts";
import { EXPORT_CONSISTENCY } from "../../backup/valkey/export.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { parseWorkerCommand } from "../../catalog/backup-worker.ts";
import { slipway } from "../../cli/testing/slipway.ts";
import type { Plan } from "../../engine/index.ts";
import { byType, componentOf, componentsOf, envsOf, planOf, resource, Secret, TYPE } from "./planned.ts";

const made = { bucketPrefix: "acme", image: "ghcr.io/acme/slipway:1.0.0", recipients: [`age1${"q".repeat(58)}`] };
const APPS = ["fluxstudio", "devx", "candlefish"].map((name) => [name, `${name}-backups-app`] as const);

describe("a stack in production that names a recipient", () => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await planOf("prod", { backups: made });
  });
  const variable = (app: string, name: string) => envsOf(plan, app, "workers", "worker")[name]?.value;

  it("dumps each database every day at 02:00 UTC, the hour of DigitalOcean's own backup [F101, F126]", () => {
    const configs = byType(plan, "digitalocean:index/databasePostgresqlConfig:DatabasePostgresqlConfig");
    for (const [name, app] of APPS) {
      const command = parseWorkerCommand(componentOf(plan, app, "workers", "worker").runCommand)!;
      expect(command).toMatchObject({ system: name, dailyAtHour: 2 });
      expect(lastSlot(command, new Date("2026-12-02T13:05:00Z"))).toEqual(new Date("2026-12-02T02:00:00Z"));
      expect(configs.find((config) => config.name.startsWith(`${name}-postgres`))!.inputs).toMatchObject({ backupHour: 2 });
    }
  });

  it.each(APPS)("stores the backups of %s in object storage", (_, app) => {
    expect(variable(app, BACKUP_VARIABLES.store)).toBe("s3://acme?region=nyc3");
    expect(variable(app, BACKUP_VARIABLES.offsite)).toBe("s3://acme-offsite?region=sfo3");
  });

  it("stores a copy in another region with a key of its own, encrypted for recipients before it is uploaded [F134, F136]", () => {
    for (const [, app] of APPS) {
      expect(variable(app, BACKUP_VARIABLES.recipients)).toBe(made.recipients.join(","));
      expect(Object.values(envsOf(plan, app, "workers", "worker")).map(({ value }) => JSON.stringify(value))).not.toContainEqual(
        expect.stringContaining("AGE-SECRET-KEY"),
      );
    }
    const grants = ["primary", "offsite"].map(
      (place) => resource(plan, "digitalocean:index/spacesKey:SpacesKey", `slipway-backups-key-${place}`).inputs.grants,
    );
    expect(grants).toEqual([[{ bucket: "acme", permission: "readwrite" }], [{ bucket: "acme-offsite", permission: "readwrite" }]]);
    expect(resource(plan, "digitalocean:index/spacesBucket:SpacesBucket", "slipway-backups-bucket-offsite").inputs.region).toBe("sfo3");
  });

  it("exports Candlefish's durable keyspaces every day, and states that an export is not a point in time [C52]", () => {
    expect(Object.keys(envsOf(plan, "candlefish-backups-app", "workers", "worker"))).toEqual(
      expect.arrayContaining(["SLIPWAY_STORE_STATE_URL", "SLIPWAY_STORE_STATE_CA"]),
    );
    expect(variable("candlefish-backups-app", "SLIPWAY_STORE_CACHE_URL")).toBeUndefined();
    expect(EXPORT_CONSISTENCY).toContain("not a point in time");
  });

  it("makes a full dump every hour where that is configured, and calls nothing incremental [F127]", async () => {
    const hourly = await planOf("prod", { backups: { ...made, hourly: true } });
    const command = parseWorkerCommand(componentOf(hourly, "fluxstudio-backups-app", "workers", "worker").runCommand)!;
    const now = new Date("2026-12-02T13:45:00Z");
    expect(now.getTime() - lastSlot(command, now).getTime()).toBeLessThan(3_600_000);
    for (const help of [
      ["backup", "--help"],
      ["backup", "fork", "--help"],
      ["backup", "worker", "--help"],
    ])
      expect((await slipway(help)).stdout).not.toMatch(/incremental/i);
  });

  it("signs with a key of the operator, which is a secret of the worker and of nothing else", () => {
    for (const { name } of byType(plan, TYPE.app)) {
      const readers = (["services", "workers", "jobs", "staticSites"] as const).flatMap((kind) => componentsOf(plan, name, kind));
      const values = readers.flatMap(({ envs }) => envs.filter(({ key }) => key === BACKUP_VARIABLES.signingKey));
      expect(values.map(({ value, type }) => [value instanceof Secret, type])).toEqual(
        name.endsWith("-backups-app") ? [[true, "SECRET"]] : [],
      );
    }
  });
});
