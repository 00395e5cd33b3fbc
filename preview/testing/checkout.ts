/** A project in a git repository of its own, and `slipway preview` run on it as a command. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Review } from "../../report/review.ts";
import { findSandbox } from "../sandbox/sandbox.ts";

const ROOT = path.join(import.meta.dirname, "../..");

/** Most tests are not about the boundary, and run where a system allows none. */
const TRUST = (await findSandbox()) === undefined ? ["--trust-head"] : [];

const CLUSTER = `new digitalocean.DatabaseCluster("orders", { name: "orders", engine: "pg", version: "16", region: "nyc1", size: "db-s-1vcpu-2gb", nodeCount: 1 });`;

/** @param body of the program's function, with `digitalocean` and `pulumi` in scope */
export function programOf(body = CLUSTER): string {
  return [
    `import * as digitalocean from "@pulumi/digitalocean";`,
    `import * as pulumi from "@pulumi/pulumi";`,
    `export default async function harbour() {`,
    body,
    `}`,
    `void digitalocean, pulumi;`,
    "",
  ].join("\n");
}

export interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

export class Checkout {
  readonly directory: string;
  readonly cache: string;
  readonly #root = mkdtempSync(path.join(tmpdir(), "slipway-preview-"));

  constructor() {
    this.directory = path.join(this.#root, "harbour");
    this.cache = path.join(this.#root, "cache");
    mkdirSync(this.directory);
    mkdirSync(this.cache);
    this.write("package.json", `{ "name": "harbour", "private": true, "type": "module" }\n`);
    this.write("Pulumi.yaml", "name: harbour\nruntime: nodejs\nmain: index.ts\n");
    this.write("Pulumi.prod.yaml", "config:\n  harbour:color: red\n");
    this.write("index.ts", programOf());
    this.write(".gitignore", "node_modules\n.env\n");
    symlinkSync(path.join(ROOT, "node_modules"), path.join(this.directory, "node_modules"));
    this.git("init", "--quiet", "--initial-branch=main");
    this.commit("as it is");
  }

  write(file: string, text: string): void {
    mkdirSync(path.dirname(path.join(this.directory, file)), { recursive: true });
    writeFileSync(path.join(this.directory, file), text);
  }

  commit(message: string): void {
    this.git("add", "--all");
    this.git("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "--quiet", "--message", message);
  }

  git(...args: string[]): string {
    return execFileSync("git", args, { cwd: this.directory, encoding: "utf8" });
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    return spawn(process.execPath, [path.join(ROOT, "bin/slipway.js"), "preview", ...TRUST, ...args], {
      cwd: this.directory,
      env: { ...process.env, XDG_CACHE_HOME: this.cache, XDG_RUNTIME_DIR: this.cache, ...env },
    });
  }

  async preview(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
    const child = this.start(args, env);
    let [out, said] = ["", ""];
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, "close");
    return { code, out, said };
  }

  async review(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Review> {
    const { code, out, said } = await this.preview(["--base", "HEAD~1", "--format", "json", ...args], env);
    if (code === 2 || out === "") throw new Error(`exit code ${code}: ${said}`);
    return JSON.parse(out) as Review;
  }

  /** Worktrees of previews that git lists. Read from its files, because git fails while one is being added. */
  worktrees(): string[] {
    const known = path.join(this.directory, ".git/worktrees");
    return existsSync(known) ? readdirSync(known) : [];
  }

  /** The number of worktrees of the preview with this process id. */
  worktreesOf(preview: number): number {
    const known = this.worktrees();
    const trees = path.join(this.cache, "slipway/trees");
    const files = existsSync(trees) ? namesBelow(trees).filter((file) => /^[^/]+\/[^/]+\.pid$/.test(file)) : [];
    return files.filter(
      (file) => known.includes(path.basename(file, ".pid")) && readFileSync(path.join(trees, file), "utf8") === String(preview),
    ).length;
  }

  /** Whether a process of any preview of this checkout is running. Linux only. */
  isRunning(): boolean {
    return readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(this.cache));
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Empty if an entry was deleted meanwhile. */
function namesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
