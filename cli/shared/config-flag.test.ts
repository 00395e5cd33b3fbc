import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { main } from "../main.ts";
import { withConfigFlags } from "./config-flag.ts";
import { plainStyle, type Terminal } from "./terminal.ts";

async function typed(...argv: string[]) {
  const [shown, said]: [string[], string[]] = [[], []];
  const io: Terminal = { print: (text) => shown.push(text), say: (text) => said.push(text), columns: 200, style: plainStyle };
  const directory = process.cwd();
  try {
    return { code: await main(argv, io), shown: shown.join("\n"), said: stripVTControlCharacters(said.join("\n")) };
  } finally {
    process.chdir(directory);
  }
}

describe("a value of --config that is refused", () => {
  it("is fixed on the command line, not in the stack's file", async () => {
    const { code, said } = await typed("plan", "--stack", "prod", "-c", "slipway:regoin=nyc1", "-c", "slipway:region=mars");
    expect(code).toBe(1);
    expect(said).toMatch(
      /slipway:regoin: there is no such setting[\s\S]*type: {4}leave out -c slipway:regoin=…\n +-c slipway:region='<value>'/,
    );
    expect(said).toMatch(/slipway:region is "mars"[\s\S]*type: {4}-c slipway:region=nyc1/);
    expect(said).not.toMatch(/pulumi config (rm|set) slipway:rego?i/);
  });

  it("inside of an object is fixed there", async () => {
    const { said } = await typed("plan", "--stack", "prod", "-c", 'slipway:postgres={"layout":"shared","size":"huge"}');
    expect(said).toContain("set size to db-s-1vcpu-2gb in -c slipway:postgres=…");
    // This one is in the file.
    expect(said).toContain("pulumi config rm --path slipway:candlefish.region -s prod");
  });

  it("is told the same way by an audit", async () => {
    const { shown, code } = await typed("audit", "--stack", "prod", "-c", "slipway:regoin=nyc1");
    expect(code).not.toBe(0);
    expect(shown).toContain("leave out -c slipway:regoin=…");
  });

  it.each(["plan", "audit"])("is not repeated by slipway %s where it has no key: it may be a secret", async (verb) => {
    const { code, said } = await typed(verb, "--stack", "prod", "-c", "hunter2hunter2");
    expect([code, said.includes("hunter2")]).toEqual([2, false]);
    expect(said).toContain("--config takes key=value");
  });
});

it("leaves commands alone that are about other keys", () => {
  const text = "type:    pulumi config set slipway:region nyc1 -s qa";
  expect(withConfigFlags(text, { "slipway:regions": "x" }, "slipway")).toBe(text);
  expect(withConfigFlags(text, { region: "x" }, "slipway")).toBe("type:    -c slipway:region=nyc1");
});
