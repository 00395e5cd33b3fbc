import { execFile } from "node:child_process";
import path from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { main } from "./main.ts";
import { nearest } from "./nearest.ts";
import { report } from "./report.ts";
import { plainStyle, type Terminal } from "./terminal.ts";

const root = path.join(import.meta.dirname, "..");
const sample = path.join(root, "engine/fixtures/sample");

async function typed(...argv: string[]) {
  const shown: string[] = [];
  const said: string[] = [];
  const io: Terminal = { print: (text) => shown.push(text), say: (text) => said.push(text), columns: 80, style: plainStyle };
  const directory = process.cwd();
  try {
    return { code: await main(argv, io), shown: shown.join("\n"), said: said.join("\n") };
  } finally {
    process.chdir(directory);
  }
}

/** The whole process, as a shell starts it. */
async function started(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const run = promisify(execFile)(process.execPath, [path.join(root, "bin/slipway.js"), ...argv], { env: { ...process.env, ...env } });
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
  return { code: run.child.exitCode, stdout, stderr };
}

describe("what is typed", () => {
  it("is helped along when nothing is", async () => {
    expect(await typed()).toMatchObject({ code: 2, shown: expect.stringContaining("Usage: slipway <verb>") });
    expect(await typed("--help")).toMatchObject({ code: 0, shown: expect.stringMatching(/plan +what a stack asks for/) });
    expect(await typed("plan", "--help")).toMatchObject({ code: 0, shown: expect.stringContaining("Exit codes: 0 planned") });
  });

  it.each(["", "local", "plan", "preview", "comment", "cost", "audit", "migrate", "keyspaces", "post-deploy"])(
    "fits the terminal in the help of %j",
    async (verb) => {
      const { code, shown } = await typed(...(verb === "" ? [] : [verb]), "--help");
      expect(code).toBe(0);
      expect(shown.split("\n").filter((line) => line.length > 80)).toEqual([]);
    },
  );

  it("may ask which slipway this is", async () => {
    expect(await typed("--version")).toMatchObject({ code: 0, shown: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  it("may be a word that is nearly a verb", async () => {
    expect(await typed("paln")).toMatchObject({
      code: 2,
      said: 'There is no "slipway paln". Did you mean slipway plan? See: slipway --help',
    });
    expect(await typed("constructor")).toMatchObject({ code: 2, said: 'There is no "slipway constructor". See: slipway --help' });
  });

  it("may be nearly a flag, a flag without its value, or too much", async () => {
    expect((await typed("plan", "--jsn")).said).toBe("slipway plan has no flag --jsn. Did you mean --json? See: slipway plan --help");
    expect((await typed("plan", "-x")).said).toBe("slipway plan has no flag -x. See: slipway plan --help");
    expect((await typed("plan", "--stack")).said).toMatch(/^slipway plan: .*--stack.* argument missing.* See: slipway plan --help$/);
    expect((await typed("plan", "--json=yes")).said).toMatch(/^slipway plan: .*--json.* See: slipway plan --help$/);
    expect((await typed("plan", "prod")).said).toBe("slipway plan takes no word besides its flags. See: slipway plan --help");
  });
});

describe("slipway plan", () => {
  it("asks which stack, and how a config value is written", async () => {
    expect(await typed("plan")).toEqual({
      code: 2,
      shown: "",
      said: "Which stack? This project has local, prod, staging: slipway plan --stack prod",
    });
    expect(await typed("plan", "-s", "prod", "-c", "region")).toMatchObject({
      code: 2,
      said: "--config takes key=value, and was given something else: --config region=fra1",
    });
  });

  it("names the stacks there are, for one that is not", async () => {
    expect(await typed("plan", "-s", "production", "--cwd", sample)).toMatchObject({
      code: 2,
      said: expect.stringMatching(/^There is no stack "production".* This project has: prod\.$/),
    });
  });

  it("prints the tree, the order of the doors, the outputs and the stand-ins, within 80 columns", async () => {
    const { code, shown, said } = await typed("plan", "-s", "prod", "--cwd", sample);
    expect({ code, said }).toEqual({ code: 0, said: "" });
    expect(shown).toBe(`sample on stack prod: 4 resources in 1 component

garden Vpc   region nyc3 · ipRange 10.20.0.0/24
cellar Cellar
├─ …-pg DatabaseCluster [protected]
│     engine pg · version 17 · size db-s-1vcpu-1gb · nodeCount 3 · …
└─ …-firewall DatabaseFirewall [kept on delete]
      rules 203.0.113.7 · clusterId [unknown]
parlour App   region nyc · services api · [secret] ×3

The order of the doors
1  Vpc: garden
2  DatabaseCluster: cellar-pg
3  DatabaseFirewall: cellar-firewall
4  App: parlour

Outputs
  region  nyc3
  uri  [secret]

Values that are only stand-ins here
  sample:mail.password
  sample:token`);
    expect(Math.max(...shown.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("takes config values over the file's", async () => {
    const { shown } = await typed("plan", "-s", "prod", "--cwd", sample, "-c", "region=ams3", "-c", "sample:nodes=1", "--json");
    const { outputs, resources } = JSON.parse(shown);
    expect(outputs.region).toBe("ams3");
    expect(resources.find((resource: { name: string }) => resource.name === "cellar-pg").inputs.nodeCount).toBe(1);
  });

  it("exits with 1 and the program's own words where the program fails", async () => {
    expect(await typed("plan", "-s", "prod", "--cwd", sample, "-c", "nodes=many")).toMatchObject({
      code: 1,
      shown: "",
      said: expect.stringContaining("'sample:nodes' value 'many' is not a valid number"),
    });
  });
});

describe("the whole process", () => {
  it("prints the same bytes twice, with no secret and no colour in them", async () => {
    const [one, two] = await Promise.all([1, 2].map(() => started(["plan", "-s", "prod", "--cwd", sample, "--json"], { FORCE_COLOR: "" })));
    expect(one).toMatchObject({ code: 0, stderr: "" });
    expect(one?.stdout).toBe(two?.stdout);
    expect(JSON.parse(one?.stdout ?? "")).toMatchObject({
      project: "sample",
      stack: "prod",
      placeholders: ["sample:mail.password", "sample:token"],
    });
    expect(one?.stdout).not.toContain("placeholder-");
    expect(one?.stdout).toBe(stripVTControlCharacters(one?.stdout ?? ""));
  });

  it("tells a mistake in one sentence, and its stack only when asked", async () => {
    const typo = ["plan", "-s", "prod", "--cwd", sample, "-c", "nodes=many"];
    const quiet = await started(typo);
    expect(quiet).toMatchObject({ code: 1, stdout: "" });
    expect(quiet.stderr).not.toMatch(/\n +at /);
    expect((await started(typo, { SLIPWAY_DEBUG: "1" })).stderr).toMatch(/\n +at /);
  });

  it("ends, and says what waits for what, when a program waits for ever", async () => {
    const { code, stderr } = await started(["plan", "-s", "dev", "--cwd", path.join(root, "engine/fixtures/stuck")]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'The program never ends: stuck:index:Thing "waiting" waits for its until. Check for resources that wait for each other, and for a promise that nothing resolves.\n',
    );
  });
});

it("guesses a word from a slip of the finger, and not from another word", () => {
  expect(nearest("audti", ["audit", "plan"])).toBe("audit");
  expect(nearest("jso", ["json", "stack"])).toBe("json");
  expect(nearest("deploy", ["plan", "audit", "doctor"])).toBeUndefined();
});

describe("what must not be told", () => {
  const TOKEN = "kB7xQ2vR9mT4wZ8nL5cJ1hG6";
  const leaky = path.join(root, "engine/fixtures/leaky");

  it("is told neither by the program's own words, nor by SLIPWAY_DEBUG=1, nor by what the program prints", async () => {
    const { code, stdout, stderr } = await started(["plan", "-s", "dev", "--json", "--cwd", leaky], { SLIPWAY_DEBUG: "1" });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("printed [secret]\n");
    expect(stderr).toMatch(/refused \[secret\] \(index\.ts:\d+\)\n/);
    expect(stderr).toMatch(/caused by: Error: by postgres:\/\/\[secret\]@db\.example\.com\/app with \[secret\]\n +at /);
    for (const form of [TOKEN, TOKEN.slice(0, 12), Buffer.from(TOKEN).toString("base64").slice(4, 20), "p@ss"])
      expect(stderr).not.toContain(form);
  });

  it("is not told by a program that ends the process before anybody knows what is secret", async () => {
    const { code, stdout, stderr } = await started(["plan", "-s", "dev", "--cwd", leaky], { LEAKY_EXITS: "1" });
    expect({ code, stdout, stderr }).toEqual({
      ...{ code: 9, stdout: "" },
      stderr: "The process exited while the program ran. Its output is not shown, because its secrets were not known yet.\n",
    });
  });

  it("is not repeated from the command line: half a value, a value without its key", async () => {
    for (const argv of [
      ["plan", "-s", "dev", "-c", TOKEN],
      ["plan", "-s", "dev", "-c", `=${TOKEN}`],
      ["plan", "-s", "dev", "-c", "token=", TOKEN],
    ]) {
      const { code, said } = await typed(...argv);
      expect({ code, told: said.includes(TOKEN) }).toEqual({ code: 2, told: false });
    }
  });

  it("is known by its shape, wherever an error comes from", () => {
    const said: string[] = [];
    const io: Terminal = { print: () => {}, say: (text) => said.push(text), columns: 80, style: plainStyle };
    expect(
      report(new Error("Unable to authenticate: dop_v1_0123456789abcdef0123456789abcdef at https://bob:hush@api.example.com/v2"), io),
    ).toBe(1);
    expect(said).toEqual(["Unable to authenticate: [secret] at https://[secret]@api.example.com/v2"]);
  });

  it("is known when this process was given it to keep, also apart from the URL in which it came", () => {
    const said: string[] = [];
    const io: Terminal = { print: () => {}, say: (text) => said.push(text), columns: 80, style: plainStyle };
    vi.stubEnv("SLIPWAY_TEST_URL", "postgres://app:correct-horse@db.example.com/app");
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "battery staple");
    report(new Error("password correct-horse is wrong, and so is battery staple, at db.example.com"), io);
    vi.unstubAllEnvs();
    expect(said).toEqual(["password [secret] is wrong, and so is [secret], at db.example.com"]);
  });
});
