/** A clone of this repository to type a page's commands in, with a home of its own. What was downloaded before is used. */

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { isExecutable } from "../../local/servers/is-executable.ts";
import { findValkeyServer } from "../../local/servers/packages/binaries.ts";
import { REAL_CACHE } from "../../local/servers/testing/servers.ts";
import { detectServerUser } from "../../local/servers/user.ts";
import { freePort } from "../../postdeploy/migrate/testing/port.ts";
import { findSandbox } from "../../preview/sandbox/sandbox.ts";
import { copyCheckout } from "../copy.ts";
import { pulumiCli } from "../pulumi.ts";
import { ROOT } from "../setup/checkout.ts";
import { type Block, readBlocks } from "./blocks.ts";
import { type Ended, runBlocks } from "./session.ts";

export interface Clone {
  /** Types what a page says; blocks that need a program which is not here are left out and named. */
  type(page: string): Promise<Ended & { readonly leftOut: readonly string[] }>;
  run(...command: string[]): string;
  remove(): void;
}

/** The port in the pages, which another process on this machine may have. */
const PAGE_PORT = "4010";

export async function cloneRepository(): Promise<Clone> {
  const temporary = realpathSync(mkdtempSync(join(tmpdir(), "slipway-docs-")));
  const [folder, home] = [join(temporary, "slipway"), join(temporary, "home")];
  mkdirSync(home);
  copyCheckout(folder);
  copyPackages(join(folder, "node_modules"));
  const port = String(await freePort());
  const stackFile = join(folder, "Pulumi.local.yaml");
  writeFileSync(stackFile, readFileSync(stackFile, "utf8").replaceAll(PAGE_PORT, port));
  const env = environment(home);
  if (!isOnPath("redis-cli", env)) await provideRedisCli(home);
  const run = (name = "", ...args: string[]) =>
    execFileSync(name, args, { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  makeHistory(run);

  return {
    run,
    async type(page) {
      const wanted = readBlocks(ROOT, page).filter(({ skip }) => skip === undefined);
      const leftOut = wanted.flatMap(({ at, needs }) => needs.filter((name) => !isHere(name, env)).map((name) => `${at} (${name})`));
      const blocks = wanted
        .filter(({ needs }) => needs.every((name) => isHere(name, env)))
        .map((block): Block => ({ ...block, text: block.text.replaceAll(PAGE_PORT, port) }));
      return { ...(await runBlocks(blocks, folder, env)), leftOut };
    },
    remove: () => rmSync(temporary, { recursive: true, force: true }),
  };
}

function environment(home: string): NodeJS.ProcessEnv {
  const { PATH, LANG, TMPDIR } = process.env;
  const pulumi = pulumiCli();
  const folders = [join(home, "bin"), dirname(process.execPath), ...(pulumi ? [dirname(pulumi.path)] : []), PATH ?? ""];
  return {
    PATH: folders.join(delimiter),
    HOME: home,
    ...(LANG !== undefined && { LANG }),
    ...(TMPDIR !== undefined && { TMPDIR }),
    XDG_CACHE_HOME: dirname(REAL_CACHE),
    PULUMI_HOME: process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    GIT_AUTHOR_NAME: "reader",
    GIT_AUTHOR_EMAIL: "reader@example.com",
    GIT_COMMITTER_NAME: "reader",
    GIT_COMMITTER_EMAIL: "reader@example.com",
    npm_config_update_notifier: "false",
    NO_COLOR: "1",
  };
}

/** main as it is at the origin, and a branch on which the reader works. */
function makeHistory(run: Clone["run"]): void {
  run("git", "init", "--quiet", "--initial-branch", "main");
  run("git", "add", "--all");
  run("git", "commit", "--quiet", "--message", "As cloned");
  run("git", "update-ref", "refs/remotes/origin/main", "HEAD");
  run("git", "switch", "--quiet", "--create", "topic");
}

const hasSandbox = (await findSandbox()) !== undefined;

const isHere = (name: string, env: NodeJS.ProcessEnv): boolean => (name === "sandbox" ? hasSandbox : isOnPath(name, env));

function isOnPath(name: string, { PATH = "" }: NodeJS.ProcessEnv): boolean {
  return PATH.split(delimiter).some((folder) => isExecutable(join(folder, name)));
}

/** A folder of its own, as `npm ci` makes it: a preview refuses a link that leads out of the checkout. The files in it are links, which takes a second. */
function copyPackages(folder: string): void {
  unlinkSync(folder);
  const from = join(ROOT, "node_modules");
  const { status } = spawnSync("cp", ["-al", from, folder]);
  if (status === 0) return;
  rmSync(folder, { recursive: true, force: true });
  cpSync(from, folder, { recursive: true, verbatimSymlinks: true });
}

/** The client that comes with the platform's own Valkey, under the name in the pages. */
async function provideRedisCli(home: string): Promise<void> {
  const server = await findValkeyServer({ state: join(home, "unused"), cache: REAL_CACHE, user: detectServerUser() });
  const client = ["valkey-cli", "redis-cli"].map((name) => join(dirname(server.file), name)).find(existsSync);
  if (client === undefined) return;
  const variables = Object.entries(server.env).map(([name, value]) => `${name}='${value}' `);
  mkdirSync(join(home, "bin"), { recursive: true });
  writeFileSync(join(home, "bin/redis-cli"), `#!/bin/sh\n${variables.join("")}exec '${client}' "$@"\n`, { mode: 0o755 });
}
