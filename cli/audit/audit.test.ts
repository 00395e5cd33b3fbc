import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { withProject } from "../../audit/testing/programs.ts";
import { auditSchema } from "../../report/audit.ts";
import { systems } from "../../systems/index.ts";
import { launcher, root, slipway } from "../testing/slipway.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "slipway audit "));
const home = process.cwd();
afterAll(() => {
  process.chdir(home);
  rmSync(scratch, { recursive: true });
});

const audit = (columns: number, ...argv: readonly string[]) => slipway(["audit", ...argv], { columns });

const here = ["--cwd", root];
/** How old the secrets of prod are depends on the date of the run. */
const prod = ["--stack", "prod", "--max-age", "3650", ...here];

const LEAKY = {
  "index.ts": `import * as pulumi from "@pulumi/pulumi";
export default function shop() {
  return { stripe: pulumi.unsecret(new pulumi.Config("shop").requireSecret("stripe")) };
}
`,
};

it("prints how many secrets are proved, and the path of each", async () => {
  const { code, stdout } = await audit(120, ...prod);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^prod: no findings; proved (\d+) of \1 secrets\n/);
  expect(stdout).toMatch(/^ {4}→ variable \w+ of (\S+) in (\S+) \(SECRET, RUN_TIME\)\n {4}→ the process of \1 in \2$/m);
});

it("verifies at run time which processes read a secret, with --run", async () => {
  const names = systems.map(({ name }) => name);
  const { code, stdout } = await audit(120, ...prod, "--config", `slipway:systems=${JSON.stringify(names)}`, "--run");
  expect(code).toBe(0);
  for (const name of names) expect(stdout).toMatch(new RegExp(`^ {2}seen {2}${name}\\.`, "m"));
  expect(stdout).toMatch(/the process of \S+ in \S+, which/);
});

it.each([40, 60, 80])("fits a terminal of %i columns", async (columns) => {
  await withProject(LEAKY, async (directory) => {
    for (const argv of [prod, ["--stack", "test", "--cwd", directory]]) {
      const { stdout } = await audit(columns, ...argv);
      expect(stdout.split("\n").filter((line) => line.length > columns)).toEqual([]);
    }
    process.chdir(home);
  });
});

it("exits with 10 for findings, and with 0 where --fail-on does not count them", async () => {
  await withProject(LEAKY, async (directory) => {
    const leaky = ["--stack", "test", "--cwd", directory];
    const { code, stdout } = await audit(100, ...leaky);
    expect(code).toBe(10);
    expect(stdout).toMatch(/^critical {2}secret-in-output/m);
    expect(stdout).toMatch(/^high {2}unsecret {2}index\.ts:3/m);
    expect(stdout).toContain("Fix: ");
    expect((await audit(100, ...leaky, "--fail-on", "critical")).code).toBe(10);
    expect((await audit(100, ...leaky, "--fail-on", "none")).code).toBe(0);
    process.chdir(home);
  });
});

it("exits with 1 where the program fails before anything is proved", async () => {
  const failing = { "index.ts": `export default function shop() {\n  throw new Error("no such region");\n}\n` };
  await withProject(failing, async (directory) => {
    const { code, stdout } = await audit(100, "--stack", "test", "--cwd", directory);
    expect([code, stdout]).toEqual([1, expect.stringContaining("The program failed, so nothing is proved: no such region")]);
    process.chdir(home);
  });
});

it("prints JSON, and writes SARIF to a file", async () => {
  const json = JSON.parse((await audit(80, ...prod, "--json")).stdout);
  expect(auditSchema.parse(json)).toEqual(json);
  expect(json.proofs.map(({ secret }: { secret: string }) => secret)).toEqual(json.declared);
  const file = path.join(scratch, "out", "audit.sarif");
  const { code, stdout, stderr } = await audit(80, ...prod, "--format", "sarif", "--out", file);
  expect([code, stdout, stderr]).toEqual([0, "", expect.stringMatching(/^prod: no findings/)]);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    version: "2.1.0",
    runs: [{ automationDetails: { id: "slipway-audit/prod/" } }],
  });
});

it("prints an HTML page", async () => {
  const { code, stdout } = await audit(80, ...prod, "--format", "html");
  expect([code, stdout]).toEqual([0, expect.stringMatching(new RegExp(`^<!doctype html>[^]*${systems[0]?.name}\\.[^]*</html>`, "i"))]);
});

it("reads an exported state and an event log without a program", async () => {
  const resources = [
    {
      urn: "urn:pulumi:prod::shop::pulumi:providers:digitalocean::do",
      type: "pulumi:providers:digitalocean",
      inputs: { token: "in the clear" },
    },
  ];
  writeFileSync(path.join(scratch, "state.json"), JSON.stringify({ version: 3, deployment: { resources } }));
  writeFileSync(path.join(scratch, "events.json"), `${JSON.stringify({ sequence: 1, diagnosticEvent: { message: "all is well" } })}\n`);
  const state = await audit(100, "--state", "state.json", "--cwd", scratch);
  expect([state.code, state.stdout]).toEqual([
    10,
    expect.stringMatching(/^state\.json: 1 finding \(1 critical\)\n\ncritical {2}state-plaintext/),
  ]);
  expect(state.stdout).not.toContain("in the clear");
  expect(await audit(100, "--events", "events.json", "--cwd", scratch)).toMatchObject({ code: 0, stdout: "events.json: no findings" });
});

it("prints only its report, whatever the program prints", async () => {
  const loud = {
    "index.ts": `import * as pulumi from "@pulumi/pulumi";
export default function shop() {
  new pulumi.Config("shop").requireSecret("stripe").apply((it) => console.log("key", Buffer.from(it).toString("base64")));
}
`,
  };
  await withProject(loud, async (directory) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, "audit", "--stack", "test", "--cwd", directory], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(stdout).toMatch(
      /^test: 1 finding .*\n\nhigh {2}secret-in-log {2}index\.ts:3\n {2}shop:stripe appears \(base64\) in the output of the program, on stdout\.\n/,
    );
    expect(status).toBe(10);
  });
});

it.each([
  [[], /^Which stack\? This project has local, prod, staging: slipway audit --stack prod$/],
  [["--stack", "prod", "--state", "x.json"], /^Give one of --stack, --state and --events/],
  [["--stack", "prod", "--format", "xml"], /^--format takes text, json, sarif or html, not "xml"/],
  [["--stack", "prod", "--fail-on", "severe"], /^--fail-on takes critical, high, medium, low or none, not "severe"/],
  [["--stack", "prod", "--max-age", "soon"], /^--max-age takes a whole number of days, 1 or more, not "soon"/],
  [["--stack", "prod", "-c", "region"], /^--config takes key=value/],
  [["--state", "nothing.json"], /^--state nothing\.json cannot be read: ENOENT/],
  [["--events", "nothing.json"], /Write it: PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log events\.json$/],
])("%j exits with 2 and prints what to type", async (argv, message) => {
  const { code, stderr } = await audit(80, ...argv, ...here);
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
});
