/**
 * One stack of this checkout, or of a program that uses its components, under Pulumi's own engine and provider, against DigitalOcean's API on loopback.
 *
 * The program is run from a folder of links to the checkout, so that a stack's file and state are written nowhere else.
 */
import { equal } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { type Api, startApi } from "../../local/api/server.ts";
import type { Backing, Endpoint } from "../../local/cloud/backing.ts";
import type { Timings } from "../../local/cloud/core/time.ts";
import { type Cloud, openCloud } from "../../local/cloud/open-cloud.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { createSpacesKey } from "../../local/cloud/spaces/spaces-keys.ts";
import { systems } from "../../systems/index.ts";

/** A repository for each component, because the engine refuses the examples in the definitions. */
export const REPOS = Object.fromEntries(
  systems.map(({ name, apps }) => {
    const components = Object.values(apps).flatMap((app) => Object.keys(app.components));
    return [`slipway:${name}`, { repos: Object.fromEntries(components.map((component) => [component, { repo: `acme/${component}` }])) }];
  }),
);

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
const TOKEN = "engine-test";

export interface Ran {
  readonly code: number;
  readonly output: string;
}

export interface Started {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  readonly ended: Promise<Ran>;
}

export interface Stack {
  /** Every request since the last call, as "METHOD /path status". */
  requests(): string[];
  pulumi(...args: string[]): Promise<Ran>;
  /** The same for a command that has to succeed. @returns its output */
  succeed(...args: string[]): Promise<string>;
  /** A command that the test ends itself. */
  start(...args: string[]): Started;
  /** Runs this checkout's slipway in the program's directory. */
  slipway(...args: string[]): Promise<Ran>;
  /** Called with each request once it is answered. */
  onRequest: (request: string) => void;
  /** The plaintext of a SECRET value as the API returns it. Undefined if it was encrypted for another app. */
  decrypt(appId: string, value: string): string | undefined;
  /** The state as the backend stores it: secrets are encrypted. */
  stateText(): string;
  /** The program's directory. */
  readonly program: string;
  /** In which the CLI finds the stack's state and its passphrase. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of a cluster as the API returns it. */
  endpointOf(cluster: { readonly id: string; readonly connection: { readonly port: number } }): Promise<Endpoint>;
  readonly faults: Api["faults"];
  /** The API's address. */
  readonly api: string;
  /** Asks the API as any client would. */
  get(path: string): Promise<Record<string, unknown>>;
  post(path: string, body: object): Promise<void>;
  put(path: string, body: object): Promise<void>;
  delete(path: string): Promise<void>;
  remove(): Promise<void>;
}

export interface StackOptions {
  /** What stands behind the API. @default nothing: everything is only recorded */
  readonly backing?: Backing;
  /** Entries of the checkout that the test changes; they are copied, not linked. @default none */
  readonly copied?: readonly string[];
  /** Whether buckets can be created: the provider reaches Spaces through the API as its proxy. @default false */
  readonly spaces?: boolean;
  /** Source that is run in the place of the checkout's index.ts. @default the checkout's own */
  readonly index?: string;
  /** @default instant */
  readonly timings?: Timings;
}

