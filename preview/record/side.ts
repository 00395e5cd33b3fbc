/** Runs a side in a process of its own, which has nothing to steal, little to read, nobody to tell, and an end. */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, realpathSync, utimesSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import type { Recorded } from "./parse.ts";

export interface Side {
  /** The checkout. */
  readonly tree: string;
  /** Where in it Pulumi.yaml is. */
  readonly directory: string;
  /** A real path that ends in node_modules. */
  readonly modules: string;
  readonly stacks: readonly string[];
  /** Hex; of the fingerprints. */
  readonly key: string;
  /** Where Node keeps what it has compiled of this side, and the one place that the process may write to. */
  readonly compiled: string;
}

export interface Limits {
  readonly seconds: number;
  /** Of what it sends. */
  readonly mebibytes: number;
}

export const LIMITS: Limits = { seconds: 60, mebibytes: 32 };

/** What it may say besides. */
const TALK = 4_000;
const HEAP_MIB = 1536;

/** Every stack that was asked for, with its plan or why it has none. */
export async function recordSide(side: Side, jail: readonly string[], limits: Limits = LIMITS): Promise<ReadonlyMap<string, Recorded>> {
  if (side.stacks.length === 0) return new Map();
  const { tree, directory, modules, stacks, key, compiled } = side;
  const answer = await jailed(
    { script: CHILD, input: { directory, stacks, key }, readable: [tree, modules, ...OWN], compiled, home: tree, jail },
    limits,
  );
  // Read only now, when there is time: the process has been started first.
  const { parseEmission, UnreadableEmission } = await import("./parse.ts");
  const failed = (failure: string) => new Map(stacks.map((stack) => [stack, { failure }]));
  if ("failure" in answer) return failed(answer.failure);
  try {
    return parseEmission(answer.sent, stacks);
  } catch (error) {
    if (!(error instanceof UnreadableEmission)) throw error;
    return failed(`The program did not let itself be recorded: ${error.message}.${answer.said}`);
  }
}

const HERE = import.meta.dirname;
const ROOT = path.join(HERE, "../..");
const CHILD = path.join(HERE, `child${path.extname(import.meta.filename)}`);
/** The nearest says what kind of modules a file is. */
const MANIFESTS = [path.join(ROOT, "package.json"), path.join(ROOT, "..", "package.json")];

/** Of slipway only what records, and the packages beside it: its checkout may hold what is nobody's business. */
const OWN = [path.join(ROOT, "engine"), HERE, ...MANIFESTS, ownModules()];
/** And what reads migrations and keyspaces. */
export const OWN_POSTDEPLOY = [
  path.join(ROOT, "postdeploy"),
  path.join(ROOT, "report/review.ts"),
  path.join(ROOT, "report/review.js"),
  ...OWN,
];

function ownModules(): string {
  const manifest = realpathSync(createRequire(import.meta.url).resolve("@pulumi/pulumi/package.json"));
  return path.join(manifest, "../../..");
}

/**
 * On Linux the process gets a world of its own: no network but its own loopback, no other process to look at, and an end with whoever
 * started it, however that ends. Empty where the system does not let an ordinary user have that.
 */
export async function findJail(): Promise<readonly string[]> {
  if (process.platform !== "linux") return [];
  try {
    await promisify(execFile)(JAIL[0]!, [...JAIL.slice(1), "true"], { timeout: 5_000 });
    return JAIL;
  } catch {
    return [];
  }
}

const JAIL = [
  ...["setpriv", "--pdeathsig", "KILL"],
  ...["unshare", "-rnpm", "--fork", "--kill-child", "--mount-proc"],
  // Loopback is up because the SDK wants a port there; it leads nowhere.
  ...["sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "sh"],
];

export interface Jailed {
  /** Plain TypeScript or JavaScript of ours. */
  readonly script: string;
  /** Given as JSON on its standard input. */
  readonly input: unknown;
  readonly readable: readonly string[];
  /** Where Node keeps what it has compiled, and the one place that the process may write to. */
  readonly compiled: string;
  readonly home: string;
  readonly jail: readonly string[];
}

export type Answer = { readonly sent: string; readonly said: string } | { readonly failure: string };

export function jailed({ script, input, readable, compiled, home, jail }: Jailed, limits: Limits): Promise<Answer> {
  mkdirSync(compiled, { recursive: true, mode: 0o700 });
  // What is not used for long is swept out.
  utimesSync(compiled, new Date(), new Date());
  const rights = ["--permission", ...[compiled, ...readable].map((file) => `--allow-fs-read=${file}`), `--allow-fs-write=${compiled}`];
  const [command = "", ...args] = [...jail, process.execPath, ...rights, `--max-old-space-size=${HEAP_MIB}`, script];
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: home,
      // Whole: what is not here, the program does not get. The PATH is for the jail's own tools.
      env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", HOME: home, LANG: "C.UTF-8", TZ: "UTC", NODE_COMPILE_CACHE: compiled },
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      // A group of its own, so that nothing of it is left when it is killed.
      detached: true,
    });
    if (child.pid === undefined) {
      child.on("error", (error) => resolve({ failure: `It could not be started: ${error.message}.` }));
      return;
    }
    running.add(child.pid!);
    const sent: Buffer[] = [];
    let size = 0;
    let said = "";
    let why: string | undefined;
    const stop = (reason: string) => {
      why ??= reason;
      kill(child.pid!);
    };
    const clock = setTimeout(
      () => stop(`The program did not end within ${limits.seconds} seconds. A larger limit: --timeout <seconds>`),
      limits.seconds * 1000,
    );
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.mebibytes * 2 ** 20) stop(`The program sent more than ${limits.mebibytes} MiB.`);
      else sent.push(chunk);
    });
    child.stderr!.on("data", (chunk: Buffer) => {
      if (said.length < TALK) said += chunk.toString("utf8").slice(0, TALK);
    });
    child.on("close", settle);
    // Gone before it has read: its exit tells why.
    (child.stdin as Writable).on("error", () => {});
    child.stdin!.end(JSON.stringify(input));

    function settle(): void {
      clearTimeout(clock);
      running.delete(child.pid!);
      resolve(why === undefined ? { sent: Buffer.concat(sent).toString("utf8"), said: quoted(said) } : { failure: why });
    }
  });
}

const running = new Set<number>();

/** For when this process has to end before they do. */
export function killSides(): void {
  for (const pid of running) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Its own words, as far as they are words. */
function quoted(said: string): string {
  const lines = said
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what a terminal must not be given.
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.includes("ExperimentalWarning") && !line.startsWith("(Use `node"));
  return lines.length === 0 ? "" : ` It said: ${lines.slice(0, 5).join(" / ").slice(0, 500)}`;
}
