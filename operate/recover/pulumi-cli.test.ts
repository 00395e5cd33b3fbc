import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findUnfinishedAttributes } from "./backend-file.ts";
import { carryOut } from "./carry-out.ts";
import { findPulumi, openPulumi } from "./pulumi-cli.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-pulumi-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that ends as the CLI does: its messages are copied from version 3.259. */
function cli(script: string) {
  const path = join(folder, "pulumi");
  writeFileSync(path, `#!/bin/sh\necho "$*" >> '${folder}/calls'\n${script}\n`);
  chmodSync(path, 0o755);
  return openPulumi(path, { directory: folder, project: "shop", stack: "qa" });
}

const calls = () =>
  readFileSync(join(folder, "calls"), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.replace(/ --cwd .*/, ""));
const locked = (pid: number, host = hostname()) =>
  `echo "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with \\\`pulumi cancel\\\`." >&2; ` +
  `echo "  file:///state/.pulumi/locks/organization/shop/qa/1.json: created by root@${host} (pid ${pid}) at 2026-12-01T22:14:21Z" >&2; exit 255`;

describe("Pulumi's CLI", () => {
  it("is found on the PATH, then where its installer puts it", () => {
    mkdirSync(join(folder, ".pulumi", "bin"), { recursive: true });
    const installed = join(folder, ".pulumi", "bin", "pulumi");
    writeFileSync(installed, "#!/bin/sh\n");
    expect(findPulumi({ PATH: "", HOME: folder })).toBeUndefined();
    chmodSync(installed, 0o755);
    expect(findPulumi({ PATH: "", HOME: folder })).toBe(installed);
    cli("");
    expect(findPulumi({ PATH: folder, HOME: folder })).toBe(join(folder, "pulumi"));
  });

  it.each([
    [
      "error: incorrect passphrase",
      "The passphrase of stack qa is wrong. Set the one that the stack was created with: export PULUMI_CONFIG_PASSPHRASE=",
    ],
    [
      "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
      "The passphrase of stack qa is missing.",
    ],
    ["error: no stack named 'qa' found", "Pulumi's backend has no stack qa. See which there are: pulumi stack ls."],
    [
      "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
      "Pulumi is not logged in to a backend. Type: pulumi login",
    ],
    ["error: something else", "pulumi stack failed:\n  error: something else"],
    [
      "  + shop creating (0s) error: it exists\nDiagnostics:\n  shop (user):\n    error: it exists. Adopt it:\n      slipway recover -s prod\n\nResources:\n    1 errored\n",
      "pulumi stack failed:\n  shop (user):\n    error: it exists. Adopt it:\n      slipway recover -s prod",
    ],
    [
      "Diagnostics:\n  shop (stack):\n    A notice.\n\nerror: no changes were expected\n",
      "pulumi stack failed:\n  error: no changes were expected",
    ],
  ])("that ends with %s is reported with the next step", async (output, message) => {
    await expect(cli(`echo "${output}" >&2; exit 255`).run(["stack", "export"])).rejects.toThrow(message);
  });
});

describe("a backend in a folder", () => {
  it("whose attributes were being written when the run was killed is reported with the command that repairs it", async () => {
    const stacks = join(folder, ".pulumi", "stacks", "shop");
    mkdirSync(stacks, { recursive: true });
    writeFileSync(join(stacks, "qa.json.attrs"), "");
    const pulumi = cli(
      `[ "$1" = whoami ] && echo '{ "user": "root", "url": "file://${folder}" }' && exit 0\necho "error: failed to load checkpoint: EOF" >&2; exit 255`,
    );
    await expect(pulumi.run(["stack", "export"])).rejects.toThrow(
      `The state itself is complete. Delete that file, and run this again:\n  rm ${join(stacks, "qa.json.attrs")}`,
    );
    writeFileSync(join(stacks, "qa.json.attrs"), "{}");
    await expect(pulumi.run(["stack", "export"]), "a complete one has another cause").rejects.toThrow("failed to load checkpoint: EOF");
  });

  it("is found below the home folder too, and is none in a bucket", () => {
    expect(findUnfinishedAttributes("s3://bucket", { project: "shop", stack: "qa" })).toBeUndefined();
    expect(findUnfinishedAttributes("file://~/no-such-folder", { project: "shop", stack: "qa" })).toBeUndefined();
  });
});

describe("the steps of a recovery", () => {
  const steps = [
    { kind: "cancel", purpose: "Release", args: ["cancel"] },
    { kind: "import", purpose: "Import", args: ["import", "-s", "qa"] },
    { kind: "up", purpose: "Deploy", args: ["up"] },
  ] as const;
  const options = { stack: "qa", stackUrn: "urn:of:qa", report: () => {} };

  it("run without the final up, and release no lock that is not there", async () => {
    await carryOut(steps, { ...options, pulumi: cli("") });
    expect(calls()).toEqual(["import -s qa"]);
  });

  it("release the lock of a process of this machine that has ended", async () => {
    // More than the largest process id of Linux and macOS.
    const pulumi = cli(`[ "$1" = cancel ] && touch '${folder}/free' && exit 0\n[ -e '${folder}/free' ] && exit 0\n${locked(99_999_999)}`);
    await carryOut(steps, { ...options, pulumi });
    expect(calls()).toEqual(["import -s qa", "cancel -s qa --yes", "import -s qa"]);
  });

  it("release such a lock also where there is nothing to repair", async () => {
    const pulumi = cli(`[ "$1" = cancel ] && touch '${folder}/free' && exit 0\n[ -e '${folder}/free' ] && exit 0\n${locked(99_999_999)}`);
    await carryOut([], { ...options, pulumi });
    const probe = "refresh -s qa --yes --skip-preview --target urn:of:qa";
    expect(calls()).toEqual([probe, "cancel -s qa --yes", probe]);
  });

  it("need no resource in the state", async () => {
    await carryOut([], { ...options, pulumi: cli(`echo "error: no resource named 'urn:of:qa' found" >&2; exit 255`) });
    await expect(carryOut([], { ...options, pulumi: cli('echo "error: disk full" >&2; exit 255') })).rejects.toThrow("disk full");
  });

  it.each([
    ["a process that is running", process.pid, hostname()],
    ["another machine", 99_999_999, "another-machine"],
  ])("stop at the lock of %s", async (_, pid, host) => {
    await expect(carryOut(steps, { ...options, pulumi: cli(locked(pid, host)) })).rejects.toThrow(
      `Stack qa is locked by process ${pid} on ${host}. Wait until that run ends. If it has been killed, release the lock: pulumi cancel -s qa --yes`,
    );
    expect(calls()).toEqual(["import -s qa"]);
  });
});
