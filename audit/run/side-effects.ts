/** Records what a program does apart from declaring resources: output, written files, commands, requests. Each can leak a secret. */
import childProcess from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "node:util";

export interface SideEffect {
  readonly kind: "console" | "file" | "command" | "request";
  /** The stream, the file, the command, the address. */
  readonly target: string;
  readonly text: string;
}

/** Of a larger file, only so much is read. */
const MOST_BYTES = 1_000_000;

/**
 * Only one at a time, because it patches the whole process. The program's output is recorded and not printed.
 *
 * @param body calls `begin` when the program begins
 */
export async function recordSideEffects<T>(
  directory: string,
  body: (begin: () => void) => Promise<T>,
): Promise<{ readonly result: T; readonly effects: readonly SideEffect[] }> {
  const effects: SideEffect[] = [];
  const files = new Set<string>();
  const report: Report = (kind, target, text) => effects.push({ kind, target, text });
  const undo = [watchFiles(directory, report, files), watchCommands(report), watchRequests(report)];
  const begin = () => void undo.unshift(watchConsole(report));
  try {
    const result = await body(begin);
    return { result, effects: [...effects, ...[...files].flatMap((file) => contentOf(directory, file))] };
  } finally {
    for (const one of undo) one();
  }
}

type Report = (kind: SideEffect["kind"], target: string, text: string) => void;
// biome-ignore lint/suspicious/noExplicitAny: functions of every type are wrapped
type Anything = any;

/** Patched only once the program runs, so that the engine's own patch, which masks secrets, does not come first. Nothing is printed. */
function watchConsole(report: Report): () => void {
  const undo = [
    ...(["stdout", "stderr"] as const).map((name) =>
      replace(process[name], "write", (chunk: string | Uint8Array, ...rest: readonly Anything[]) => {
        report("console", name, typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
        const done = rest.find((one) => typeof one === "function");
        if (done) process.nextTick(done);
        return true;
      }),
    ),
    // A replaced console may not write to the streams.
    ...(["log", "info", "warn", "error", "debug", "trace"] as const).map((name) =>
      replace(console, name, (...words: readonly unknown[]) =>
        report("console", name === "log" || name === "info" ? "stdout" : "stderr", format(...words)),
      ),
    ),
  ];
  return () => {
    for (const one of undo.reverse()) one();
  };
}

const WRITERS = ["writeFileSync", "appendFileSync", "writeFile", "appendFile", "createWriteStream", "openSync", "open"] as const;
const RENAMERS = ["renameSync", "rename", "copyFileSync", "copyFile"] as const;

function watchFiles(directory: string, report: Report, files: Set<string>): () => void {
  const onWrite = (name: string, [file, second]: readonly unknown[]) => {
    const where = file instanceof URL ? fileURLToPath(file) : typeof file === "string" ? path.resolve(directory, file) : undefined;
    if (where === undefined) return;
    const opens = name.startsWith("open");
    if (opens && (second === undefined || second === "r" || second === fs.constants.O_RDONLY)) return;
    files.add(where);
    if (!opens && (typeof second === "string" || second instanceof Uint8Array))
      report("file", relativeName(directory, where), Buffer.from(second as string).toString());
  };
  const onMove = (_: string, [, to]: readonly unknown[]) => {
    if (typeof to === "string") files.add(path.resolve(directory, to));
  };
  const undo = [
    ...[fs, fs.promises].flatMap((owner) => [
      ...WRITERS.map((name) => wrap(owner, name, onWrite)),
      ...RENAMERS.map((name) => wrap(owner, name, onMove)),
    ]),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const one of undo) one();
    syncBuiltinESMExports();
  };
}

/** Every asynchronous function that starts a process calls this; the synchronous ones do not. */
const PROCESS = childProcess.ChildProcess.prototype as unknown as { spawn(options: SpawnOptions): unknown };
const SYNCHRONOUS = ["spawnSync", "execSync", "execFileSync"] as const;

interface SpawnOptions {
  readonly file: string;
  readonly args?: readonly string[];
}

function watchCommands(report: Report): () => void {
  const onStart = (words: readonly string[]) => report("command", path.basename(words[0]!.split(" ")[0]!), words.join(" "));
  const undo = [
    wrap(PROCESS, "spawn", (_, [options]) => {
      const { file, args = [] } = options as SpawnOptions;
      // The first argument repeats the command.
      onStart([file, ...args.slice(1)]);
    }),
    ...SYNCHRONOUS.map((name) =>
      wrap(childProcess, name, (_, [command, args]) => onStart([String(command), ...(Array.isArray(args) ? args.map(String) : [])])),
    ),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const one of undo) one();
    syncBuiltinESMExports();
  };
}

/** `fetch` and `http`, by Node's diagnostics channels. */
function watchRequests(report: Report): () => void {
  const onFetch = (message: unknown) => {
    const { method, origin, path: to, headers, body } = (message as { request: Record<string, unknown> }).request;
    report("request", String(origin), [method, to, headers, typeof body === "string" ? body : ""].map(String).join("\n"));
  };
  const onRequest = (message: unknown) => {
    const { request } = message as { request: { host: string; path: string; getHeaders(): object } };
    report("request", request.host, `${request.path}\n${JSON.stringify(request.getHeaders())}`);
  };
  subscribe("undici:request:create", onFetch);
  subscribe("http.client.request.start", onRequest);
  return () => {
    unsubscribe("undici:request:create", onFetch);
    unsubscribe("http.client.request.start", onRequest);
  };
}

/** Restores the original unless other code has replaced it since. */
function replace(owner: Anything, name: string, replacement: (...args: Anything[]) => unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  owner[name] = replacement;
  return () => {
    if (owner[name] !== replacement) return;
    if (own) Object.defineProperty(owner, name, own);
    else delete owner[name];
  };
}

function wrap(owner: Anything, name: string, onCall: (name: string, args: readonly unknown[]) => void): () => void {
  const real = owner[name];
  if (typeof real !== "function") return () => {};
  const wrapper = function (this: unknown, ...args: unknown[]) {
    onCall(name, args);
    return real.apply(this, args);
  };
  // `util.promisify` reads a property of some functions.
  owner[name] = Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(real));
  return () => {
    owner[name] = real;
  };
}

function contentOf(directory: string, file: string): SideEffect[] {
  try {
    if (!fs.statSync(file).isFile()) return [];
    const handle = fs.openSync(file, "r");
    try {
      const bytes = Buffer.alloc(MOST_BYTES);
      const read = fs.readSync(handle, bytes, 0, MOST_BYTES, 0);
      return [{ kind: "file", target: relativeName(directory, file), text: bytes.toString("utf8", 0, read) }];
    } finally {
      fs.closeSync(handle);
    }
  } catch {
    // Deleted since. What was written by name is already recorded.
    return [];
  }
}

function relativeName(directory: string, file: string): string {
  const relative = path.relative(directory, file);
  return relative.startsWith("..") ? file : relative.split(path.sep).join("/");
}
