/** Runs the program of a side in a sandboxed process: no credentials, few readable files, no network, limited time and output. */
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
  /** The directory of Pulumi.yaml in it. */
  readonly directory: string;
  /** A real path that ends in node_modules. */
  readonly modules: string;
  readonly stacks: readonly string[];
  /** Key of the fingerprints, in hex. */
  readonly key: string;
  /** Node's compile cache, the only place that the process can write to. */
  readonly compiled: string;
}

export interface Limits {
  readonly seconds: number;
  /** Of its result. */
  readonly mebibytes: number;
}

export const LIMITS: Limits = { seconds: 60, mebibytes: 32 };

/** Of stderr, in characters. */
const MOST_ERRORS = 4_000;
const HEAP_MIB = 1536;

/** @returns for every requested stack its plan, or the failure */
export async function recordSide(side: Side, sandbox: readonly string[], limits: Limits = LIMITS): Promise<ReadonlyMap<string, Recorded>> {
  if (side.stacks.length === 0) return new Map();
  const { tree, directory, modules, stacks, key, compiled } = side;
  const answer = await runSandboxed(
    { script: CHILD, input: { directory, stacks, key }, readable: [tree, modules, ...OWN], compiled, home: tree, sandbox },
    limits,
  );
  // Loaded while the process runs.
  const { parseEmission, UnreadableEmission } = await import("./parse.ts");
  const failed = (failure: string) => new Map(stacks.map((stack) => [stack, { failure }]));
  if ("failure" in answer) return failed(answer.failure);
  try {
    return parseEmission(answer.sent, stacks);
  } catch (error) {
    if (!(error instanceof UnreadableEmission)) throw error;
    return failed(`The program could not be recorded: ${error.message}.${answer.errors}`);
  }
}

const HERE = import.meta.dirname;
const ROOT = path.join(HERE, "../..");
const CHILD = path.join(HERE, `child${path.extname(import.meta.filename)}`);
/** Node reads the nearest one to find the module format of a file. */
const MANIFESTS = [path.join(ROOT, "package.json"), path.join(ROOT, "..", "package.json")];

/** The readable part of slipway: the recorder, the catalog that it imports, and its packages. Other files of its checkout can be private. */
const OWN = [path.join(ROOT, "engine"), path.join(ROOT, "catalog"), HERE, ...MANIFESTS, ownModules()];
/** Also the code that reads migrations and keyspaces. */
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
 * The command that isolates a process on Linux: no network except its own loopback, no view of other processes, and it ends with its parent.
 * Empty if the system does not allow that to an unprivileged user.
 */
export async function findSandbox(): Promise<readonly string[]> {
  if (process.platform !== "linux") return [];
  try {
    await promisify(execFile)(SANDBOX[0]!, [...SANDBOX.slice(1), "true"], { timeout: 5_000 });
    return SANDBOX;
  } catch {
    return [];
  }
}

const SANDBOX = [
  ...["setpriv", "--pdeathsig", "KILL"],
  ...["unshare", "-rnpm", "--fork", "--kill-child", "--mount-proc"],
  // The SDK needs a port on loopback.
  ...["sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "sh"],
];

export interface SandboxedScript {
  /** One of slipway's own. */
  readonly script: string;
  /** Passed as JSON on stdin. */
  readonly input: unknown;
  readonly readable: readonly string[];
  /** Node's compile cache, the only place that the process can write to. */
  readonly compiled: string;
  readonly home: string;
  readonly sandbox: readonly string[];
}

export type Answer = { readonly sent: string; readonly errors: string } | { readonly failure: string };

export function runSandboxed({ script, input, readable, compiled, home, sandbox }: SandboxedScript, limits: Limits): Promise<Answer> {
  mkdirSync(compiled, { recursive: true, mode: 0o700 });
  // Marks it as used, because `prune` removes the oldest.
  utimesSync(compiled, new Date(), new Date());
  const rights = ["--permission", ...[compiled, ...readable].map((file) => `--allow-fs-read=${file}`), `--allow-fs-write=${compiled}`];
  const [command = "", ...args] = [...sandbox, process.execPath, ...rights, `--max-old-space-size=${HEAP_MIB}`, script];
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: home,
      // The whole environment of the program. The sandbox's tools need PATH.
      env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", HOME: home, LANG: "C.UTF-8", TZ: "UTC", NODE_COMPILE_CACHE: compiled },
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      // A process group, so that a kill includes its children.
      detached: true,
    });
    if (child.pid === undefined) {
      child.on("error", (error) => resolve({ failure: `The process failed to start: ${error.message}.` }));
      return;
    }
    running.add(child.pid!);
    const sent: Buffer[] = [];
    let size = 0;
    let errors = "";
    let failure: string | undefined;
    const stop = (reason: string) => {
      failure ??= reason;
      kill(child.pid!);
    };
    const clock = setTimeout(
      () => stop(`The program did not finish within ${limits.seconds} seconds. To raise the limit: --timeout <seconds>`),
      limits.seconds * 1000,
    );
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.mebibytes * 2 ** 20) stop(`The program sent more than ${limits.mebibytes} MiB.`);
      else sent.push(chunk);
    });
    child.stderr!.on("data", (chunk: Buffer) => {
      if (errors.length < MOST_ERRORS) errors += chunk.toString("utf8").slice(0, MOST_ERRORS);
    });
    child.on("close", settle);
    // A process that ends before it reads is reported when it closes.
    (child.stdin as Writable).on("error", () => {});
    child.stdin!.end(JSON.stringify(input));

    function settle(): void {
      clearTimeout(clock);
      running.delete(child.pid!);
      resolve(failure === undefined ? { sent: Buffer.concat(sent).toString("utf8"), errors: quote(errors) } : { failure });
    }
  });
}

const running = new Set<number>();

/** Stops the processes when this process ends. */
export function killSides(): void {
  for (const pid of running) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has already ended.
  }
}

/** The first lines of stderr, without control characters. */
function quote(errors: string): string {
  const lines = errors
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal must not receive these characters
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.includes("ExperimentalWarning") && !line.startsWith("(Use `node"));
  return lines.length === 0 ? "" : ` Its stderr: ${lines.slice(0, 5).join(" / ").slice(0, 500)}`;
}
