import { describe, expect, it } from "vitest";
import { parseSettings } from "./parse.ts";
import { SettingsError } from "./problems.ts";
import { complaint, harbour, longPier, settingsFrom, TODAY } from "./testing/fixture.ts";

const both = { systems: [harbour, longPier] };

describe("settings", () => {
  it("are complete where a stack says next to nothing", () => {
    const settings = settingsFrom({}, { stack: "prod" });
    expect(settings).toMatchObject({
      environment: "prod",
      suffix: "",
      networks: [{ region: "nyc1" }],
      protect: true,
      postgres: { clusters: [{ key: "harbour", nodes: 2, autoscale: { thresholdPercent: 80, incrementGiB: 10 } }] },
      valkey: { clusters: [{ key: "harbour-state", nodes: 2, class: "state" }] },
      postDeploy: { mode: "runner" },
      backups: { enabled: true, region: "nyc3", offsiteRegion: "sfo3", bucketPrefix: "slipway" },
      placeholders: [],
    });
    expect(settings.systems[0]).toMatchObject({ phase: "P3", rotated: "never", domains: { web: "harbour.example.com" } });
  });

  it("take the environment from the stack's name, and ask where it does not say", () => {
    expect(settingsFrom({}, { stack: "local" }).environment).toBe("local");
    expect(settingsFrom({ environment: "staging" }, { stack: "review-7" })).toMatchObject({ environment: "staging", suffix: "-review-7" });
    const message = complaint({}, { stack: "review-7" });
    expect(message).toContain("slipway:environment: it is missing, and the stack's name, review-7, does not say it.");
    expect(message).toContain("pulumi config set slipway:environment staging -s review-7");
  });

  it("keep account-wide names of two stacks apart", () => {
    expect(settingsFrom({ environment: "prod" }, { stack: "prod-eu" }).suffix).toBe("-prod-eu");
    expect(settingsFrom({ environment: "prod", suffix: "none" }, { stack: "main" }).suffix).toBe("");
    expect(settingsFrom({ suffix: "eu" }).suffix).toBe("-eu");
  });

  it("hold the systems that are selected, or all there are", () => {
    const names = (values: object) =>
      settingsFrom({ ...values, postgres: { version: "16", layout: "dedicated" } }, both).systems.map(({ system }) => system.name);
    expect(names({})).toEqual(["harbour", "long-pier"]);
    expect(names({ systems: ["long-pier"] })).toEqual(["long-pier"]);
  });

  it("accept numbers and booleans as the command line stores them", () => {
    const settings = settingsFrom({ protect: "true", postgres: { version: 16, nodes: "1" } });
    expect(settings.protect).toBe(true);
    expect(settings.postgres.clusters[0]).toMatchObject({ major: "16", nodes: 1 });
  });

  it("leave alone what belongs to others", () => {
    const raw = { project: "slipway", stack: "local", secretKeys: new Set<string>() };
    const values = { "slipway:postgres": '{"version":"16"}', "digitalocean:apiEndpoint": "http://127.0.0.1:4010", "acme:region": "moon" };
    expect(parseSettings({ ...raw, values }, [harbour], TODAY).networks[0]!.region).toBe("nyc1");
  });

  it("let one system stand in another region, with a network of its own", () => {
    const settings = settingsFrom(
      { region: "NYC1", longPier: { region: "sfo3" }, postgres: { version: "16", layout: "dedicated" } },
      { ...both, stack: "prod" },
    );
    expect(settings.networks).toEqual([
      { region: "nyc1", cidr: "10.104.0.0/20" },
      { region: "sfo3", cidr: "10.108.0.0/20" },
    ]);
    expect(settings.systems.map(({ region, appRegion }) => [region, appRegion])).toEqual([
      ["nyc1", "nyc"],
      ["sfo3", "sfo"],
    ]);
    expect(settings.postgres.clusters.map(({ region }) => region)).toEqual(["nyc1", "sfo3"]);
    expect(settings.valkey.clusters.map(({ key, region }) => [key, region])).toEqual([
      ["harbour-state", "nyc1"],
      ["long-pier-state", "sfo3"],
    ]);
  });

  it("notice a data centre that the city's apps may not reach", () => {
    expect(settingsFrom({ region: "nyc3" }).notices.join()).toContain("Apps in nyc join private networks in nyc1.");
    expect(settingsFrom({ region: "nyc1" }).notices.join()).not.toContain("join private networks");
  });
});

