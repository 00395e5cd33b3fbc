import { describe, expect, it } from "vitest";
import { slipway } from "../testing/slipway.ts";
import { withConfigFlags } from "./config-flag.ts";

describe("an invalid value of --config", () => {
  it("is fixed on the command line, not in the stack's file", async () => {
    const { code, stderr } = await slipway(["plan", "--stack", "prod", "-c", "slipway:regoin=nyc1", "-c", "slipway:region=mars"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /slipway:regoin: there is no such setting[\s\S]*type: {4}leave out -c slipway:regoin=…\n +-c slipway:region='<value>'/,
    );
    expect(stderr).toMatch(/slipway:region is "mars"[\s\S]*type: {4}-c slipway:region=nyc1/);
    expect(stderr).not.toMatch(/pulumi config (rm|set) slipway:rego?i/);
  });

  it("inside of an object is fixed there", async () => {
    const { stderr } = await slipway(["plan", "--stack", "prod", "-c", 'slipway:postgres={"layout":"shared","size":"huge"}']);
    expect(stderr).toContain("set size to db-s-1vcpu-2gb in -c slipway:postgres=…");
    // This one is in the file.
    expect(stderr).toMatch(/pulumi config rm --path slipway:\w+\.region -s prod/);
  });

  it("is reported the same way by an audit", async () => {
    const { stdout, code } = await slipway(["audit", "--stack", "prod", "-c", "slipway:regoin=nyc1"]);
    expect(code).not.toBe(0);
    expect(stdout).toContain("leave out -c slipway:regoin=…");
  });

  it.each(["plan", "audit"])("is not repeated by slipway %s where it has no key, because it may be a secret", async (verb) => {
    const { code, stderr } = await slipway([verb, "--stack", "prod", "-c", "hunter2hunter2"]);
    expect([code, stderr.includes("hunter2")]).toEqual([2, false]);
    expect(stderr).toContain("--config takes key=value");
  });
});

it("keeps commands for other keys", () => {
  const text = "type:    pulumi config set slipway:region nyc1 -s qa";
  expect(withConfigFlags(text, { "slipway:regions": "x" }, "slipway")).toBe(text);
  expect(withConfigFlags(text, { region: "x" }, "slipway")).toBe("type:    -c slipway:region=nyc1");
});
