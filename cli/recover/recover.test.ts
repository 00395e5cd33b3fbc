import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { stringify } from "yaml";
import type { Plan } from "../../engine/plan.ts";
import { findProject, programOf } from "../../engine/project.ts";
import { realize } from "../../engine/realize.ts";
import { readStack } from "../../engine/stackfile.ts";
import { planStack } from "../../engine/stackplan.ts";
import { type DeployedResource, EMPTY_STATE, type State } from "../../engine/state.ts";
import { type Api, startApi } from "../../local/api/server.ts";
import { type Cloud, openCloud } from "../../local/cloud/open-cloud.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { localCloudProvider } from "../../local/program/provider.ts";
import { root as checkout, slipway } from "../testing/slipway.ts";

const TOKEN = "a-token-for-tests";
const config = {
  "slipway:environment": "staging",
  "slipway:systems": ["candlefish"],
  "slipway:region": "nyc1",
  "slipway:protect": "true",
  "slipway:postDeploy": { mode: "manual" },
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 },
  "slipway:valkey": { layout: "single", version: "8" },
  "slipway:alertEmails": ["oncall@example.com"],
};

/** This repository's program on stack qa, deployed to an API on loopback by slipway's own engine. Its state is written as Pulumi exports one. */
let folder: string;
let program: string;
let cloud: Cloud;
let api: Api;
let plan: Plan;
let deployed: readonly DeployedResource[];
const directory = process.cwd();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway recover "));
  program = join(folder, "program");
  mkdirSync(program);
  for (const entry of readdirSync(checkout))
    if (!/^Pulumi\..+\.yaml$|^\.git$|^\.slipway$/.test(entry)) symlinkSync(join(checkout, entry), join(program, entry));
  cloud = await openCloud({ directory: join(folder, "cloud"), backing: recordOnly, timings: "instant" });
  api = await startApi({ cloud, token: TOKEN, project: program });
  writeStack("qa");
  const project = findProject(program);
  process.chdir(program);
  let state: State = EMPTY_STATE;
  const store = {
    load: () => state,
    save: async (next: State) => {
      state = next;
    },
  };
  await realize(programOf(project), { ...readStack(project, "qa"), directory: program, state: store, provider: localCloudProvider(cloud) });
  plan = await planStack(project, { stack: "qa", placeholders: true });
  process.chdir(directory);
  deployed = state.resources;
});
afterAll(async () => {
  await api?.close();
  await cloud?.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  api.faults.clear();
  vi.unstubAllEnvs();
  writeStack("qa");
  rmSync(join(program, "Pulumi.twin.yaml"), { force: true });
});

function writeStack(name: string, more: Readonly<Record<string, unknown>> = {}): void {
  const provider = { "digitalocean:apiEndpoint": api.url, "digitalocean:token": TOKEN };
  const values = Object.entries({ ...provider, ...config, ...more }).filter(([, value]) => value !== undefined);
  writeFileSync(join(program, `Pulumi.${name}.yaml`), stringify({ config: Object.fromEntries(values) }, { version: "1.1" }));
}

interface Exported {
  readonly urn: string;
  readonly type: string;
}

/** Secrets are encrypted in an export; here they are left out, but for the passwords, which must never be printed. */
function exportState(isKept: (resource: Exported) => boolean = () => true, pending: readonly object[] = []): string {
  const stack = "urn:pulumi:qa::slipway::pulumi:pulumi:Stack::slipway-qa";
  const components = plan.resources.filter(({ custom }) => !custom).map(({ urn, type }) => ({ urn, type, custom: false }));
  const resources = deployed.map(({ urn, type, id, inputs, outputs }) => ({
    urn,
    type,
    id,
    custom: true,
    outputs: { ...inputs, ...outputs },
  }));
  const all = [{ urn: stack, type: "pulumi:pulumi:Stack", custom: false }, ...components, ...resources];
  const file = join(folder, "state.json");
  writeFileSync(file, JSON.stringify({ version: 3, deployment: { resources: all.filter(isKept), pending_operations: pending } }));
  return file;
}

/** A program in place of Pulumi's CLI. @returns its calls. */
function usePulumi(script: string): () => readonly string[] {
  const bin = mkdtempSync(join(folder, "bin "));
  writeFileSync(join(bin, "pulumi"), `#!/bin/sh\necho "$*" >> '${bin}/calls'\n${script}\nexit 0\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${bin}:${process.env.PATH}`);
  return () => readFileSync(join(bin, "calls"), "utf8").trim().split("\n");
}

