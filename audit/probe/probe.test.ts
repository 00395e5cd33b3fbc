/** Proof by sight: the local cloud makes what the program declares, and each component of its apps is really started. */
import * as digitalocean from "@pulumi/digitalocean";
import { describe, expect, it } from "vitest";
import { prober } from "../../cli/audit-run.ts";
import type { Program } from "../../engine/record.ts";
import { auditProgram } from "../audit.ts";
import { QUIET, rulesOf, SHOP, shop, stripe } from "../testing/programs.ts";
import { fingerprint } from "./fingerprint.ts";
import { startProbe } from "./probe.ts";

const seen = (program: Program) => auditProgram({ program, ...SHOP }, QUIET, prober);

describe("a component's process", () => {
  it("tells fingerprints of the variables that it was started with and of the passwords in them, and no value", async () => {
    const told = await startProbe({ KEY: "hush", URL: "postgresql://u:h%2Fush@db.test:1/x" }, "the key");
    expect(told).toEqual({
      KEY: [fingerprint("hush", "the key")],
      URL: [fingerprint("postgresql://u:h%2Fush@db.test:1/x", "the key"), fingerprint("h/ush", "the key")],
    });
    expect((await startProbe({ KEY: "hush" }, "another key")).KEY).not.toEqual(told.KEY);
  });

  it("inherits nothing of this process", async () => {
    process.env.SLIPWAY_AUDIT_TEST = "inherited";
    expect(Object.keys(await startProbe({ KEY: "hush" }, "the key"))).toEqual(["KEY"]);
    delete process.env.SLIPWAY_AUDIT_TEST;
  });
});

describe("a secret", () => {
  it("is seen where the process that should have it has it", async () => {
    const { findings, proofs } = await seen(() => void shop());
    expect({ findings, proofs: proofs.map(({ secret, strength }) => [secret, strength]) }).toEqual({
      findings: [],
      proofs: [["shop:stripe", "seen"]],
    });
  });

  it("is seen in every component of an app that gives it to all of them", async () => {
    const { findings, proofs } = await seen(() => {
      new digitalocean.App("shop", {
        spec: {
          name: "shop",
          region: "nyc",
          envs: [{ key: "STRIPE", value: stripe(), scope: "RUN_TIME", type: "SECRET" }],
          services: ["api", "web"].map((name) => ({
            name,
            image: { registryType: "DOCKER_HUB", registry: "library", repository: "nginx", tag: "1" },
          })),
        },
      });
    });
    expect({ rules: rulesOf({ findings }), strength: proofs[0]?.strength }).toEqual({ rules: [], strength: "seen" });
  });

  it("that a process holds in a variable that the plan does not show it in is a finding", async () => {
    const program = () => void shop([{ key: "INNOCENT", value: "nothing", scope: "RUN_TIME" }]);
    const { findings } = await auditProgram({ program, ...SHOP }, QUIET, async (subject) => {
      const observation = await prober(subject);
      const [value] = observation.values.get("config shop:stripe")!;
      const [first] = observation.probes;
      return {
        ...observation,
        probes: [{ ...first!, fingerprints: { ...first!.fingerprints, INNOCENT: [fingerprint(value!, observation.key)] } }],
      };
    });
    expect(rulesOf({ findings })).toEqual(["reader-without-need"]);
  });

  it("stays as proved as it was where the cloud cannot make what the program declares, and the report says so", async () => {
    const { proofs, notes } = await seen(() => {
      shop();
      new digitalocean.Droplet("box", { image: "ubuntu-24-04-x64", size: "s-1vcpu-1gb", region: "nyc1" });
    });
    expect(proofs.map(({ strength }) => strength)).toEqual(["wired"]);
    expect(notes).toEqual([expect.stringMatching(/^Nothing was seen, .*droplet/i)]);
  });
});
