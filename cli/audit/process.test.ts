/** Audits programs that attack the report or the machine, each in a process of its own. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { withProject } from "../../audit/testing/programs.ts";
import { findSandbox } from "../../preview/sandbox/sandbox.ts";
import { auditSchema, type Finding } from "../../report/audit.ts";
import { launcher } from "../testing/slipway.ts";

const PROGRAM = (statement: string) => `import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import * as pulumi from "@pulumi/pulumi";
export default async function shop() {
  const secret = new pulumi.Config("shop").requireSecret("stripe");
  const done = secret.apply(async (it) => {
    ${statement}
  });
  await new Promise((resolve, reject) => void (done as any).promise(true).then(resolve, reject));
}
`;

const slipway = (directory: string, ...argv: readonly string[]) =>
  spawnSync(process.execPath, [launcher, "audit", "--stack", "test", "--cwd", directory, ...argv], { encoding: "utf8" });

const run = (statement: string, ...argv: readonly string[]) =>
  withProject({ "index.ts": PROGRAM(statement) }, (directory) => slipway(directory, ...argv));

const CORRUPTING: Readonly<Record<string, string>> = {
  "prints on the console": `console.log("}", it); console.error("{");`,
  "writes to the descriptors": `fs.writeSync(1, "}" + it); fs.writeSync(2, "{");`,
  "writes to the pipe of the result": `fs.writeSync(3, '{"audit":{"findings":[]}}\\n');`,
  "starts a process that prints": `execFileSync("echo", ["}", it], { stdio: "inherit" });`,
  "starts a shell that prints": `spawnSync("sh", ["-c", "echo garbage; echo garbage >&2"], { stdio: "inherit" });`,
  exits: "process.exit(0);",
  "exits without asking": "(process as any).reallyExit(0);",
  "ends its own process": `process.kill(process.pid, "SIGKILL");`,
  "replaces what writes the report": "JSON.stringify = () => 'garbage'; process.stdout.write = () => true;",
};

describe("a program", () => {
  it.each(Object.entries(CORRUPTING))("that %s does not change the form of the report", async (_, statement) => {
    const json = await run(statement, "--format", "json");
    expect(json.stderr).toBe("");
    auditSchema.parse(JSON.parse(json.stdout));
    expect([0, 1, 10]).toContain(json.status);
    const sarif = await run(statement, "--format", "sarif");
    expect(JSON.parse(sarif.stdout)).toMatchObject({ version: "2.1.0" });
  });

  it("that ends the process fails the audit, which reports how it ended", async () => {
    const { status, stdout } = await run(CORRUPTING["ends its own process"]!, "--format", "json");
    expect([status, JSON.parse(stdout).failure]).toEqual([1, expect.stringMatching(/^SIGKILL ended the process/)]);
    const exited = await run(CORRUPTING.exits!, "--format", "json");
    expect([exited.status, JSON.parse(exited.stdout).failure]).toEqual([1, expect.stringContaining("The program calls process.exit")]);
  });

  it("that leaks through a process with its stdout is found at the line that starts it", async () => {
    const { stdout } = await run(CORRUPTING["starts a process that prints"]!, "--format", "json");
    const found = (JSON.parse(stdout).findings as readonly Finding[]).map(({ rule, source }) => [rule, source?.line]);
    // What the process prints arrives at the descriptor, where no statement is known.
    expect(found).toEqual([
      ["secret-in-log", 1],
      ["secret-on-command-line", 8],
    ]);
  });
});

describe.skipIf((await findSandbox()) === undefined)("an untrusted program", () => {
  /** What it could read is in the failure, which is the only text that it controls. */
  const attack = async (statement: string, ...argv: readonly string[]) =>
    withProject(
      { "index.ts": PROGRAM(statement), ".gitignore": "node_modules\n.env\n", ".env": "KEY=kept-out-of-the-sandbox\n" },
      (directory) => {
        const git = (...args: readonly string[]) => spawnSync("git", args, { cwd: directory });
        git("init", "--quiet");
        git("config", "slipway.token", "kept-out-of-the-sandbox");
        mkdirSync(path.join(directory, "folder"));
        writeFileSync(path.join(directory, "folder", "data.txt"), "committed");
        return spawnSync(process.execPath, [launcher, "audit", "--stack", "test", "--cwd", directory, "--format", "json", ...argv], {
          encoding: "utf8",
          env: { ...process.env, KEY_OF_THE_USER: "kept-out-of-the-sandbox" },
        });
      },
    );

  const ATTACKS: Readonly<Record<string, string>> = {
    "the environment": "throw new Error(`${process.env.KEY_OF_THE_USER}`);",
    "git's configuration": `throw new Error(fs.readFileSync(".git/config", "utf8"));`,
    "a file that git ignores": `throw new Error(fs.readFileSync(".env", "utf8"));`,
  };

  it.each(Object.entries(ATTACKS))("cannot read %s, which it can read without the sandbox", async (_, statement) => {
    const control = await attack(statement);
    expect(control.stdout).toContain("kept-out-of-the-sandbox");
    const { stdout, status } = await attack(statement, "--untrusted");
    expect([status, JSON.parse(stdout).failure]).toEqual([1, expect.any(String)]);
    expect(stdout).not.toContain("kept-out-of-the-sandbox");
  });

  it("cannot start a process, and is audited all the same", async () => {
    const { stdout } = await attack(
      `try { spawnSync("true"); } catch (error) { console.log(error.code); }\n    console.log(it);`,
      "--untrusted",
    );
    const { findings, failure } = JSON.parse(stdout);
    expect([failure, findings]).toEqual([
      undefined,
      [expect.objectContaining({ rule: "secret-in-log", source: { file: "index.ts", line: 9 } })],
    ]);
  });

  it("is refused with --run, and without a git repository", async () => {
    const refused = await run("", "--untrusted", "--run");
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("Leave out one of them")]);
    const elsewhere = await run("", "--untrusted");
    expect([elsewhere.status, elsewhere.stderr]).toEqual([2, expect.stringContaining("is not in a git repository")]);
  });
});
