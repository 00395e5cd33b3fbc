/** What a program does beside declaring resources: what it prints, writes to files, starts and sends. Each is a way out for a secret. */
import childProcess from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "node:util";

export type WayOut = "console" | "file" | "command" | "request";

export interface Overheard {
  readonly way: WayOut;
  /** The file, the program that was started, the address. */
  readonly at: string;
  readonly text: string;
}

/** Larger files are looked at as far as this. */
const MOST_BYTES = 1_000_000;

/**
 * One at a time: what it watches belongs to the whole process. What the program prints reaches nobody but the audit.
 *
 * @param body Calls `begin` where the program begins.
 */
export async function watching<T>(
  directory: string,
  body: (begin: () => void) => Promise<T>,
): Promise<{ readonly result: T; readonly overheard: readonly Overheard[] }> {
  const overheard: Overheard[] = [];
  const files = new Set<string>();
  const hear = (way: WayOut, at: string, text: string) => overheard.push({ way, at, text });
  const undo = [watchFiles(directory, hear, files), watchCommands(hear), watchRequests(hear)];
  const begin = () => void undo.unshift(watchConsole(hear));
  try {
    const result = await body(begin);
    return { result, overheard: [...overheard, ...[...files].flatMap((file) => contentOf(directory, file))] };
  } finally {
    for (const one of undo) one();
  }
}

type Hear = (way: WayOut, at: string, text: string) => void;
// biome-ignore lint/suspicious/noExplicitAny: functions of every kind are wrapped alike
type Anything = any;

/** Once the program runs and no sooner: whoever masks what it prints must not come first. What is heard goes nowhere else. */
function watchConsole(hear: Hear): () => void {
  const undo = [
    ...(["stdout", "stderr"] as const).map((name) =>
      replace(process[name], "write", (chunk: string | Uint8Array, ...rest: readonly Anything[]) => {
        hear("console", name, typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
        const done = rest.find((one) => typeof one === "function");
        if (done) process.nextTick(done);
        return true;
      }),
    ),
    // What stands there in place of Node's own console may write elsewhere.
    ...(["log", "info", "warn", "error", "debug", "trace"] as const).map((name) =>
      replace(console, name, (...words: readonly unknown[]) =>
        hear("console", name === "log" || name === "info" ? "stdout" : "stderr", format(...words)),
      ),
    ),
  ];
  return () => {
    for (const one of undo.reverse()) one();
  };
}

const WRITERS = ["writeFileSync", "appendFileSync", "writeFile", "appendFile", "createWriteStream", "openSync", "open"] as const;
const RENAMERS = ["renameSync", "rename", "copyFileSync", "copyFile"] as const;

function watchFiles(directory: string, hear: Hear, files: Set<string>): () => void {
  const wrote = (name: string, [file, second]: readonly unknown[]) => {
    const where = file instanceof URL ? fileURLToPath(file) : typeof file === "string" ? path.resolve(directory, file) : undefined;
    if (where === undefined) return;
    const opens = name.startsWith("open");
    if (opens && (second === undefined || second === "r" || second === fs.constants.O_RDONLY)) return;
    files.add(where);
    if (!opens && (typeof second === "string" || second instanceof Uint8Array))
      hear("file", shown(directory, where), Buffer.from(second as string).toString());
  };
  const moved = (_: string, [, to]: readonly unknown[]) => {
    if (typeof to === "string") files.add(path.resolve(directory, to));
  };
  const undo = [
    ...[fs, fs.promises].flatMap((owner) => [
      ...WRITERS.map((name) => wrap(owner, name, wrote)),
      ...RENAMERS.map((name) => wrap(owner, name, moved)),
    ]),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const one of undo) one();
    syncBuiltinESMExports();
  };
}

/** Whatever starts a process without waiting for it ends here; what waits has ways of its own. */
const PROCESS = childProcess.ChildProcess.prototype as unknown as { spawn(options: Started): unknown };
const WAITING = ["spawnSync", "execSync", "execFileSync"] as const;

interface Started {
  readonly file: string;
  readonly args?: readonly string[];
}

function watchCommands(hear: Hear): () => void {
  const started = (words: readonly string[]) => hear("command", path.basename(words[0]!.split(" ")[0]!), words.join(" "));
  const undo = [
    wrap(PROCESS, "spawn", (_, [options]) => {
      const { file, args = [] } = options as Started;
      // The first of them is the program once more.
      started([file, ...args.slice(1)]);
    }),
    ...WAITING.map((name) =>
      wrap(childProcess, name, (_, [command, args]) => started([String(command), ...(Array.isArray(args) ? args.map(String) : [])])),
    ),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const one of undo) one();
    syncBuiltinESMExports();
  };
}

/** `fetch` and `http`, by the channels on which Node tells of them. */
function watchRequests(hear: Hear): () => void {
  const fetched = (message: unknown) => {
    const { method, origin, path: to, headers, body } = (message as { request: Record<string, unknown> }).request;
    hear("request", String(origin), [method, to, headers, typeof body === "string" ? body : ""].map(String).join("\n"));
  };
  const asked = (message: unknown) => {
    const { request } = message as { request: { host: string; path: string; getHeaders(): object } };
    hear("request", request.host, `${request.path}\n${JSON.stringify(request.getHeaders())}`);
  };
  subscribe("undici:request:create", fetched);
  subscribe("http.client.request.start", asked);
  return () => {
    unsubscribe("undici:request:create", fetched);
    unsubscribe("http.client.request.start", asked);
  };
}

/** Put back only where nobody else has put something there since. */
function replace(owner: Anything, name: string, instead: (...args: Anything[]) => unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  owner[name] = instead;
  return () => {
    if (owner[name] !== instead) return;
    if (own) Object.defineProperty(owner, name, own);
    else delete owner[name];
  };
}

function wrap(owner: Anything, name: string, tell: (name: string, args: readonly unknown[]) => void): () => void {
  const real = owner[name];
  if (typeof real !== "function") return () => {};
  const watched = function (this: unknown, ...args: unknown[]) {
    tell(name, args);
    return real.apply(this, args);
  };
  // Some say by a property how they become a promise.
  owner[name] = Object.defineProperties(watched, Object.getOwnPropertyDescriptors(real));
  return () => {
    owner[name] = real;
  };
}

function contentOf(directory: string, file: string): Overheard[] {
  try {
    if (!fs.statSync(file).isFile()) return [];
    const handle = fs.openSync(file, "r");
    try {
      const bytes = Buffer.alloc(MOST_BYTES);
      const read = fs.readSync(handle, bytes, 0, MOST_BYTES, 0);
      return [{ way: "file", at: shown(directory, file), text: bytes.toString("utf8", 0, read) }];
    } finally {
      fs.closeSync(handle);
    }
  } catch {
    // It is gone again: what was written by name was heard.
    return [];
  }
}

function shown(directory: string, file: string): string {
  const relative = path.relative(directory, file);
  return relative.startsWith("..") ? file : relative.split(path.sep).join("/");
}
