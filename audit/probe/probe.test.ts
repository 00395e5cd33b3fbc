/** Verification at run time: the local cloud creates the resources of a program, and a probe starts for each component. */
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
  it("reports fingerprints of its variables and of the passwords in them, and no value", async () => {
    const fingerprints = await startProbe({ KEY: "hush", URL: "postgresql://u:h%2Fush@db.test:1/x" }, "the key");
    expect(fingerprints).toEqual({
      KEY: [fingerprint("hush", "the key")],
      URL: [fingerprint("postgresql://u:h%2Fush@db.test:1/x", "the key"), fingerprint("h/ush", "the key")],
    });
    expect((await startProbe({ KEY: "hush" }, "another key")).KEY).not.toEqual(fingerprints.KEY);
  });

  it("inherits nothing of this process", async () => {
    process.env.SLIPWAY_AUDIT_TEST = "inherited";
    expect(Object.keys(await startProbe({ KEY: "hush" }, "the key"))).toEqual(["KEY"]);
    delete process.env.SLIPWAY_AUDIT_TEST;
  });
});

describe("a secret", () => {
  it("is seen if its process received it", async () => {
    const { findings, proofs } = await seen(() => void shop());
    expect({ findings, proofs: proofs.map(({ secret, strength }) => [secret, strength]) }).toEqual({
      findings: [],
      proofs: [["shop:stripe", "seen"]],
    });
  });

  it("is seen if every component of an app received it", async () => {
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

  it("is a finding if a process holds it in a variable that the plan does not show", async () => {
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

  it("stays wired, with a note, if the local cloud cannot create a resource of the program", async () => {
    const { proofs, notes } = await seen(() => {
      shop();
      new digitalocean.Droplet("box", { image: "ubuntu-24-04-x64", size: "s-1vcpu-1gb", region: "nyc1" });
    });
    expect(proofs.map(({ strength }) => strength)).toEqual(["wired"]);
    expect(notes).toEqual([expect.stringMatching(/^Nothing was verified at run time, .*droplet/i)]);
  });
});
