import { describe, expect, it } from "vitest";
import type { System } from "../systems/definition.ts";
import { connectionsFor } from "./load.ts";
import { exportsJson } from "./systems.ts";
import { complaint, harbour, longPier, settingsFrom } from "./testing/fixture.ts";

const both = { systems: [harbour, longPier] };
const only = (values: Record<string, unknown>, stack = "staging") => settingsFrom(values, { stack }).systems[0]!;

describe("domains", () => {
  it("are the declared ones in production and none elsewhere, unless a stack says otherwise", () => {
    expect(only({}, "prod").domains).toEqual({ web: "harbour.example.com" });
    expect(only({}).domains).toEqual({});
    expect(only({ harbour: { domains: { web: "none" } } }, "prod").domains).toEqual({});
    expect(only({ harbour: { domains: { web: "test.example.com" } } }).domains).toEqual({ web: "test.example.com" });
  });

  it("lead to one app each", () => {
    const taken = { longPier: { domains: { web: "harbour.example.com" } }, postgres: { version: "16", layout: "shared" } };
    const message = complaint(taken, { ...both, stack: "prod" });
    expect(message).toContain(
      'slipway:longPier.domains.web is "harbour.example.com": slipway:harbour.domains.web has this domain already, and a domain serves one app.',
    );
    expect(message).toContain("pulumi config set --path slipway:longPier.domains.web none -s prod");
  });

  it.each(["Harbour.example.com", "https://harbour.example.com", "harbour", "-a.example.com", "a..example.com"])("are not %s", (web) => {
    expect(complaint({ harbour: { domains: { web } } })).toContain("allowed: a domain name in lower case, or none");
  });

  it("are for apps that exist", () => {
    expect(complaint({ harbour: { domains: { wbe: "a.example.com" } } })).toContain(
      "slipway:harbour.domains.wbe: there is no such setting; did you mean web?",
    );
  });
});

describe("buckets", () => {
  const withMedia = { ...harbour, buckets: { media: { feature: "worker" } } };

  it("are near the databases, with a name that contains the stack once", () => {
    const given = { stack: "staging", systems: [withMedia] };
    const bucketsOf = (values: Record<string, unknown>) =>
      settingsFrom({ ...values, harbour: { features: ["worker"] } }, given).systems[0]!.buckets;
    expect(bucketsOf({})).toEqual({ media: { name: "slipway-staging-harbour-media", region: "nyc3" } });
    expect(bucketsOf({ backups: { bucketPrefix: "acme" } }).media!.name).toBe("acme-staging-harbour-media");
  });

  it("are absent where their feature is off, which a notice states", () => {
    const { systems, notices } = settingsFrom({}, { systems: [withMedia] });
    expect(systems[0]!.buckets).toEqual({});
    expect(notices).toContain(
      'Harbour has no bucket "media": App Platform deletes the files that it stores at each restart. Add "worker" to slipway:harbour.features.',
    );
  });

  it("have a name that DigitalOcean accepts", () => {
    const bucket = "a".repeat(20);
    const systems = [{ ...harbour, buckets: { [bucket]: {} } }];
    expect(complaint({ backups: { bucketPrefix: "b".repeat(32) } }, { systems })).toContain("slipway:backups.bucketPrefix");
  });
});