async function run(command: "recover" | "drift", ...flags: readonly string[]) {
  const ended = await slipway([command, "--stack", "qa", "--cwd", program, ...flags]);
  const passwords = deployed.flatMap(({ outputs }) => (typeof outputs.password === "string" ? [outputs.password] : []));
  expect(passwords.length).toBeGreaterThan(4);
  for (const secret of [TOKEN, ...passwords]) expect(ended.stdout + ended.stderr).not.toContain(secret);
  // A test of its own checks the flag that every printed command has.
  const bare = (text: string) => text.replaceAll(cwdFlag(), "");
  return { ...ended, stdout: bare(ended.stdout), stderr: bare(ended.stderr) };
}

const cwdFlag = () => ` --cwd '${relative(directory, program)}'`;

const bare = (text: string) => text.split("\n").filter((line) => !/^ {2}pulumi /.test(line));

describe("slipway drift", () => {
  it("exits with 0 where state and account agree", async () => {
    expect(await run("drift", "--state", exportState())).toEqual({
      code: 0,
      stdout: "slipway on stack qa: the state matches the account",
      stderr: "",
    });
  });

  it("exits with 10, lists what differs, and writes no file", async () => {
    const { code, stdout } = await run(
      "drift",
      "--state",
      exportState(({ type }) => !type.endsWith(":DatabaseUser")),
    );
    expect(code).toBe(10);
    expect(stdout).toBe(`slipway on stack qa: 4 not in the state

In the account, but not in the state
  - DatabaseUser in shared-postgres-qa: candlefish_owner, candlefish,
    candlefish_readonly, candlefish_backup

To repair it: slipway recover -s qa`);
    expect(readdirSync(program)).not.toContain(".slipway");
  });

  it("prints the comparison as JSON", async () => {
    const { code, stdout } = await run(
      "drift",
      "--json",
      "--state",
      exportState(({ type }) => !type.endsWith(":App")),
    );
    expect(code).toBe(10);
    const { drift, project, stack, toImport } = JSON.parse(stdout);
    expect({ drift, project, stack }).toEqual({ drift: true, project: "slipway", stack: "qa" });
    expect(toImport.map(({ type, name }: { type: string; name: string }) => [type, name])).toContainEqual([
      "digitalocean:index/app:App",
      "rtpm-api-candlefish-qa",
    ]);
  });
});

