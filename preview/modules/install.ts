/** Installs the packages of a lock file with npm, in the sandbox: with a configuration of slipway's, without scripts, and with nothing to read. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { type Box, type Mount, type Sandbox, SCRATCH } from "../sandbox/box.ts";
import { collect, type Limits } from "../sandbox/run.ts";
import { KINDS, type LockFile } from "./lock-file.ts";

const LIMITS: Limits = { seconds: 300, mebibytes: 1 };

const PROJECT = "/project";

/** Installed once for each content of the lock file. @returns the folder of packages, a real path */
export async function installPackages(lock: LockFile, npm: Npm, sandbox: Sandbox, cache: string): Promise<string> {
  const [manifest, text] = [JSON.stringify(manifestOf(lock)), JSON.stringify(lock)];
  const known = path.join(cache, createHash("sha256").update(text).digest("hex").slice(0, 32));
  if (existsSync(known)) {
    utimesSync(known, new Date(), new Date());
    return realpathSync(path.join(known, "node_modules"));
  }
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const fresh = mkdtempSync(path.join(cache, "new-"));
  try {
    writeFileSync(path.join(fresh, "package.json"), manifest);
    writeFileSync(path.join(fresh, "package-lock.json"), text);
    writeFileSync(path.join(fresh, ".npmrc"), "");
    await runNpm(npm, fresh, sandbox);
    // An empty lock file creates none.
    mkdirSync(path.join(fresh, "node_modules"), { recursive: true });
    // Another preview may have installed the same packages.
    if (!existsSync(known)) renameSync(fresh, known);
    return realpathSync(path.join(known, "node_modules"));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Only what npm compares with the lock file: no script, no configuration, no workspace of the commit. */
function manifestOf({ packages }: LockFile): object {
  const root = packages[""] ?? {};
  return { name: "project", private: true, ...Object.fromEntries(KINDS.flatMap((kind) => (root[kind] ? [[kind, root[kind]]] : []))) };
}

export interface Npm {
  /** Its program, a real path. */
  readonly program: string;
  /** The user's. */
  readonly registry: string;
  /** npm's own default. It is in every lock file, and npm replaces it by the user's. */
  readonly defaultRegistry: string;
  /** A file with the certificates of more authorities. */
  readonly authorities: string | undefined;
}

/** As the user has configured it outside of any project. */
export async function findNpm(): Promise<Npm> {
  const program = findProgram();
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name)));
  const nothing = ["--userconfig=/nonexistent/user", "--globalconfig=/nonexistent/global"];
  const [registry, defaultRegistry, authorities] = await Promise.all([
    read(["registry"], process.env),
    read(["registry", ...nothing], own),
    read(["cafile"], process.env),
  ]);
  return {
    ...{ program, registry: withSlash(registry!), defaultRegistry: withSlash(defaultRegistry!) },
    authorities: authorities || process.env.NODE_EXTRA_CA_CERTS,
  };

  async function read(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
    const { stdout } = await promisify(execFile)(process.execPath, [program, "config", "get", ...args], { cwd: "/", env, timeout: 30_000 });
    const value = stdout.trim();
    return value === "null" || value === "undefined" ? undefined : value;
  }
}

const withSlash = (url: string): string => (url.endsWith("/") ? url : `${url}/`);

function findProgram(): string {
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    const file = path.join(folder, "npm");
    if (path.isAbsolute(folder) && existsSync(file)) return realpathSync(file);
  }
  throw new Error("npm is not on the PATH");
}

/** What a process needs to look up a name. */
const RESOLVER = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl/certs"];

async function runNpm({ program, registry, authorities }: Npm, folder: string, sandbox: Sandbox): Promise<void> {
  const own = path.resolve(program, "../..");
  const files = [own, ...RESOLVER, ...(authorities === undefined ? [] : [authorities])].filter(existsSync);
  const isolates = sandbox.name !== "none";
  const project: Mount = { from: folder, to: isolates ? PROJECT : folder };
  const scratch = isolates ? SCRATCH : folder;
  const box: Box = {
    readable: files.map((file) => ({ from: realpathSync(file), to: file })),
    writable: [project],
    directory: project.to,
    env: { HOME: scratch, PATH: "", LANG: "C.UTF-8", ...(authorities && { NODE_EXTRA_CA_CERTS: authorities }) },
    network: true,
  };
  const configuration = {
    // Files that do not exist.
    ...{ registry, userconfig: path.join(project.to, ".user"), globalconfig: path.join(project.to, ".global") },
    ...{ cache: path.join(project.to, ".cache"), "ignore-scripts": "true", "bin-links": "false", audit: "false", fund: "false" },
    ...{ "update-notifier": "false", loglevel: "error", git: "/nonexistent", progress: "false" },
  };
  const flags = Object.entries(configuration).map(([name, value]) => `--${name}=${value}`);
  const answer = await collect(sandbox, box, [process.execPath, program, "ci", ...flags], "", LIMITS);
  if (answer.failure !== undefined) throw new Error(answer.failure);
  rmSync(path.join(folder, ".cache"), { recursive: true, force: true });
  if (answer.code !== 0) throw new Error(`npm ci ended with code ${answer.code}.${answer.errors}`);
}