describe("components", () => {
  it("are listed with their repositories and sizes, those of features that are on", () => {
    const system = only({
      harbour: { features: ["worker"], repos: { api: { branch: "next" } }, sizes: { api: { instances: 2 } } },
      postgres: { version: "16", size: "db-s-2vcpu-4gb" },
    });
    expect(system.repos).toEqual({
      api: { repo: "acme/harbour", branch: "next" },
      pooled: { repo: "acme/harbour", branch: "main" },
      frontend: { repo: "acme/harbour", branch: "main" },
      worker: { repo: "acme/harbour", branch: "main" },
    });
    expect(system.sizes).toEqual({
      api: { size: "apps-s-1vcpu-1gb", instances: 2 },
      pooled: { size: "apps-s-1vcpu-1gb", instances: 1 },
      worker: { size: "apps-s-1vcpu-0.5gb", instances: 1 },
    });
    expect(Object.keys(only({}).sizes)).toEqual(["api", "pooled"]);
  });

  it("refuse several instances of a plan for one", () => {
    const message = complaint({ harbour: { features: ["worker"], sizes: { worker: { instances: 2 } } } });
    expect(message).toContain(
      'slipway:harbour.sizes.worker.size is "apps-s-1vcpu-0.5gb": 2 instances are requested, and this size allows one.',
    );
    expect(message).toContain("pulumi config set --path slipway:harbour.sizes.worker.size apps-s-1vcpu-1gb -s staging");
  });

  it("refuse sizes that do not exist any more, or never did, or do not apply", () => {
    const size = (name: string, slug: string) => complaint({ harbour: { sizes: { [name]: { size: slug } } } });
    expect(size("api", "basic-xxs")).toContain("it is a legacy plan, which App Platform is retiring");
    expect(size("api", "apps-s-1vcpu-3gb")).toContain("App Platform has no such instance size");
    expect(size("frontend", "apps-s-1vcpu-1gb")).toContain("slipway:harbour.sizes.frontend: there is no such setting");
  });

  it("refuse what is no repository", () => {
    expect(complaint({ harbour: { repos: { api: { repo: "https://github.com/acme/harbour" } } } })).toContain(
      "allowed: owner/name of a GitHub repository",
    );
  });

  it("are example values in a definition whose documents name none, which a plan notes except on a laptop", () => {
    const unnamed = {
      ...harbour,
      apps: {
        web: {
          ...harbour.apps.web!,
          components: {
            api: {
              ...harbour.apps.web!.components.api!,
              source: { ...harbour.apps.web!.components.api!.source, repo: "your-org/harbour" },
            },
          },
        },
      },
    };
    const notices = (stack: string) => settingsFrom({}, { systems: [unnamed], stack }).notices.join();
    expect(notices("prod")).toContain("slipway:harbour.repos.api.repo (your-org/harbour)");
    expect(notices("local")).not.toContain("repos");
  });
});

describe("features", () => {
  it("are off until a stack names them", () => {
    expect([...only({}).features]).toEqual([]);
    expect([...only({ harbour: { features: ["cache", "worker"] } }).features]).toEqual(["cache", "worker"]);
  });

  it("are those that the product has", () => {
    const message = complaint({ harbour: { features: ["googel"] } });
    expect(message).toContain('slipway:harbour.features[0] is "googel": Harbour has no feature of this name; did you mean google?');
    expect(message).toContain("allowed: google (Sign-in), cache (Cache), worker (Worker)");
  });
});

