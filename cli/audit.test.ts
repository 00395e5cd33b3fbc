import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { withProject } from "../audit/testing/programs.ts";
import { auditSchema } from "../report/audit.ts";
import { main } from "./main.ts";
import { plainStyle } from "./terminal.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "slipway audit "));
const home = process.cwd();
afterAll(() => {
  process.chdir(home);
  rmSync(scratch, { recursive: true });
});

async function slipway(columns: number, ...argv: readonly string[]) {
  const [printed, said]: [string[], string[]] = [[], []];
  const code = await main(["audit", ...argv], {
    print: (text) => printed.push(text),
    say: (text) => said.push(text),
    columns,
    style: plainStyle,
  });
  return { code, text: printed.join("\n"), said: said.join("\n") };
}

const here = ["--cwd", path.join(import.meta.dirname, "..")];
/** The age of prod's secrets is a matter of the day on which this runs. */
const prod = ["--stack", "prod", "--max-age", "3650", ...here];

const LEAKY = {
  "index.ts": `import * as pulumi from "@pulumi/pulumi";
export default function shop() {
  return { stripe: pulumi.unsecret(new pulumi.Config("shop").requireSecret("stripe")) };
}
`,
};

it("tells how many secrets are proved, and the way of each", async () => {
  const { code, text } = await slipway(120, ...prod);
  expect(code).toBe(0);
  expect(text).toMatch(/^prod: nothing found; proved (\d+) of \1 secrets\n/);
  expect(text).toContain("    → variable JWT_SECRET of api in fluxstudio (SECRET, RUN_TIME)\n    → the process of api in fluxstudio\n");
});

it("has seen the processes that read a secret, where it was asked to start them", async () => {
  const { code, text } = await slipway(120, ...prod, "--run");
  expect(code).toBe(0);
  expect(text).toMatch(/^ {2}seen {2}fluxstudio\.jwtSecret$/m);
  expect(text).toMatch(/^ {2}seen {2}candlefish\.postgres\.runtime$/m);
  expect(text).toContain("the process of api in rtpm-api-candlefish, which reported its fingerprint");
});

it.each([40, 60, 80])("fits a terminal of %i columns", async (columns) => {
  await withProject(LEAKY, async (directory) => {
    for (const argv of [prod, ["--stack", "test", "--cwd", directory]]) {
      const { text } = await slipway(columns, ...argv);
      expect(text.split("\n").filter((line) => line.length > columns)).toEqual([]);
    }
    process.chdir(home);
  });
});

it("exits with 10 where something is found, and with 0 where it does not count", async () => {
  await withProject(LEAKY, async (directory) => {
    const leaky = ["--stack", "test", "--cwd", directory];
    const { code, text } = await slipway(100, ...leaky);
    expect(code).toBe(10);
    expect(text).toMatch(/^critical {2}secret-in-output/m);
    expect(text).toMatch(/^high {2}unsecret {2}index\.ts:3/m);
    expect(text).toContain("Fix: ");
    expect((await slipway(100, ...leaky, "--fail-on", "critical")).code).toBe(10);
    expect((await slipway(100, ...leaky, "--fail-on", "none")).code).toBe(0);
    process.chdir(home);
  });
});

it("exits with 1, without the secret, where the program fails before anything is proved", async () => {
  const failing = { "index.ts": `export default function shop() {\n  throw new Error("no such region");\n}\n` };
  await withProject(failing, async (directory) => {
    const { code, text } = await slipway(100, "--stack", "test", "--cwd", directory);
    expect([code, text]).toEqual([1, expect.stringContaining("The program failed, so nothing is proved: no such region")]);
    process.chdir(home);
  });
});

it("gives the same to a machine, as JSON and as SARIF in a file", async () => {
  const json = JSON.parse((await slipway(80, ...prod, "--json")).text);
  expect(auditSchema.parse(json)).toEqual(json);
  expect(json.proofs.map(({ secret }: { secret: string }) => secret)).toEqual(json.declared);
  const file = path.join(scratch, "out", "audit.sarif");
  const { code, text, said } = await slipway(80, ...prod, "--format", "sarif", "--out", file);
  expect([code, text, said]).toEqual([0, "", expect.stringMatching(/^prod: nothing found/)]);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    version: "2.1.0",
    runs: [{ automationDetails: { id: "slipway-audit/prod/" } }],
  });
});

it("draws it as a page", async () => {
  const { code, text } = await slipway(80, ...prod, "--format", "html");
  expect([code, text]).toEqual([0, expect.stringMatching(/^<!doctype html>[\s\S]*fluxstudio\.jwtSecret[\s\S]*<\/html>/i)]);
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
  const state = await slipway(100, "--state", "state.json", "--cwd", scratch);
  expect([state.code, state.text]).toEqual([
    10,
    expect.stringMatching(/^state\.json: 1 found \(1 critical\)\n\ncritical {2}state-plaintext/),
  ]);
  expect(state.text).not.toContain("in the clear");
  expect(await slipway(100, "--events", "events.json", "--cwd", scratch)).toMatchObject({ code: 0, text: "events.json: nothing found" });
});

it("prints its report and nothing else, as a whole process, whatever the program prints", async () => {
  const loud = {
    "index.ts": `import * as pulumi from "@pulumi/pulumi";
export default function shop() {
  new pulumi.Config("shop").requireSecret("stripe").apply((it) => console.log("key", Buffer.from(it).toString("base64")));
}
`,
  };
  await withProject(loud, async (directory) => {
    const launcher = path.join(import.meta.dirname, "../bin/slipway.js");
    const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, "audit", "--stack", "test", "--cwd", directory], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(stdout).toMatch(
      /^test: 1 found .*\n\nhigh {2}secret-in-log\n {2}shop:stripe appears \(base64\) in the output of the program, on stdout\.\n/,
    );
    expect(status).toBe(10);
  });
});

it.each([
  [[], /^Which stack\? This project has local, prod, staging: slipway audit --stack prod$/],
  [["--stack", "prod", "--state", "x.json"], /^Give one of --stack, --state and --events/],
  [["--stack", "prod", "--format", "xml"], /^--format takes text, json, sarif, html, not "xml"/],
  [["--stack", "prod", "--fail-on", "severe"], /^--fail-on takes critical, high, medium, low or none, not "severe"/],
  [["--stack", "prod", "--max-age", "soon"], /^--max-age takes a whole number of days, 1 or more, not "soon"/],
  [["--stack", "prod", "-c", "region"], /^--config takes key=value/],
  [["--state", "nothing.json"], /^--state nothing\.json cannot be read: ENOENT/],
  [["--events", "nothing.json"], /It is written by: PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log events\.json$/],
])("says what to type in place of %j", async (argv, says) => {
  const { code, said } = await slipway(80, ...argv, ...here);
  expect([code, said]).toEqual([2, expect.stringMatching(says)]);
});
