/** Two projects on one machine configure the same port for their local DigitalOcean API, and each must find its own. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { copyCheckout } from "../../tests/copy.ts";
import { describeWithPulumi } from "../../tests/pulumi.ts";
import { type Api, startApi } from "../api/server.ts";
import { type Cloud, openCloud } from "../cloud/open-cloud.ts";
import { recordOnly } from "../cloud/record-only.ts";

interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let temporary: string;
let checkout: string;
let cloud: Cloud;
let other: Api;
let state: string;
const requests: string[] = [];

beforeAll(async () => {
  temporary = realpathSync(mkdtempSync(join(tmpdir(), "slipway address ")));
  checkout = join(temporary, "checkout");
  state = join(temporary, "state");
  copyCheckout(checkout);
  // The other project's API: another folder, and the same token.
  cloud = await openCloud({ directory: join(temporary, "cloud"), backing: recordOnly, timings: "instant" });
  const log = ({ method, path, status }: { method: string; path: string; status: number }) => requests.push(`${method} ${path} ${status}`);
  other = await startApi({ cloud, token: "local", project: temporary, log });
  setEndpoint(other.url);
}, 60_000);

afterAll(async () => {
  await slipway("local", "reset");
  await other.close();
  await cloud.close();
  rmSync(temporary, { recursive: true, force: true });
}, 60_000);

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
  const child = spawn(command, args, { cwd: checkout, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

function setEndpoint(url: string): void {
  const file = join(checkout, "Pulumi.local.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/(digitalocean:apiEndpoint: )\S+/, `$1${url}`));
}

const slipway = (...args: string[]) => run(process.execPath, ["bin/slipway.js", ...args]);
const port = (api: string) => new URL(api).port;

it("slipway local api does not change its port: it names the process that uses it and how to choose another", async () => {
  const { code, stdout, stderr } = await slipway("local", "api");
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(
    new RegExp(`^Port ${port(other.url)} is in use by process ${process.pid} \\(.*\\)\\. Choose another: slipway local api --port \\d+\n$`),
  );
  const https = await slipway("local", "api", "--https", "--timings", "real", "--port", port(other.url));
  expect([https.code, https.stderr]).toEqual([2, expect.stringMatching(/slipway local api --https --timings real --port \d+\n$/)]);
});

it("slipway local up uses another port, reports why, and writes it where Pulumi reads it", async () => {
  const before = readFileSync(join(checkout, "Pulumi.local.yaml"), "utf8");
  const up = await slipway("local", "up", "--systems", "devx");
  expect([up.code, up.stderr]).toEqual([0, expect.stringContaining(`Port ${port(other.url)} is in use by process ${process.pid} (`)]);
  const { daemon } = JSON.parse((await slipway("local", "status", "--json")).stdout) as { daemon: { api: string } };
  expect(daemon.api).not.toBe(other.url);
  expect(up.stderr).toContain("Pulumi.local.yaml now names it (digitalocean:apiEndpoint)");
  expect(readFileSync(join(checkout, "Pulumi.local.yaml"), "utf8")).toBe(before.replace(other.url, daemon.api));

  // Another address in the file is reported, with the command.
  setEndpoint(other.url);
  expect((await slipway("local", "status")).stderr).toContain(`\n  pulumi config set digitalocean:apiEndpoint ${daemon.api} -s local\n`);

  // The platform serves the API already, so flags that differ from it are refused.
  expect(await slipway("local", "api")).toMatchObject({ code: 0, stdout: expect.stringContaining(daemon.api) });
  expect(await slipway("local", "api", "--port", port(daemon.api))).toMatchObject({ code: 0 });
  for (const flags of [["--port", "4077"], ["--https"], ["--timings", "real"]]) {
    const refused = await slipway("local", "api", ...flags);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining(`without ${flags.join(" ")}. Stop the platform first: slipway`),
    ]);
  }
});

describeWithPulumi("pulumi up -s local", (pulumi) => {
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    PULUMI_CONFIG_PASSPHRASE: "local",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    NO_COLOR: "1",
  };
  const pulumiRun = (...args: string[]) => run(pulumi, [...args, "--non-interactive"], { ...env, PULUMI_BACKEND_URL: `file://${state}` });

  it("refuses another project's API without changing it, and accepts its own, which slipway local up configured", async () => {
    await run("mkdir", ["-p", state]);
    const init = await pulumiRun("stack", "init", "local");
    expect([init.code, init.stderr]).toEqual([0, expect.anything()]);
    requests.length = 0;
    setEndpoint(other.url);
    for (const verb of [["up", "--yes", "--skip-preview"], ["preview"]]) {
      const { code, stdout, stderr } = await pulumiRun(...verb, "-s", "local");
      expect(code).not.toBe(0);
      expect(stdout + stderr).toContain(
        `What answers at ${other.url} (digitalocean:apiEndpoint of stack local) is the local API of another project`,
      );
    }
    expect(requests).toEqual(["GET /_slipway/project 204", "GET /_slipway/project 204"]);

    await slipway("local", "up", "--systems", "devx");
    const { code, stdout, stderr } = await pulumiRun("preview", "-s", "local");
    expect([code, stdout + stderr]).toEqual([0, expect.stringContaining("to create")]);
    expect((await slipway("local", "status")).stderr).not.toContain("pulumi config set");
    expect(requests).toHaveLength(2);
  });
});