describe("the phase", () => {
  const backedUp = {
    backups: { recipients: [`age1${"q".repeat(58)}`, `age1${"p".repeat(58)}`], image: "ghcr.io/acme/slipway:1.0.0" },
    backupSigningKey: "slipway-signing-key-MC4CAQ",
  };
  const signed = { secretKeys: ["backupSigningKey"] };

  it("is one of four", () => {
    expect(settingsFrom({ harbour: { phase: "P2" }, ...backedUp }, signed).systems[0]!.phase).toBe("P2");
    expect(complaint({ harbour: { phase: "P4" } })).toContain("allowed: P0, P1, P2, P3");
  });

  it.each(["P0", "P1"])("%s, which reads files, is refused except on a laptop, because App Platform keeps no files", (phase) => {
    const message = complaint({ harbour: { phase }, ...backedUp }, signed);
    expect(message).toContain(
      `slipway:harbour.phase is "${phase}": the product reads JSON files then, and App Platform deletes a container's files at every restart.`,
    );
    expect(message).toContain("allowed: P2, P3; P0 and P1 where the environment is local");
    expect(message).toContain("pulumi config set --path slipway:harbour.phase P2 -s staging");
    expect(complaint({ harbour: { phase } })).toContain("pulumi config set --path slipway:harbour.phase P3 -s staging");
    expect(settingsFrom({ harbour: { phase } }, { stack: "local" }).systems[0]).toMatchObject({ phase });
  });

  it("P2 is refused where nothing makes the export that is its JSON copy: on App Platform without backups [F50]", () => {
    for (const backups of [undefined, { enabled: false }]) {
      const message = complaint({ harbour: { phase: "P2" }, ...(backups && { backups }) });
      expect(message).toContain(
        'slipway:harbour.phase is "P2": the JSON copy is then an export of the worker that makes backups, and nothing makes backups in this stack.',
      );
      expect(message).toContain('allowed: P3; P2 with slipway:backups.recipients: see docs/backup.md, "Let the stack make backups"');
      expect(message).toContain("pulumi config set --path slipway:harbour.phase P3 -s staging");
    }
    expect(settingsFrom({ harbour: { phase: "P2" } }, { stack: "local" }).systems[0]!.phase).toBe("P2");
  });

  it("P2 says so where a product has no mapping of its files, so that nothing is exported", () => {
    const { notices, environment, systems } = settingsFrom({ harbour: { phase: "P2" }, ...backedUp }, signed);
    expect(notices).toContain(
      "Nothing exports the JSON copy of Harbour in P2: systems/data has no mapping of its files. See docs/data.md.",
    );
    expect(exportsJson(systems[0]!, environment)).toBe(false);
  });

  it("is nothing for a product whose data was never in files", () => {
    const message = complaint({ longPier: { phase: "P2" } }, both);
    expect(message).toContain(
      'slipway:longPier.phase is "P2": Long Pier reads no cutover flag, because its data has always been in Postgres.',
    );
  });
});

describe("rotation", () => {
  it("is the system's own day, or the stack's", () => {
    const { systems } = settingsFrom({ rotated: "2026-10-01", longPier: { rotated: "2026-11-20" } }, both);
    expect(systems.map(({ rotated }) => rotated)).toEqual(["2026-10-01", "2026-11-20"]);
  });
});

describe("a server's sizing", () => {
  it("is noticed where the node has less than the product's documents give", () => {
    const large = { ...harbour, postgres: { ...harbour.postgres, sizing: { connections: 100, effectiveCacheMiB: 8192 } } };
    const notices = (size: string) => settingsFrom({ postgres: { version: "16", size } }, { systems: [large] }).notices.join();
    expect(notices("db-s-2vcpu-4gb")).toContain("more than db-s-2vcpu-4gb has: 97 connections of 100, 4096 MiB for a cache of 8192 MiB");
    expect(notices("db-s-4vcpu-8gb")).not.toContain("documents give");
  });
});

describe("the expected load", () => {
  const busy: System = { ...harbour, postgres: { ...harbour.postgres, sizing: { concurrentUsers: 1000 } } };
  const notices = (values: Record<string, unknown>, stack = "prod") =>
    settingsFrom({ postgres: { version: "16", size: "db-s-2vcpu-4gb" }, ...values }, { stack, systems: [busy] }).notices.join("\n");

  it("needs 20 connections for 1000 users and 10 for 500: a request every ten seconds, a tenth of a second in the database, twice at peaks", () => {
    expect([1000, 500, 1].map(connectionsFor)).toEqual([20, 10, 1]);
  });

  it("leaves a notice in production where the API has fewer, over all of its instances", () => {
    const text = "Harbour is expected to serve 1000 users at a time, for which its API needs about 20 connections; it has 8.";
    expect(notices({ harbour: { connections: { "api/POOL_MAX": 8 } } })).toContain(text);
    expect(notices({ harbour: { connections: { "api/POOL_MAX": 8 }, sizes: { api: { instances: 3 } } } })).not.toContain("is expected");
    expect(notices({})).not.toContain("is expected");
    expect(notices({ harbour: { connections: { "api/POOL_MAX": 8 } } }, "staging")).not.toContain("is expected");
  });
});
