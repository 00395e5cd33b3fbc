/**
 * Records what a program does apart from declaring resources: everything that it passes to a module of Node through which data leaves the process.
 *
 * The modules are listed, not their functions: every function and every method of them is observed, so that a new one needs no entry here.
 */
import childProcess from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns";
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { createRequire, syncBuiltinESMExports } from "node:module";
import net from "node:net";
import path from "node:path";
import { Duplex, Writable } from "node:stream";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import workerThreads from "node:worker_threads";
import type { Source } from "../../engine/plan.ts";
import { callerIn, newContext } from "./context.ts";
import { readDescriptors } from "./descriptors.ts";
import { settler } from "./settle.ts";
import { bytesText, MOST_CHARACTERS, textsIn } from "./texts.ts";

export interface Effect {
  readonly kind: "console" | "file" | "command" | "process" | "worker" | "request";
  /** The stream, the file, the command, the address, the function. */
  readonly target: string;
  readonly text: string;
  readonly source?: Source;
}

interface Recorder {
  readonly directory: string;
  readonly effects: Effect[];
  /** Files that the program may have written, with the statement. */
  readonly files: Map<string, Source | undefined>;
}

// biome-ignore lint/suspicious/noExplicitAny: functions of every type are wrapped
type Anything = any;
type Observe = (recorder: Recorder, name: string, args: readonly unknown[], source: Source | undefined, self: unknown) => void;

const context = newContext<Recorder>();

/** The statement of the program that caused what runs now. */
export const currentSource = (): Source | undefined => context.getStore()?.source;

/** Whether the innermost observed call is one of the program, and not of a package that it uses. */
export const isCalledByProgram = (): boolean => context.getStore()?.isDirect === true;

/**
 * Only one at a time, because the console is the process's. The program's output is recorded and not printed.
 *
 * @param body calls `begin` when the program begins
 */
export async function recordEffects<T>(
  directory: string,
  body: (begin: () => void) => Promise<T>,
): Promise<{ readonly result: T; readonly effects: readonly Effect[] }> {
  installed ??= install();
  await installed;
  const recorder: Recorder = { directory, effects: [], files: new Map() };
  const printed = readDescriptors();
  let undo = () => {};
  const begin = () => {
    undo = watchConsole(recorder);
  };
  try {
    const settle = settler();
    const result = await context.run({ recorder }, () => body(begin));
    await context.run({ recorder }, settle);
    const contents = [...recorder.files].flatMap(([file, source]) => contentOf(directory, file, source));
    const raw = printed().map(({ name, text }): Effect => ({ kind: "console", target: name, text }));
    return { result, effects: [...recorder.effects, ...contents, ...raw] };
  } finally {
    undo();
  }
}

/** Runs `work`, which the program called, as caused by its statement. */
export function causedByCaller<T>(work: () => T, wrapper: Anything): T {
  const current = context.getStore();
  if (current === undefined) return work();
  const { source = current.source, isDirect } = callerIn(current.recorder.directory, wrapper);
  return context.run({ ...current, ...(source && { source }), isDirect }, work);
}

/** They compute, and send nothing. */
const PURE = [
  ...["isIP", "isIPv4", "isIPv6", "BlockList", "SocketAddress", "validateHeaderName", "validateHeaderValue"],
  ...["checkServerIdentity", "createSecureContext", "SecureContext", "setDefaultResultOrder", "setServers"],
];

let installed: Promise<void> | undefined;

/** Never undone, because a program can keep a function in a variable. Without a recording, the functions do what they did. */
async function install(): Promise<void> {
  const handle = await fs.promises.open(import.meta.filename, "r");
  await handle.close();
  for (const owner of [fs, fs.promises, Object.getPrototypeOf(handle) as object]) wrapAll(owner, onFile);
  wrap(childProcess.ChildProcess.prototype, "spawn", onSpawn);
  wrap(childProcess.ChildProcess.prototype, "send", onOther("process"));
  wrapAll(childProcess, onCommand, ["ChildProcess"]);
  for (const owner of [net, tls, http, https, http2, dgram, dns, dns.promises]) wrapAll(owner, onRequest, PURE);
  // A session writes to its socket without a function of JavaScript.
  wrapSessions();
  wrapAll(workerThreads, onOther("worker"));
  wrapConstructor(workerThreads, "Worker", onOther("worker"));
  for (const name of ["fetch", "WebSocket", "EventSource"] as const)
    if (name in globalThis) (name === "fetch" ? wrap : wrapConstructor)(globalThis, name, onOther("request"));
  if (typeof WebSocket === "function") wrapAll(WebSocket.prototype, onOther("request"));
  // Duplex has copies of these functions.
  for (const { prototype } of [Writable, Duplex]) for (const name of ["write", "end"] as const) wrap(prototype, name, onWrite);
  const sqlite = loadSqlite();
  wrapAll(sqlite, onOther("file"));
  wrapConstructor(sqlite, "DatabaseSync", onOther("file"));
  wrapExits();
  syncBuiltinESMExports();
}