export async function startStack(
  pulumi: string,
  config: Readonly<Record<string, unknown>>,
  { backing = recordOnly, copied = [], index, spaces = false, timings = "instant" }: StackOptions = {},
): Promise<Stack> {
  const root = mkdtempSync(join(tmpdir(), "slipway engine "));
  const program = join(root, "program");
  link(program, copied, index === undefined ? {} : { "index.ts": index });
  mkdirSync(join(root, "state"));
  const log: string[] = [];
  const cloud = await openCloud({ directory: join(root, "cloud"), backing, timings });
  const api = await startApi({
    cloud,
    token: TOKEN,
    project: program,
    port: 0,
    log: ({ method, path, status }) => {
      log.push(`${method} ${path} ${status}`);
      stack.onRequest(`${method} ${path} ${status}`);
    },
  });
  // YAML 1.1 quotes texts that look like dates, which Pulumi would read as dates.
  writeFileSync(join(program, "Pulumi.test.yaml"), stringify({ config: { ...provider(api), ...config } }, { version: "1.1" }));

  const env = { ...environment(root), ...(spaces ? spacesEnvironment(cloud, api) : {}) };
  const launch = (command: string, args: readonly string[]): Started => {
    const child = spawn(command, args, { cwd: program, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
    const ended = new Promise<Ran>((resolve) => child.on("close", (code) => resolve({ code: code ?? 1, output })));
    return { process: child, output: () => output, ended };
  };
  const start = (...args: string[]) => launch(pulumi, [...args, "--cwd", program, "--non-interactive", "--color", "never"]);
  const run = (...args: string[]) => start(...args).ended;
  const send = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const answer = await fetch(`${api.url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(await answer.text());
  };
  const stack: Stack = {
    requests: () => log.splice(0),
    pulumi: run,
    async succeed(...args) {
      const { code, output } = await run(...args);
      equal(code, 0, output);
      return output;
    },
    start,
    slipway: (...args) => launch(process.execPath, [join(CHECKOUT, "bin/slipway.js"), ...args]).ended,
    onRequest: () => {},
    decrypt: cloud.secrets.decrypt,
    stateText: () => readFileSync(join(root, "state/.pulumi/stacks/slipway/test.json"), "utf8"),
    program,
    environment: env,
    faults: api.faults,
    api: api.url,
    get: async (path) =>
      (await fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } })).json() as Promise<Record<string, unknown>>,
    async endpointOf({ id, connection: { port } }) {
      const { ca } = (await stack.get(`/v2/databases/${id}/ca`)) as { ca: { certificate: string } };
      return { host: "127.0.0.1", privateHost: "127.0.0.1", port, poolPort: port, ca: Buffer.from(ca.certificate, "base64").toString() };
    },
    post: (path, body) => send("POST", path, body),
    put: (path, body) => send("PUT", path, body),
    delete: (path) => send("DELETE", path),
    remove: async () => {
      await api.close();
      await cloud.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
  const made = await run("stack", "init", "test");
  if (made.code !== 0) throw new Error(made.output);
  return stack;
}

function link(program: string, copied: readonly string[], written: Readonly<Record<string, string>>): void {
  mkdirSync(program);
  for (const entry of readdirSync(CHECKOUT)) {
    if (/^Pulumi\..+\.yaml$/.test(entry) || entry === ".git" || entry === ".slipway") continue;
    if (entry in written) writeFileSync(join(program, entry), written[entry]!);
    else if (copied.includes(entry)) cpSync(join(CHECKOUT, entry), join(program, entry), { recursive: true });
    else symlinkSync(join(CHECKOUT, entry), join(program, entry));
  }
}

function provider({ url }: Api): Record<string, string> {
  return { "digitalocean:apiEndpoint": url, "digitalocean:token": TOKEN, "digitalocean:httpRetryMax": "0" };
}

/** A key that may create buckets, and a host that does not exist: a request to it goes to the proxy. */
function spacesEnvironment(cloud: Cloud, { url }: Api): Record<string, string> {
  const { access_key, secret_key } = createSpacesKey(cloud, { name: "engine-test", grants: [{ bucket: "", permission: "fullaccess" }] });
  return {
    SPACES_ACCESS_KEY_ID: access_key,
    SPACES_SECRET_ACCESS_KEY: secret_key,
    SPACES_ENDPOINT_URL: "http://{{.Region}}.digitaloceanspaces.test",
    HTTP_PROXY: url,
    NO_PROXY: "127.0.0.1,localhost",
  };
}

function environment(root: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // The language host starts the first `node` it finds; it must be the one that strips types.
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    PULUMI_BACKEND_URL: `file://${join(root, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "engine-test",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
}
