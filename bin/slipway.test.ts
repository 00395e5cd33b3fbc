import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const launcher = path.join(import.meta.dirname, "slipway.js");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "slipway-bin-"));
  mkdirSync(path.join(folder, "bin"));
  cpSync(launcher, path.join(folder, "bin/slipway.js"));
  writeFileSync(path.join(folder, "package.json"), `{"type":"module"}`);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Starts the launcher on this Node, which reports an older version. */
function start(file: string, { as, typed = [] }: { as?: string; typed?: readonly string[] } = {}) {
  const disguise = `Object.defineProperty(process, "version", { value: "v${as}" });
    Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${as}" } });`;
  const flags = as ? ["--import", `data:text/javascript,${encodeURIComponent(disguise)}`] : [];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, file, ...typed], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("the launcher", () => {
  it("starts the compiled command where there are no sources", () => {
    mkdirSync(path.join(folder, "dist/cli"), { recursive: true });
    writeFileSync(
      path.join(folder, "dist/cli/main.js"),
      "export const main = async (argv) => { console.log(argv.join()); return 3; }; export const tell = async () => 1;",
    );
    expect(start(path.join(folder, "bin/slipway.js"), { typed: ["plan", "--json"] })).toEqual({
      status: 3,
      stdout: "plan,--json\n",
      stderr: "",
    });
  });

  it("hands over to the checkout's own Node where the one it was started with is too old", () => {
    mkdirSync(path.join(folder, "node_modules/node/bin"), { recursive: true });
    symlinkSync(process.execPath, path.join(folder, "node_modules/node/bin/node"));
    mkdirSync(path.join(folder, "dist/cli"), { recursive: true });
    writeFileSync(
      path.join(folder, "dist/cli/main.js"),
      `export const main = async (argv) => { console.log(process.version, ...argv); return argv.length; };
       export const tell = async () => 1;`,
    );
    const own = path.join(folder, "bin/slipway.js");
    const handed = (typed: readonly string[]) => ({
      status: typed.length,
      stdout: `${[process.version, ...typed].join(" ")}\n`,
      stderr: "",
    });
    for (const typed of [["--help"], ["plan", "--json"]]) expect(start(own, { as: "18.20.8", typed })).toEqual(handed(typed));
    expect(start(own, { as: "22.17.1", typed: ["x"] })).toEqual(handed(["x"]));
  });

  it("ends when its reader has read all, at once and with the whole of a long report", () => {
    mkdirSync(path.join(folder, "dist/cli"), { recursive: true });
    writeFileSync(
      path.join(folder, "dist/cli/main.js"),
      `export const main = async () => { setTimeout(() => {}, 600_000); process.stdout.write("x".repeat(3_000_000)); return 4; };
       export const tell = async () => 1;`,
    );
    // More than a pipe holds, and a reader that lets it wait.
    const slowly = `"$0" "$1" | (sleep 0.3; wc -c); echo "\${PIPESTATUS[0]}"`;
    const { stdout } = spawnSync("bash", ["-c", slowly, process.execPath, path.join(folder, "bin/slipway.js")], { encoding: "utf8" });
    expect(stdout.trim().split(/\s+/)).toEqual(["3000000", "4"]);
  });

  /** As if this were all of slipway. */
  function command(main: string): string {
    mkdirSync(path.join(folder, "dist/cli"), { recursive: true });
    const tell = "async (error) => { await new Promise(setImmediate); process.stderr.write(`reported: ${error.message}`); return 1; }";
    writeFileSync(path.join(folder, "dist/cli/main.js"), `export const main = ${main}; export const tell = ${tell};`);
    return path.join(folder, "bin/slipway.js");
  }

  it.each([
    ["before", 'async () => { Promise.reject(new Error("left alone")); await new Promise((later) => setTimeout(later, 20)); return 0; }'],
    ["just before", 'async () => { Promise.reject(new Error("left alone")); return 0; }'],
    ["just before it fails", 'async () => { process.nextTick(() => { throw new Error("left alone"); }); return 2; }'],
  ])("reports an unhandled rejection %s the end, and fails", (_, main) => {
    expect(start(command(main))).toEqual({ status: 1, stdout: "", stderr: "reported: left alone" });
  });

  it("does its work to the end where its report cannot be written, and fails; a reader that has gone is no failure", () => {
    const own = command(
      'async () => { process.stdout.write("x".repeat(99_999)); await new Promise((later) => setTimeout(later, 50)); process.stderr.write("done. "); return 0; }',
    );
    const shell = (script: string) => {
      const { stdout, stderr } = spawnSync("bash", ["-c", script, process.execPath, own], { encoding: "utf8" });
      return [stdout.trim(), stderr];
    };
    expect(shell('"$0" "$1" > /dev/full; echo $?')).toEqual([
      "1",
      expect.stringMatching(/^done\. reported: Not all of the report .*ENOSPC/),
    ]);
    expect(shell('"$0" "$1" | true; echo "${PIPESTATUS[0]}"')).toEqual(["0", "done. "]);
  });

  it("says what to do where there is no other Node", () => {
    expect(start(path.join(folder, "bin/slipway.js"), { as: "20.20.2" })).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/^slipway needs Node 22\.18 or newer; this is v20\.20\.2\. Install it from https:\/\/nodejs\.org/),
    });
  });
});
