/** A project of its own with the program of this checkout: links to its files, a copy of stack local, and a local platform in the same folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { findDaemon } from "../local/platform/daemon/client.ts";
import { API_TOKEN } from "../local/platform/defaults.ts";
import { STACK, workspaceAt } from "../local/platform/workspace.ts";
import { databaseAddress } from "../operate/recover/cluster.ts";
import { type AccountCluster, connectionOf, openAccount, type RoleAccount } from "../operate/rotate/account.ts";
import { type LoginAnswer, tryLogin } from "../postdeploy/connect/login.ts";
import type { RoleKind } from "../postdeploy/roles/index.ts";
import type { System } from "../systems/definition.ts";

const CHECKOUT = fileURLToPath(new URL("..", import.meta.url));
const LAUNCHER = join(CHECKOUT, "bin/slipway.js");

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Ran>;
}

export interface TestProject {
  readonly root: string;
  /** Runs this checkout's slipway in the project. */
  slipway(...args: string[]): Promise<Ran>;
  start(...args: string[]): Started;
  /** The setting in the stack's file. */
  credential(system: string, role: RoleKind): Record<string, string> | undefined;
  stackFile(): string;
  writeStackFile(text: string): void;
  account(): RoleAccount;
  // biome-ignore lint/suspicious/noExplicitAny: tests read the fields that they expect
  api(method: string, path: string, body?: object): Promise<any>;
  cluster(system: System): Promise<AccountCluster>;
  /** The address of an app. */
  appUrl(name: string): Promise<string>;
  login(system: System, user: string, password: string): Promise<LoginAnswer>;
  remove(): Promise<void>;
}

export function createProject(): TestProject {
  const root = mkdtempSync(join(tmpdir(), "slipway project "));
  for (const entry of readdirSync(CHECKOUT)) {
    if (/^Pulumi\..+\.yaml$/.test(entry) || entry === ".git" || entry === ".slipway") continue;
    symlinkSync(join(CHECKOUT, entry), join(root, entry));
  }
  const stackPath = join(root, "Pulumi.local.yaml");
  cpSync(join(CHECKOUT, "Pulumi.local.yaml"), stackPath);
  const start = (...args: string[]): Started => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
    const ended = new Promise<Ran>((resolve) => child.once("close", (code, signal) => resolve({ code, signal, output })));
    return { process: child, ended };
  };
  const daemon = () => {
    const found = findDaemon(workspaceAt(root));
    if (found === undefined) throw new Error("the local platform does not run");
    return found;
  };
  const api = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${API_TOKEN}`, "content-type": "application/json" };
    const response = await fetch(`${daemon().api}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return await response.json();
  };
  const account = () => openAccount({ endpoint: daemon().api, token: API_TOKEN });
  const cluster = async (system: System) => (await account().findCluster(databaseAddress(system, `-${STACK}`)))!;
  return {
    root,
    slipway: (...args) => start(...args).ended,
    start,
    credential: (system, role) => parse(readFileSync(stackPath, "utf8")).config[`slipway:${system}`]?.credentials?.[role],
    stackFile: () => readFileSync(stackPath, "utf8"),
    writeStackFile: (text) => writeFileSync(stackPath, text),
    account,
    cluster,
    api,
    async appUrl(name) {
      const { apps } = (await api("GET", "/v2/apps")) as { apps: { spec: { name: string }; live_url: string }[] };
      return apps.find(({ spec }) => spec.name === name)!.live_url;
    },
    login: async (system, user, password) =>
      await tryLogin(connectionOf(await cluster(system), { user, password }, system.postgres.database)),
    async remove() {
      await start("local", "reset").ended;
      rmSync(root, { recursive: true, force: true });
    },
  };
}
