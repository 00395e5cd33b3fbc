import path from "node:path";
import { describe, expect, it } from "vitest";
import { root, slipway } from "../testing/slipway.ts";

const house = path.join(root, "engine/fixtures/house");

describe("slipway plan", () => {
  it("names the stacks where none is given, and the form of a config value", async () => {
    expect(await slipway(["plan"])).toEqual({
      code: 2,
      stdout: "",
      stderr: "Which stack? This project has local, prod, staging: slipway plan --stack prod",
    });
    expect(await slipway(["plan", "-s", "prod", "-c", "region"])).toMatchObject({
      code: 2,
      stderr: "--config takes key=value: --config region=fra1",
    });
  });

  it("names the stacks of the project where the given one does not exist", async () => {
    expect(await slipway(["plan", "-s", "production", "--cwd", house])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^There is no stack "production".* This project has: prod\.$/),
    });
  });

  it("prints the tree, the creation order, the outputs and the placeholders within 80 columns", async () => {
    const { code, stdout, stderr } = await slipway(["plan", "-s", "prod", "--cwd", house]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`house on stack prod: 4 resources in 1 component

garden Vpc   region nyc3 · ipRange 10.20.0.0/24
cellar Cellar
├─ …-pg DatabaseCluster [protected]
│     engine pg · version 17 · size db-s-1vcpu-1gb · nodeCount 3 · …
└─ …-firewall DatabaseFirewall [kept on delete]
      rules 203.0.113.7 · clusterId [unknown]
parlour App   region nyc · services api · [secret] ×3

Creation order
1  Vpc: garden
2  DatabaseCluster: cellar-pg
3  DatabaseFirewall: cellar-firewall
4  App: parlour

Outputs
  region  nyc3
  uri  [secret]

Placeholders, for values that an operator sets
  house:mail.password
  house:token`);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("shows when a stack makes backups, what is kept, where, and what it costs", async () => {
    const made = { bucketPrefix: "slipway-prod", image: "ghcr.io/acme/slipway:1.0.0", recipients: [`age1${"q".repeat(58)}`], hourly: true };
    const sectionOf = async (...flags: readonly string[]) => {
      const { stdout } = await slipway(["plan", "-s", "prod", "--placeholders", "-c", `slipway:backups=${JSON.stringify(made)}`, ...flags]);
      return stdout.split("\n\n").find((section) => section.startsWith("Backups"));
    };
    expect(await sectionOf()).toBe(`Backups
  fluxstudio: every hour, and at 02:00 UTC
  devx: every hour, and at 02:00 UTC
  candlefish: every hour, and at 02:00 UTC
  keeps 30 daily, 12 weekly, 12 monthly, 5 yearly
  copies in nyc3 and sfo3, encrypted for 1 recipient
  before migrations, seeds and other versions of the applications, unless a
    verified one is at most 1 hour old
  3 workers: 15.00 USD a month`);
    const byHand = ["-c", 'slipway:postDeploy={"mode":"manual"}', "-c", "slipway:allowedSources=[]"];
    expect(await sectionOf(...byHand)).not.toContain("before migrations");
  });

  it("takes config values over the file's", async () => {
    const { stdout } = await slipway(["plan", "-s", "prod", "--cwd", house, "-c", "region=ams3", "-c", "house:nodes=1", "--json"]);
    const { outputs, resources } = JSON.parse(stdout);
    expect(outputs.region).toBe("ams3");
    expect(resources.find((resource: { name: string }) => resource.name === "cellar-pg").inputs.nodeCount).toBe(1);
  });

  it("exits with 1 and the program's error where the program fails", async () => {
    expect(await slipway(["plan", "-s", "prod", "--cwd", house, "-c", "nodes=many"])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("'house:nodes' value 'many' is not a valid number"),
    });
  });
});