/** Node warns that it is experimental, which is no concern of who runs an audit. */
function loadSqlite(): Anything {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return createRequire(import.meta.url)("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Every function of a module, and every method of its classes. */
function wrapAll(owner: Anything, observe: Observe, except: readonly string[] = []): void {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
    if (typeof value !== "function" || name === "constructor" || name.startsWith("_") || except.includes(name)) continue;
    if (/^[A-Z]/.test(name)) {
      if (value.prototype !== undefined && value.prototype !== null && value !== Writable) wrapAll(value.prototype, observe);
    } else wrap(owner, name, observe);
  }
}

const wrapped = new WeakSet<object>();

function wrap(owner: Anything, name: string, observe: Observe): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name);
  const real = descriptor?.value as Anything;
  if (typeof real !== "function" || wrapped.has(real) || !(descriptor!.writable || descriptor!.configurable)) return;
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    const current = context.getStore();
    if (current === undefined || isModuleRead(args)) return Reflect.apply(real, this, args);
    const { source = current.source } = callerIn(current.recorder.directory, wrapper);
    observe(current.recorder, name, args, source, this);
    return context.run({ ...current, ...(source && { source }) }, () => Reflect.apply(real, this, args));
  };
  wrapped.add(wrapper);
  // `util.promisify` reads a property of some functions.
  Object.defineProperty(owner, name, { ...descriptor, value: Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(real)) });
}

/** Node reads packages with the same functions, thousands of times. */
const isModuleRead = ([first, second]: readonly unknown[]): boolean =>
  typeof first === "string" && MODULE.test(first) && (second === undefined || second === "utf8" || typeof second === "object");

const MODULE = /[\\/]node_modules[\\/][\w@./\\-]+\.(?:[cm]?js|json|node)$/;

function wrapSessions(): void {
  const { connect } = http2;
  http2.connect = function (this: unknown, ...args: Parameters<typeof connect>) {
    const session = Reflect.apply(connect, this, args);
    wrapAll(Object.getPrototypeOf(session), onOther("request"));
    const { request } = session;
    session.request = (...sent: Parameters<typeof request>) => {
      const stream = request.apply(session, sent);
      sessionStreams.add(stream);
      return stream;
    };
    return session;
  } as typeof connect;
}

const sessionStreams = new WeakSet<object>();

function wrapConstructor(owner: Anything, name: string, observe: Observe): void {
  const real = owner[name] as Anything;
  const proxy = new Proxy(real, {
    construct(target, args: unknown[], newTarget) {
      const current = context.getStore();
      if (current === undefined) return Reflect.construct(target, args, newTarget);
      const { source = current.source } = callerIn(current.recorder.directory, proxy);
      observe(current.recorder, name, args, source, undefined);
      return context.run({ ...current, ...(source && { source }) }, () => Reflect.construct(target, args, newTarget));
    },
  });
  owner[name] = proxy;
}

/** A program that ends its process would end the audit, and nothing would be reported. */
function wrapExits(): void {
  for (const name of ["exit", "reallyExit", "abort"] as const) {
    const real = (process as Anything)[name];
    (process as Anything)[name] = (...args: unknown[]) => {
      if (context.getStore() === undefined) return real.apply(process, args);
      throw new Error(`The program calls process.${name}, so it did not end by itself. Remove the call.`);
    };
  }
}

function add(recorder: Recorder, kind: Effect["kind"], target: string, text: string, source: Source | undefined): void {
  if (text !== "") recorder.effects.push({ kind, target, text, ...(source && { source }) });
}

const onOther =
  (kind: Effect["kind"]): Observe =>
  (recorder, name, args, source) => {
    const texts = textsIn(args, { numbers: true });
    add(recorder, kind, name, texts.join("\n"), source);
  };

/** Data that a socket writes, which may be stdin of a process. */
const onRequest: Observe = (recorder, name, args, source, self) =>
  (self instanceof net.Socket && SOCKET_WRITES.has(name) ? onWrite : onOther("request"))(recorder, name, args, source, self);

const SOCKET_WRITES = new Set(["write", "end"]);

const STANDARD: Readonly<Record<string, string>> = { 1: "stdout", 2: "stderr" };
const READS = /^read/;
const WRITES = /^(write|append|open|create|copy|cp|rename|symlink|link|truncate)/i;

const onFile: Observe = (recorder, name, args, source) => {
  const [first, second] = args;
  const file = fileName(recorder.directory, first);
  const stream = typeof first === "number" ? STANDARD[first] : undefined;
  const target = stream ?? (file === undefined ? name : relativeName(recorder.directory, file));
  // A buffer to read into is not yet the program's.
  const texts = textsIn(READS.test(name) ? args.filter((one) => !ArrayBuffer.isView(one) && !Array.isArray(one)) : args, {
    numbers: false,
  });
  add(recorder, stream === undefined ? "file" : "console", target, texts.join("\n"), source);
  if (!WRITES.test(name) || (/^open/.test(name) && (second === undefined || second === "r" || second === fs.constants.O_RDONLY))) return;
  const written = /^(copy|cp|rename|symlink|link)/.test(name) ? fileName(recorder.directory, second) : file;
  if (written !== undefined && !recorder.files.has(written)) recorder.files.set(written, source);
};

