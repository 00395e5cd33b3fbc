/**
 * The boundary around the program of an untrusted commit, as each sandbox builds it, attacked without Node's permission model: what holds here holds
 * for native code too. Each attack also runs without the boundary, where it must succeed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { type Box, NO_SANDBOX, type Sandbox } from "../../preview/sandbox/box.ts";
import { bubblewrap } from "../../preview/sandbox/bubblewrap.ts";
import { namespaces } from "../../preview/sandbox/namespaces.ts";
import { collect } from "../../preview/sandbox/run.ts";
import { findSandbox, works } from "../../preview/sandbox/sandbox.ts";
import { skipTest } from "../skip.ts";
import { ATTACKS, type Prey, RUNNER } from "./boundary-attacks.ts";

const SECRET = "prey-5f1b7c0e9a";

type Outcome = { readonly got: string } | { readonly refused: string };

let root: string;
let prey: Prey;
let victim: ChildProcess;
const servers: { close(): unknown }[] = [];

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), "slipway-boundary-"));
  const folder = path.join(root, "prey");
  for (const name of ["prey", "checkout", "modules", "cache"]) mkdirSync(path.join(root, name), { mode: 0o700 });
  const secret = path.join(folder, "secret");
  for (const [file, text] of Object.entries({
    [secret]: SECRET,
    [`${secret}.mjs`]: `export default ${JSON.stringify(SECRET)};\n`,
    [`${secret}.env`]: `LOADED=${SECRET}\n`,
    [path.join(folder, "removable")]: "",
    [path.join(folder, "renamable")]: "",
    [path.join(root, "checkout", "file")]: "",
  }))
    writeFileSync(file, text, { mode: 0o600 });
  const database = new DatabaseSync(`${secret}.db`);
  database.exec(`CREATE TABLE secrets (text); INSERT INTO secrets VALUES ('${SECRET}')`);
  database.close();
  const abstract = `\0${path.basename(root)}`;
  const answer = () => createServer((socket) => socket.on("error", () => {}).end(SECRET));
  const tcp = answer().listen(0, "127.0.0.1");
  const unix = [answer().listen(path.join(folder, "socket")), answer().listen(abstract)];
  for (const server of [tcp, ...unix]) servers.push(server);
  const udp = createSocket("udp4");
  udp.on("message", (_, { port, address }) => udp.send(SECRET, port, address));
  udp.bind(0, "127.0.0.1");
  servers.push(udp);
  await Promise.all([tcp, ...unix, udp].map((one) => once(one, "listening")));
  victim = spawn(process.execPath, ["-e", "process.on('SIGUSR2', () => {}); console.log(1); setInterval(() => {}, 1e6)", "prey"], {
    cwd: folder,
    env: { PREY: SECRET },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(victim.stdout!, "data");
  prey = {
    ...{ folder, secret: SECRET, socket: path.join(folder, "socket"), abstract, victim: victim.pid!, hostname: hostname() },
    ...{ tcp: (tcp.address() as { port: number }).port, udp: udp.address().port, uid: process.getuid?.() ?? 0 },
    ...{ checkout: path.join(root, "checkout"), modules: path.join(root, "modules"), cache: path.join(root, "cache") },
    shared: path.basename(root),
  };
});

afterAll(() => {
  victim?.kill("SIGKILL");
  for (const server of servers) server.close();
  rmSync(root, { recursive: true, force: true });
});

/** Runs all attacks in one process, as a preview runs a program, but with all that Node can do. */
async function attack(sandbox: Sandbox): Promise<Readonly<Record<string, Outcome>>> {
  const places = Object.entries({ checkout: "/checkout", modules: "/checkout-modules", cache: "/cache" }).map(([name, to]) => {
    const from = path.join(root, name);
    return [name, { from, to: sandbox.name === "none" ? from : to }] as const;
  });
  const readable = places.map(([, mount]) => mount);
  const box: Box = { readable, writable: [], directory: readable[0]!.to, env: { PREY: SECRET.slice(0, 4) } };
  const own = { ...prey, ...Object.fromEntries(places.map(([name, { to }]) => [name, to])) };
  const input = JSON.stringify({ prey: own, attacks: ATTACKS });
  const command = [process.execPath, "--no-warnings", "-e", RUNNER];
  const { sent, errors, failure, code } = await collect(sandbox, box, command, input, { seconds: 120, mebibytes: 32 });
  expect({ code, failure, ...(code !== 0 && { errors }) }).toEqual({ code: 0 });
  const outcomes = JSON.parse(sent) as Record<string, Outcome>;
  const left = processesWith(path.basename(root));
  outcomes["leave a process behind"] = left.length > 0 ? { got: SECRET } : { refused: "it ended with the sandbox" };
  for (const pid of left) process.kill(pid, "SIGKILL");
  return outcomes;
}

