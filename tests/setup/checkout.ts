/** A small checkout with the real set-up scripts. Its dependencies are packed files, so that `npm ci` needs no network. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const STUB =
  '#!/usr/bin/env node\nconsole.log("slipway", ...process.argv.slice(2), "on Node", process.env.AS_IF ?? process.versions.node);\n';

export interface Ended {
  readonly code: number;
  /** stdout and stderr together. */
  readonly output: string;
}

export class Checkout {
  /** Contains a space, as real paths may. */
  readonly dir = join(realpathSync(mkdtempSync(join(tmpdir(), "slipway-checkout-"))), "my projects");

  constructor() {
    cpSync(join(ROOT, "setup"), join(this.dir, "setup"), { recursive: true });
    cpSync(join(ROOT, ".npmrc"), join(this.dir, ".npmrc"));
    this.write("bin/slipway.js", STUB, 0o755);
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  write(file: string, content: string | object, mode = 0o644): void {
    const path = this.path(file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content), { mode });
  }

  /** Packs a package with these files and adds it to the lock file. */
  async depend(name: string, files: Record<string, string>): Promise<void> {
    this.write(`packed/${name}/package.json`, { name, version: "1.0.0" });
    for (const [file, content] of Object.entries(files)) this.write(`packed/${name}/${file}`, content);
    await this.command("npm", ["pack", "--silent", this.path("packed", name)]);
    this.#packed.push(name);
    this.lock({});
  }

  readonly #packed: string[] = [];

  /** Writes package.json and package-lock.json. `extra` are packages that need a registry. */
  lock(extra: Record<string, object>, node = ">=18"): void {
    const packed = this.#packed.map((name): [string, string] => [name, `file:${name}-1.0.0.tgz`]);
    const dependencies = { ...Object.fromEntries(packed), ...Object.fromEntries(Object.keys(extra).map((name) => [name, "1.0.0"])) };
    const root = {
      name: "checkout",
      version: "1.0.0",
      type: "module",
      engines: { node },
      scripts: { start: "node setup/run.mjs start" },
      dependencies,
      bin: { slipway: "bin/slipway.js" },
    };
    const locked = Object.fromEntries(packed.map(([name, resolved]) => [`node_modules/${name}`, { version: "1.0.0", resolved }]));
    const fetched = Object.fromEntries(
      Object.entries(extra).map(([name, entry]) => [`node_modules/${name}`, { version: "1.0.0", ...entry }]),
    );
    this.write("package.json", root);
    this.write("package-lock.json", {
      name: root.name,
      version: root.version,
      lockfileVersion: 3,
      packages: { "": root, ...locked, ...fetched },
    });
  }

  start(env: Record<string, string> = {}, as: { uid?: number; gid?: number } = {}): Promise<Ended> {
    return this.command(process.execPath, ["setup/run.mjs", "start"], env, as);
  }

  command(
    command: string,
    args: string[],
    env: Record<string, string> = {},
    as: { uid?: number; gid?: number } = {},
    heard?: (text: string) => void,
  ): Promise<Ended> {
    const child = spawn(command, args, { cwd: this.dir, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"], ...as });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        heard?.(output);
      });
    }
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? -1, output }));
    });
  }

  remove(): void {
    rmSync(dirname(this.dir), { recursive: true, force: true });
  }
}