function fileName(directory: string, value: unknown): string | undefined {
  if (value instanceof URL && value.protocol === "file:") return fileURLToPath(value);
  return typeof value === "string" ? path.resolve(directory, value) : undefined;
}

const commandName = (command: unknown): string => path.basename(String(command).split(" ")[0] ?? "");

/** The first arguments are the command line; what follows them holds the environment and stdin. */
const onCommand: Observe = (recorder, name, [command, ...rest], source) => {
  const target = commandName(command);
  const words = rest.find(Array.isArray) ?? [];
  const options = rest.find((one) => one !== null && typeof one === "object" && !Array.isArray(one)) as Anything;
  const { argv0, ...others } = options ?? {};
  add(recorder, "command", target, [command, ...words, argv0 ?? ""].map(String).join(" "), source);
  const env = name.endsWith("Sync") ? { env: { ...process.env }, ...others } : others;
  add(recorder, "process", target, textsIn(env, { numbers: false }).join("\n"), source);
};

/** Every asynchronous function that starts a process calls this. */
const onSpawn: Observe = (recorder, _, [options], source) => {
  const { file, args = [], envPairs = [] } = options as { file: string; args?: readonly string[]; envPairs?: readonly string[] };
  const target = commandName(file);
  // The first argument repeats the command.
  add(recorder, "command", target, [file, ...args.slice(1)].join(" "), source);
  add(recorder, "process", target, envPairs.join("\n"), source);
};

/** Only streams that leave the process: others, such as a compression, stay in its memory. */
const onWrite: Observe = (recorder, name, [chunk], source, self) => {
  if (chunk === undefined || chunk === null || typeof chunk === "function") return;
  const stream = self as Writable;
  if (stream === process.stdout || stream === process.stderr) return;
  const isFile = stream instanceof fs.WriteStream;
  if (!isFile && !(stream instanceof net.Socket) && !sessionStreams.has(stream)) return;
  const text = textsIn([chunk], { numbers: false }).join("\n");
  if (!isFile) add(recorder, isStdin(self) ? "process" : "request", isStdin(self) ? "stdin" : name, text, source);
  else {
    const { fd = -1, path: file } = stream as fs.WriteStream & { readonly fd?: number };
    const standard = STANDARD[fd];
    add(recorder, standard ? "console" : "file", standard ?? relativeName(recorder.directory, String(file)), text, source);
  }
};

/** The pipes of a child process have no address. */
const isStdin = (stream: unknown): boolean => stream instanceof net.Socket && !stream.connecting && stream.remoteAddress === undefined;

/** Patched only once the program runs, so that the engine's own patch, which masks secrets, does not come first. Nothing is printed. */
function watchConsole(recorder: Recorder): () => void {
  const report = (target: string, text: string, below: Anything) => {
    const { source = currentSource() } = callerIn(recorder.directory, below);
    add(recorder, "console", target, text, source);
  };
  const undo = [
    ...(["stdout", "stderr"] as const).map((name) => {
      const write = (chunk: string | Uint8Array, ...rest: readonly Anything[]) => {
        report(name, typeof chunk === "string" ? chunk.slice(0, MOST_CHARACTERS) : bytesText(chunk), write);
        const done = rest.find((one) => typeof one === "function");
        if (done) process.nextTick(done);
        return true;
      };
      return replace(process[name], "write", write);
    }),
    // A replaced console may not write to the streams.
    ...CONSOLE.map((name) => {
      const print = (...words: readonly unknown[]) => {
        const printed = name === "assert" ? (words[0] ? [] : words.slice(1)) : words;
        if (printed.length > 0) report(STDERR.has(name) ? "stderr" : "stdout", format(...printed), print);
      };
      return replace(console, name, print);
    }),
    ...(["emitWarning", "_rawDebug"] as const).map((name) => {
      const print = (...words: readonly unknown[]) => report("stderr", textsIn(words, { numbers: true }).join("\n"), print);
      return replace(process, name, print);
    }),
  ];
  return () => {
    for (const one of undo.reverse()) one();
  };
}

/** All of its functions but those that create something. */
const CONSOLE = Object.entries(console)
  .filter(([name, value]) => typeof value === "function" && !/^([A-Z]|createTask|context)/.test(name))
  .map(([name]) => name);
const STDERR: ReadonlySet<string> = new Set(["warn", "error", "trace", "assert"]);

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

function contentOf(directory: string, file: string, source: Source | undefined): Effect[] {
  try {
    if (!fs.statSync(file).isFile()) return [];
    const handle = fs.openSync(file, "r");
    try {
      const bytes = Buffer.alloc(MOST_CHARACTERS);
      const read = fs.readSync(handle, bytes, 0, MOST_CHARACTERS, 0);
      return [{ kind: "file", target: relativeName(directory, file), text: bytesText(bytes.subarray(0, read)), ...(source && { source }) }];
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