/** Those that were started with this argument. */
function processesWith(argument: string): number[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(argument) ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

const succeeded = (outcomes: Readonly<Record<string, Outcome>>): string[] =>
  Object.entries(outcomes).flatMap(([name, outcome]) => ("got" in outcome && outcome.got.includes(SECRET) ? [name] : []));

const listFiles = (): string[] => (readdirSync(root, { recursive: true }) as string[]).sort();

describe("the boundary around an untrusted program", () => {
  it("is all that is in the way of these attacks", async () => {
    const outcomes = await attack(NO_SANDBOX);
    const failed = Object.keys(ATTACKS).filter((name) => !succeeded(outcomes).includes(name));
    expect(failed.map((name) => [name, outcomes[name]])).toEqual([]);
    expect(Object.keys(ATTACKS).length).toBeGreaterThanOrEqual(40);
  });

  it.for([
    ["bubblewrap", bubblewrap],
    ["namespaces", namespaces],
  ] as const)("of %s lets none of them succeed", async ([name, open], context) => {
    const sandbox = await openOrSkip(context, name, open);
    const before = listFiles();
    const outcomes = await attack(sandbox);
    expect(succeeded(outcomes)).toEqual([]);
    expect(Object.keys(outcomes).sort()).toEqual(Object.keys(ATTACKS).sort());
    expect(listFiles()).toEqual(before);
    expect(victim.exitCode ?? victim.signalCode).toBeNull();
  });

  it.for([
    ["processor time", "for (;;);", { seconds: 2 }, "The program did not finish within 2 seconds"],
    [
      "memory outside of Node's heap",
      "const all = []; setInterval(() => all.push(Buffer.alloc(2 ** 28, 1)), 20);",
      { seconds: 60 },
      "The program used more than 3072 MiB of memory.",
    ],
    [
      "processes",
      `const child = require("child_process"); setInterval(() => child.spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" }).on("error", () => {}), 5);`,
      { seconds: 60 },
      "The program started more than 32 processes.",
    ],
    [
      "output",
      `const fs = require("fs"); const piece = Buffer.alloc(2 ** 20); for (;;) fs.writeSync(3, piece);`,
      { seconds: 60 },
      "The program sent more than 4 MiB.",
    ],
  ] as const)("limits %s, and leaves no process", async ([, source, { seconds }, failure], context) => {
    const sandbox = (await findSandbox()) ?? skipTest(context, NO_SANDBOX_HERE);
    const box: Box = { readable: [], writable: [], directory: "/", env: {} };
    const marker = `${path.basename(root)}-limits`;
    const command = [process.execPath, "-e", source, marker];
    const answer = await collect(sandbox, box, command, "", { seconds, mebibytes: 4 });
    expect(answer.failure).toContain(failure);
    expect(processesWith(marker)).toEqual([]);
  });
});

const NO_SANDBOX_HERE = { reason: "this system allows no sandbox", enable: "apt-get install bubblewrap" };

async function openOrSkip(context: TestContext, name: string, open: () => Promise<Sandbox | undefined>): Promise<Sandbox> {
  const sandbox = await open();
  if (sandbox === undefined || !(await works(sandbox)))
    skipTest(context, { ...NO_SANDBOX_HERE, reason: `${name} is not installed, or not allowed here` });
  return sandbox;
}