describe("bad settings", () => {
  it("name an unknown system, and the ones there are", () => {
    const message = complaint({ systems: ["harbor"] }, both);
    expect(message).toContain('slipway:systems[0] is "harbor": no system has this name; did you mean harbour?');
    expect(message).toContain("allowed: harbour, long-pier");
    expect(message).toContain("pulumi config set --path 'slipway:systems[0]' harbour -s staging");
  });

  it("name an unknown key with the nearest that exists, at every depth, and never its value", () => {
    const message = complaint({ regoin: "hunter2", harbour: { domians: { web: "hunter2" }, postgres: { siez: "hunter2" } } });
    expect(message).toContain("slipway:regoin: there is no such setting; did you mean region?");
    expect(message).toContain("pulumi config rm slipway:regoin -s staging");
    expect(message).toContain("pulumi config set slipway:region '<value>' -s staging");
    expect(message).toContain("slipway:harbour.domians: there is no such setting; did you mean domains?");
    expect(message).toContain("slipway:harbour.postgres.siez: there is no such setting; did you mean size?");
    expect(message).toContain("allowed: version, size, nodes, storage, autoscale, replicas, adopt, adoptOnly, maintenance");
    expect(message).not.toContain("hunter2");
  });

  it("name an app region where a database region is meant", () => {
    const message = complaint({ region: "nyc" });
    expect(message).toContain('slipway:region is "nyc": nyc is an App Platform region; use nyc1, nyc2 or nyc3.');
    expect(message).toContain("allowed: nyc1, nyc2, nyc3");
    expect(message).toContain("pulumi config set slipway:region nyc1 -s staging");
  });

  it("name a region without apps or without Valkey", () => {
    expect(complaint({ region: "ric1" })).toContain("App Platform has no region in Richmond");
    expect(complaint({ region: "nyc2" })).toContain('slipway:region is "nyc2": DigitalOcean runs no Valkey there');
  });

  it("name the retired redis wherever it is requested", () => {
    const messages = [
      complaint({ redis: { size: "db-s-1vcpu-1gb" } }),
      complaint({ valkey: { engine: "redis" } }),
      complaint({ harbour: { redis: true } }),
    ];
    for (const message of messages) expect(message).toContain("redis is retired at DigitalOcean since 2025-06-30; use valkey.");
    expect(messages[0]).toContain("pulumi config set --path slipway:valkey.version 8 -s staging");
    expect(complaint({ valkey: { version: 7 } })).toContain("7 was Redis, retired at DigitalOcean since 2025-06-30; use valkey");
  });

  it("name an app whose name is too long with the stack's suffix", () => {
    const message = complaint({ environment: "staging" }, { stack: "review-of-the-new-harbour-wall" });
    expect(message).toContain(
      'slipway:suffix is "review-of-the-new-harbour-wall": with it an app is called harbour-review-of-the-new-harbour-wall, 38 characters',
    );
    expect(message).toContain("24 are left after harbour");
    expect(message).toContain("pulumi config set slipway:suffix '<short name>' -s review-of-the-new-harbour-wall");
  });

  it.each([
    ["2026-02-30", "the calendar has no such day"],
    ["yesterday", "it is not a date"],
    ["2026-11-21", "it is in the future"],
  ])("name the date %s", (rotated, problem) => {
    const message = complaint({ rotated });
    expect(message).toContain(`slipway:rotated is "${rotated}": ${problem}.`);
    expect(message).toContain(`pulumi config set slipway:rotated ${TODAY} -s staging`);
    const values = { "slipway:rotated": "today" };
    expect(() => parseSettings({ project: "slipway", stack: "staging", values, secretKeys: new Set() }, [harbour])).toThrow(
      /allowed: a day up to today, as \d{4}-\d{2}-\d{2}$/m,
    );
  });

  it("name text where a list or a group belongs", () => {
    expect(complaint({ systems: "harbour,long-pier" })).toContain("slipway:systems: it is not a list");
    expect(complaint({ postgres: "17" })).toMatch(/^1 problem .*\n\n1\. slipway:postgres: it is not a group of settings\./);
    expect(complaint({ harbour: { postgres: 17 } })).toContain("slipway:harbour.postgres: it is not a group of settings");
    expect(complaint({ harbour: [] })).toContain("slipway:harbour: it is not a group of settings");
  });

  it("name systems that are listed twice, or not at all", () => {
    expect(complaint({ systems: ["harbour", "harbour"] })).toContain('slipway:systems[1] is "harbour": it repeats systems[0]');
    expect(complaint({ systems: [] })).toContain("slipway:systems: a stack holds at least one system");
  });

  it("name a block for a network that is the stack's own", () => {
    expect(complaint({ harbour: { vpcCidr: "10.9.0.0/20" } })).toContain(
      "the system is in the stack's own region, whose network is slipway:vpcCidr",
    );
  });

  it("name networks that overlap, and two blocks for one region", () => {
    const apart = { longPier: { region: "sfo3", vpcCidr: "10.9.8.0/24" }, postgres: { version: "16", layout: "dedicated" } };
    expect(complaint({ vpcCidr: "10.9.0.0/20", ...apart }, both)).toContain("it overlaps the network in nyc1, 10.9.0.0/20");
    const untold = complaint({ vpcCidr: "10.128.0.0/20", ...apart, longPier: { region: "sfo3" } }, both);
    expect(untold).toContain("pulumi config set --path slipway:longPier.vpcCidr 10.120.0.0/20 -s staging");
    const crowd = { ...apart, harbour: { region: "sfo3", vpcCidr: "10.7.0.0/20" } };
    expect(complaint(crowd, both)).toContain("harbour gives the network in sfo3 another block, and a region has one network");
  });

  it("name an image that is missing, moving or idle", () => {
    expect(complaint({ postDeploy: { mode: "job" } })).toContain("slipway:postDeploy.image: it is missing");
    expect(complaint({ postDeploy: { mode: "job", image: "registry.example.com/a/slipway:latest" } })).toContain(
      "with a tag that does not move",
    );
    expect(complaint({ postDeploy: { image: "registry.example.com/a/slipway:1" } })).toContain("in mode runner nothing runs an image");
  });

  it("name production without backups, and a second copy in the region of the first", () => {
    expect(complaint({ environment: "prod", backups: { enabled: false } })).toContain("production always has buckets for its backups");
    expect(complaint({ backups: { region: "ams3", offsiteRegion: "ams3" } })).toContain(
      "a copy in the same region is lost together with the first",
    );
    expect(complaint({ backups: { region: "nyc1" } })).toContain("there are no buckets in this region; did you mean nyc3?");
  });

  it("name what is no address", () => {
    expect(complaint({ alertEmails: ["on-call"] })).toContain('slipway:alertEmails[0] is "on-call"');
  });

  it("are reported in one error, with their number, without a stack trace, each with a command", () => {
    const message = complaint(
      { region: "nyc", protect: "yes", systems: ["harbor"], rotated: "soon", allowedSources: ["::1"], postgres: { version: "9" } },
      both,
    );
    expect(message).toMatch(/^6 problems in the settings of stack "staging"\.\n/);
    expect(message.match(/^ +type: +pulumi config (set|rm) .* -s staging$/gm)).toHaveLength(6);
    expect(message).not.toMatch(/^\s+at |\.ts:\d|ZodError/m);
  });

  it("are reported in one error, whether their shape or their meaning is wrong", () => {
    const message = complaint({ protect: "yes", postDeploy: { mode: "job" }, harbour: { phase: "P0" }, postgres: { version: "14" } });
    for (const key of ["protect", "postDeploy.image", "harbour.phase", "postgres.version"]) expect(message).toContain(`slipway:${key}`);
    expect(message).toMatch(/^4 problems/);
  });

  it("end up in an error that carries them one by one", () => {
    try {
      settingsFrom({ region: "nyc", protect: "yes" });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(SettingsError);
      expect((error as SettingsError).problems.map(({ path }) => path)).toEqual(["slipway:region", "slipway:protect"]);
    }
  });
});

it("a stack may stand in a network that exists, which has its own block", () => {
  const vpc = "5a4981aa-9653-4bd1-bef5-d6bff52042e4";
  expect(settingsFrom({ vpc }).networks).toMatchObject([{ region: "nyc1", existing: vpc }]);
  expect(settingsFrom({}).networks[0]).not.toHaveProperty("existing");
  expect(complaint({ vpc: "default-nyc1" })).toContain("the id of a private network, as `doctl vpcs list` prints it");
  expect(complaint({ vpc, vpcCidr: "10.9.0.0/20" })).toContain('slipway:vpcCidr is "10.9.0.0/20": the network of slipway:vpc exists');
});
