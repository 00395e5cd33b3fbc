/** What a process sees in a sandbox, and how one is started there. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import type { Writable } from "node:stream";
import { isExecutable } from "../../local/servers/is-executable.ts";

/** A file or a folder of this machine, and where the process finds it. */
export interface Mount {
  readonly from: string;
  readonly to: string;
}

export interface Box {
  readonly readable: readonly Mount[];
  readonly writable: readonly Mount[];
  /** The working directory of the process, as it sees it. */
  readonly directory: string;
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Access to the network of this machine. @default only a loopback of its own */
  readonly network?: boolean;
}

export interface Sandbox {
  readonly name: "bubblewrap" | "namespaces" | "none";
  /** The command that runs `command` in the box. */
  wrap(box: Box, command: readonly string[]): readonly string[];
  /** What that command reads from file descriptor 4 before it runs the other. */
  readonly filter?: Buffer;
}

/** Only Node's permission model. For commits that are trusted. */
export const NO_SANDBOX: Sandbox = { name: "none", wrap: (_, command) => command };

/** The folder that the process may write to. It is empty, has a limited size, and is gone with the process. */
export const SCRATCH = "/tmp";
export const SCRATCH_MIB = 64;

export const FILTER_DESCRIPTOR = 4;

/** Where the tools are that build a sandbox. Not the user's PATH, which may name folders that others can write to. */
export const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

export const findExecutable = (name: string): string | undefined =>
  SYSTEM_PATH.split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find(isExecutable);

/** Starts a command in a process group of its own. File descriptor 3 is a pipe to this process, like stdin and stderr. */
export function startInBox(sandbox: Sandbox, box: Box, command: readonly string[]): ChildProcess {
  const [program = "", ...args] = sandbox.wrap(box, command);
  const isolates = sandbox.name !== "none";
  const child = spawn(program, args, {
    ...(isolates ? { cwd: "/", env: { PATH: SYSTEM_PATH } } : { cwd: box.directory, env: box.env }),
    stdio: ["pipe", "ignore", "pipe", "pipe", ...(sandbox.filter === undefined ? [] : ["pipe" as const])],
    detached: true,
  });
  const filter = child.stdio[FILTER_DESCRIPTOR] as Writable | undefined;
  // A process that ends before it reads is reported when it closes.
  for (const stream of [child.stdin, filter]) stream?.on("error", () => {});
  filter?.end(sandbox.filter);
  return child;
}
