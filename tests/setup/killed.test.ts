/** A command ends in an orderly way when the process that launched it is killed with SIGKILL. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { cleanFolders, folderOf } from "../../postdeploy/migrate/testing/folder.ts";
import { nameIn, startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { isRunning } from "../processes.ts";
import { Checkout, ROOT } from "./checkout.ts";

const PATIENT = { timeout: 120_000, interval: 50 };

let temporary: string;
const started: ChildProcess[] = [];

beforeAll(() => {
  temporary = realpathSync(mkdtempSync(join(tmpdir(), "slipway-killed-")));
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  /** Resolves once its output holds this text. */
  printed(text: string): Promise<void>;
  /** Once no process holds its output any more: neither the launcher nor what it launched. */
  readonly ended: Promise<string>;
}

function start(args: readonly string[], cwd: string): Started {
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  return {
    child,
    printed: (text) => vi.waitUntil(() => output.includes(text), PATIENT).then(() => {}),
    ended: once(child, "close").then(() => output),
  };
}

const endOf = (pid: number) => vi.waitUntil(() => !isRunning(pid), PATIENT);

/**
 * Arguments that run a copy of bin/slipway.js with a Node that reports an old version, so that it launches the copy's own Node. This checkout may
 * have no Node of its own: `npm ci` brings none where the machine's is new enough.
 */
function launcher(name: string, args: readonly string[] = []): string[] {
  const disguise = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });`;
  const folder = join(temporary, name);
  for (const part of ["bin", "node_modules/node/bin"]) mkdirSync(join(folder, part), { recursive: true });
  symlinkSync(process.execPath, join(folder, "node_modules/node/bin/node"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  copyFileSync(join(ROOT, "bin/slipway.js"), join(folder, "bin/slipway.js"));
  return ["--import", `data:text/javascript,${encodeURIComponent(disguise)}`, join(folder, "bin/slipway.js"), ...args];
}

describe("bin/slipway.js on a Node that is too old", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    await server.stop();
    cleanFolders();
  });

  it("cancels the running statement and rolls back its file, as Ctrl-C does", async () => {
    const connection = await server.database();
    const folder = folderOf({
      "001_a.sql": "CREATE TABLE a (id int);",
      "002_slow.sql": "CREATE TABLE b (id int); SELECT pg_sleep(600);",
    }).path;
    const args = launcher("sources", ["migrate", "up", "--dir", folder, "--url", connection.url]);
    symlinkSync(join(ROOT, "cli"), join(temporary, "sources/cli"));
    const { child, ended } = start(args, ROOT);
    const sleeping = `SELECT pid FROM pg_stat_activity WHERE datname = '${nameIn(connection)}' AND query LIKE '%pg_sleep(600)%' AND state = 'active'`;
    const endedEarly = ended.then((output) => Promise.reject(new Error(`slipway migrate up ended before it was killed:\n${output}`)));
    await Promise.race([vi.waitUntil(async () => (await server.sql(sleeping)).length === 1, PATIENT), endedEarly]);
    endedEarly.catch(() => {});
    child.kill("SIGKILL");
    expect(await ended).toContain("stopping: the running statement is cancelled and rolled back");
    // The server notices a moment later that its client has gone.
    const sessions = `SELECT pid FROM pg_stat_activity WHERE datname = '${nameIn(connection)}'`;
    await vi.waitUntil(async () => (await server.sql(sessions)).length === 0, PATIENT);
    const tables = "SELECT relname FROM pg_class WHERE relname IN ('a', 'b') AND relkind = 'r'";
    expect(await server.sql(tables, nameIn(connection))).toEqual([{ relname: "a" }]);
  });
});

describe("a command that starts a background process", () => {
  /** As the local platform's daemon is started: detached, with its output elsewhere. */
  const MAIN = `import { spawn } from "node:child_process";
    import { setTimeout as sleep } from "node:timers/promises";
    export const main = async () => {
      const daemon = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" });
      daemon.unref();
      console.log(JSON.stringify({ own: process.pid, daemon: daemon.pid, variable: process.env.SLIPWAY_LAUNCHER_PIPE ?? null }));
      await sleep(600_000);
    };
    export const reportError = async () => 1;`;

  async function killed(args: readonly string[], cwd: string): Promise<void> {
    const { child, printed, ended } = start(args, cwd);
    let output = "";
    child.stdout!.on("data", (text: string) => (output += text));
    await printed("}");
    const { own, daemon, variable } = JSON.parse(/\{.*\}/.exec(output)![0]) as { own: number; daemon: number; variable: string | null };
    try {
      expect(variable).toBeNull();
      expect(own).not.toBe(child.pid);
      child.kill("SIGKILL");
      await endOf(own);
      await ended;
      expect(isRunning(daemon)).toBe(true);
    } finally {
      process.kill(daemon, "SIGKILL");
    }
  }

  it("ends without that process when launched by bin/slipway.js", async () => {
    const args = launcher("compiled");
    mkdirSync(join(temporary, "compiled/dist/cli"), { recursive: true });
    writeFileSync(join(temporary, "compiled/dist/cli/main.js"), MAIN);
    await killed(args, temporary);
  });

  it("ends without that process when launched by npm start", async () => {
    const checkout = new Checkout();
    try {
      await checkout.depend("oar", { "index.js": "" });
      checkout.write("bin/slipway.js", `${MAIN}\nawait main();`);
      await killed(["setup/run.mjs", "start"], checkout.dir);
    } finally {
      checkout.remove();
    }
  });
});