describe("slipway recover", () => {
  it("prints the commands in order and writes the import file, within 80 columns but for the commands", async () => {
    const urn = plan.resources.find(({ name }) => name === "shared-postgres-qa-user-candlefish_owner")!.urn;
    const state = exportState(
      ({ type }) => !/:(DatabaseCluster|DatabaseUser|Project|SpacesBucket|SpacesKey)$/.test(type),
      [{ resource: { urn }, type: "creating" }],
    );
    const { code, stdout } = await run("recover", "--state", state);
    expect(code).toBe(0);
    expect(Math.max(...bare(stdout).map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout).toContain("  - creating DatabaseUser shared-postgres-qa-user-candlefish_owner");
    expect(stdout).toContain("  - SpacesBucket: slipway-qa-qa, slipway-qa-qa-offsite");
    expect(stdout).toMatch(/impossible to import\n {2}- SpacesKey: slipway-backups-key-primary, [\s\S]+\n {6}doctl spaces keys delete DO/);
    expect(
      stdout
        .split("\n")
        .filter((line) => /^ {2}pulumi /.test(line))
        .map((line) => line.split(" ")[3]),
    ).toEqual(["cancel", "refresh", "import", "up"]);
    expect(stdout).toContain("pulumi import -s qa --yes --skip-preview --file .slipway/recover-qa.json --generate-code=false");
    const file = readFileSync(join(program, ".slipway/recover-qa.json"), "utf8");
    const { resources } = JSON.parse(file) as { resources: { type: string; id: string }[] };
    expect(resources.map(({ id }) => id)).toContain("nyc3,slipway-qa-qa");
    expect(resources.filter(({ type }) => type.endsWith(":DatabaseCluster"))).toHaveLength(2);
    expect(file).not.toContain(TOKEN);
  });

  it("imports nothing that another stack of the same account declares, unless --shared is given", async () => {
    writeStack("twin", { "slipway:suffix": "qa" });
    const state = exportState(({ type }) => !type.endsWith(":App"));
    const { stdout } = await run("recover", "--state", state);
    expect(stdout).toMatch(
      /declared by another stack too: not imported\n {2}- App paintbox-candlefish-qa: stack twin\n[\s\S]+\n {6}slipway recover -s qa --shared/,
    );
    expect(stdout).not.toContain("pulumi import");
    expect((await run("recover", "--state", state, "--shared")).stdout).toContain("pulumi import");
    const alias = `${api.url.replace("127.0.0.1", "localhost")}/`;
    writeStack("twin", { "slipway:suffix": "qa", "digitalocean:apiEndpoint": alias });
    expect((await run("recover", "--state", state)).stdout, `${alias} is the same account`).not.toContain("pulumi import");
    writeStack("twin", { "slipway:suffix": "qa", "digitalocean:apiEndpoint": "http://127.0.0.1:9" });
    expect((await run("recover", "--state", state)).stdout, "another endpoint is another account").toContain("pulumi import");
  });

  it("reports a stack that cannot be planned, and so not be compared", async () => {
    writeStack("twin", { "slipway:region": "atlantis" });
    const { stdout } = await run(
      "recover",
      "--state",
      exportState(({ type }) => !type.endsWith(":App")),
    );
    expect(stdout).toMatch(/Stack twin cannot be planned,[\s\S]+slipway plan -s\s+twin/);
  });

  it("prints commands with the organization and the folder that were typed, and none of them where the project is the working directory", async () => {
    writeStack("twin", { "slipway:suffix": "qa" });
    const state = exportState(({ type }) => !/:(App|DatabaseUser)$/.test(type));
    const commands = (text: string) => text.split("\n").filter((line) => /^ +(pulumi|slipway) /.test(line));
    const flags = ["-s", "acme/qa", "--state", state];
    const elsewhere = await slipway(["recover", "--cwd", program, ...flags]);
    expect(commands(elsewhere.stdout)).toHaveLength(4);
    for (const line of commands(elsewhere.stdout)) expect(line).toMatch(/ -s acme\/qa .*--cwd '/);
    expect(elsewhere.stdout).toContain(`--file .slipway/recover-qa.json --generate-code=false${cwdFlag()}\n`);
    expect(elsewhere.stdout).toContain(`\n      slipway recover -s acme/qa${cwdFlag()} --shared\n`);
    const other = exportState(() => true, []);
    writeFileSync(other, readFileSync(other, "utf8").replaceAll("urn:pulumi:qa::", "urn:pulumi:prod::"));
    expect((await slipway(["recover", "--cwd", program, ...flags])).stderr).toContain(
      `pulumi stack export -s acme/qa${cwdFlag()} > state.json`,
    );
    exportState();
    process.chdir(program);
    const inside = await slipway(["recover", ...flags]);
    process.chdir(directory);
    expect(inside.stdout).not.toContain("--cwd");
  });

  it("refuses --yes while a stack that cannot be planned may declare the same names, unless --shared is given", async () => {
    writeStack("twin", { "slipway:region": "atlantis" });
    const state = exportState(({ type }) => !/:(App|SpacesKey)$/.test(type));
    const calls = usePulumi(`[ "$1" = stack ] && exec cat '${state}'`);
    expect(await run("recover", "--yes")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /Nothing was changed: stack twin cannot be planned, and may declare the same names: .*paintbox-candlefish-qa.* slipway plan -s twin\. If .* slipway recover -s qa --yes --shared$/,
      ),
    });
    expect(calls().filter((line) => !line.startsWith("stack export"))).toEqual([]);
    expect((await run("recover", "--state", state)).stdout).not.toContain("keys delete");
    await run("recover", "--yes", "--shared");
    expect(calls().some((line) => line.startsWith("import -s qa"))).toBe(true);
  });

  it("prints what to do without Pulumi's CLI", async () => {
    vi.stubEnv("PATH", "");
    vi.stubEnv("HOME", folder);
    const { code, stderr } = await run("recover");
    expect(code).toBe(2);
    expect(stderr).toBe(
      "Pulumi's CLI, which reads the state, is neither on the PATH nor in ~/.pulumi/bin. Install it (https://www.pulumi.com/docs/install), or export the state where it is installed:\n" +
        "  pulumi stack export -s qa > state.json\n  slipway recover -s qa --state state.json",
    );
  });

  it.each([
    ["no stack", [], "Which stack? This project has", 2],
    [
      "a state that is not there",
      ["--stack", "qa", "--state", "nowhere.json"],
      "--state: nowhere.json cannot be read (ENOENT). Write it with Pulumi's CLI",
      2,
    ],
    [
      "--yes with a copy of the state",
      ["--stack", "qa", "--yes", "--state", "x"],
      "--yes changes the stack's own state, and --state reads a copy",
      2,
    ],
    ["a stack that does not exist", ["--stack", "qc"], 'There is no stack "qc"', 2],
  ])("reports %s", async (_, flags, message, code) => {
    expect(await slipway(["recover", "--cwd", program, ...flags])).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });

  it("refuses the state of another project", async () => {
    const file = join(folder, "other.json");
    const resources = [{ urn: "urn:pulumi:qa::blog::pulumi:pulumi:Stack::blog-qa", type: "pulumi:pulumi:Stack" }];
    writeFileSync(file, JSON.stringify({ version: 3, deployment: { resources } }));
    expect(await run("recover", "--state", file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("is the state of stack qa of project blog, not of"),
    });
  });

  it("names the variable and the command that set a missing token, and refuses a wrong one", async () => {
    vi.stubEnv("DIGITALOCEAN_TOKEN", "");
    vi.stubEnv("DIGITALOCEAN_ACCESS_TOKEN", "");
    writeStack("qa", { "digitalocean:token": undefined });
    expect(await run("drift", "--state", exportState())).toMatchObject({
      code: 2,
      stderr:
        "Stack qa has no digitalocean:token. Set DIGITALOCEAN_TOKEN to a token of its account, or type: pulumi config set --secret digitalocean:token -s qa",
    });
    vi.stubEnv("DIGITALOCEAN_TOKEN", "wrong");
    expect(await run("drift", "--state", exportState())).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/answered 401 .* the token is not valid/),
    });
    vi.stubEnv("DIGITALOCEAN_TOKEN", TOKEN);
    expect((await run("drift", "--state", exportState())).code).toBe(0);
  });

  it("names what opens an encrypted token, where Pulumi's CLI is missing", async () => {
    vi.stubEnv("DIGITALOCEAN_TOKEN", "");
    vi.stubEnv("DIGITALOCEAN_ACCESS_TOKEN", "");
    vi.stubEnv("PATH", "");
    vi.stubEnv("HOME", folder);
    writeStack("qa", { "digitalocean:token": { secure: "v1:AAAA:BBBB" } });
    expect(await run("drift", "--state", exportState())).toMatchObject({
      code: 2,
      stderr:
        "digitalocean:token of stack qa is encrypted, and only Pulumi's CLI can open it. Set DIGITALOCEAN_TOKEN to a token of its account.",
    });
  });

  it("reads the token after the state, so that --yes deletes an unfinished file of Pulumi's backend first", async () => {
    vi.stubEnv("DIGITALOCEAN_TOKEN", "");
    vi.stubEnv("DIGITALOCEAN_ACCESS_TOKEN", "");
    writeStack("qa", { "digitalocean:token": { secure: "v1:AAAA:BBBB" } });
    const backend = mkdtempSync(join(folder, "backend"));
    const attributes = join(backend, ".pulumi/stacks/slipway/qa.json.attrs");
    mkdirSync(join(backend, ".pulumi/stacks/slipway"), { recursive: true });
    writeFileSync(attributes, "");
    usePulumi(
      `[ "$1" = whoami ] && echo '{ "url": "file://${backend}" }' && exit 0
[ -e '${attributes}' ] && echo "error: failed to load checkpoint: EOF" >&2 && exit 255
[ "$1" = config ] && echo ${TOKEN}
[ "$1" = stack ] && cat '${exportState()}'`,
    );
    expect(await run("recover", "--yes")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`Delete an unfinished file of Pulumi's backend: ${attributes}`),
    });
  });

  it("uses DIGITALOCEAN_TOKEN where Pulumi's CLI cannot open the encrypted token", async () => {
    writeStack("qa", { "digitalocean:token": { secure: "v1:AAAA:BBBB" } });
    usePulumi(`[ "$1" = config ] && echo "error: incorrect passphrase" >&2 && exit 255\n[ "$1" = stack ] && cat '${exportState()}'`);
    vi.stubEnv("DIGITALOCEAN_TOKEN", "");
    vi.stubEnv("DIGITALOCEAN_ACCESS_TOKEN", "");
    expect(await run("drift")).toMatchObject({ code: 1, stderr: expect.stringContaining("The passphrase of stack qa is wrong") });
    vi.stubEnv("DIGITALOCEAN_TOKEN", TOKEN);
    expect((await run("drift")).code).toBe(0);
  });

  it("stops where no API answers, or the local API of another project", async () => {
    writeStack("qa", { "digitalocean:apiEndpoint": "http://127.0.0.1:9" });
    expect(await run("drift", "--state", exportState())).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("No API answers at http://127.0.0.1:9"),
    });
    const other = await startApi({ cloud, token: TOKEN, project: folder });
    writeStack("qa", { "digitalocean:apiEndpoint": other.url });
    expect(await run("drift", "--state", exportState())).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /is the local API of another project\. .* npx slipway local status\. .*pulumi config set digitalocean:apiEndpoint/,
      ),
    });
    await other.close();
  });

  it("refuses a local stack without an endpoint, which would reach DigitalOcean itself", async () => {
    vi.stubEnv("DIGITALOCEAN_API_URL", "");
    writeStack("qa", { "slipway:environment": "local", "digitalocean:apiEndpoint": undefined });
    expect(await run("drift", "--state", exportState())).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("this would reach DigitalOcean itself"),
    });
  });

  it("names the scope that a token lacks", async () => {
    api.faults.add({ match: "GET /v2/monitoring/alerts", fault: { answer: 403 } });
    expect(await run("drift", "--state", exportState())).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("answered 403 to GET /v2/monitoring/alerts"),
    });
  });
});
