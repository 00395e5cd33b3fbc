/** Runs one of slipway's own scripts in a sandbox, with limits, and returns what it sends. */
import { mkdirSync, utimesSync } from "node:fs";
import type { Readable } from "node:stream";
import { type Box, type Mount, type Sandbox, SCRATCH, startInBox } from "./box.ts";
import { watchProcesses } from "./watch.ts";

export interface Limits {
  readonly seconds: number;
  /** Of its result. */
  readonly mebibytes: number;
}

export const LIMITS: Limits = { seconds: 60, mebibytes: 32 };

/** Of stderr, in characters. */
const MOST_ERRORS = 4_000;
const HEAP_MIB = 1536;
const MOST = { processes: 32, mebibytes: 3072 };

export interface SandboxedScript {
  /** One of slipway's own. */
  readonly script: string;
  /** Passed as JSON on stdin. */
  readonly input: unknown;
  readonly readable: readonly Mount[];
  /** The working directory, as the script sees it. */
  readonly directory: string;
  readonly cache: CompileCache;
}

/** Compiled code, so that the next preview starts faster. What an untrusted program writes there, another one would run. */
export interface CompileCache {
  readonly folder: string;
  readonly isWritable: boolean;
}

export interface Answer {
  /** What it sent, also if it was stopped later. */
  readonly sent: string;
  /** What it wrote to stderr, as a sentence; empty if that is nothing. */
  readonly errors: string;
  /** Undefined if a signal ended it. */
  readonly code: number | undefined;
  /** Why it was stopped, or did not start. */
  readonly failure?: string;
}

const CACHE = "/cache";

export function runSandboxed(sandbox: Sandbox, job: SandboxedScript, limits: Limits): Promise<Answer> {
  const { script, input, readable, directory, cache } = job;
  mkdirSync(cache.folder, { recursive: true, mode: 0o700 });
  // Marks it as used, because `prune` removes the oldest.
  utimesSync(cache.folder, new Date(), new Date());
  const isolates = sandbox.name !== "none";
  const compiled = { from: cache.folder, to: isolates ? CACHE : cache.folder };
  const isWritable = cache.isWritable || !isolates;
  const box: Box = {
    readable: [...readable, ...(isWritable ? [] : [compiled])],
    writable: isWritable ? [compiled] : [],
    directory,
    // The whole environment of the program.
    env: { HOME: isolates ? SCRATCH : directory, LANG: "C.UTF-8", TZ: "UTC", NODE_COMPILE_CACHE: compiled.to },
  };
  const rights = [
    "--permission",
    ...[compiled, ...readable].map(({ to }) => `--allow-fs-read=${to}`),
    // Without the right to write, Node does not read the cache either.
    `--allow-fs-write=${compiled.to}`,
  ];
  const node = [process.execPath, ...rights, `--max-old-space-size=${HEAP_MIB}`, script];
  return collect(sandbox, box, node, JSON.stringify(input), limits);
}

export function collect(sandbox: Sandbox, box: Box, command: readonly string[], input: string, limits: Limits): Promise<Answer> {
  return new Promise((resolve) => {
    const child = startInBox(sandbox, box, command);
    if (child.pid === undefined) {
      child.on("error", ({ message }) =>
        resolve({ sent: "", errors: "", code: undefined, failure: `The process failed to start: ${message}.` }),
      );
      return;
    }
    const { pid } = child;
    running.add(pid);
    const sent: Buffer[] = [];
    let size = 0;
    let errors = "";
    let failure: string | undefined;
    const stop = (reason: string) => {
      failure ??= reason;
      kill(pid);
    };
    const clock = setTimeout(
      () => stop(`The program did not finish within ${limits.seconds} seconds. To raise the limit: --timeout <seconds>`),
      limits.seconds * 1000,
    );
    const unwatch = watchProcesses(pid, { ...MOST, seconds: 2 * limits.seconds }, stop);
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.mebibytes * 2 ** 20) stop(`The program sent more than ${limits.mebibytes} MiB.`);
      else sent.push(chunk);
    });
    child.stderr!.on("data", (chunk: Buffer) => {
      if (errors.length < MOST_ERRORS) errors += chunk.toString("utf8").slice(0, MOST_ERRORS);
    });
    child.on("close", (code) => {
      clearTimeout(clock);
      unwatch();
      running.delete(pid);
      const text = Buffer.concat(sent).toString("utf8");
      resolve({ sent: text, errors: quote(errors), code: code ?? undefined, ...(failure !== undefined && { failure }) });
    });
    child.stdin!.end(input);
  });
}

const running = new Set<number>();

/** Stops the processes when this process ends. */
export function killSandboxed(): void {
  for (const pid of running) kill(pid);
}

/** What it started in a sandbox ends with it. */
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
