/** One run of a job: its command as a process, or a placeholder that checks the databases in its variables. */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, readFileSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { openLog, PLACEHOLDER_PROGRAM } from "./component.ts";
import { isFolder } from "./sources.ts";

export interface JobOptions {
  readonly name: string;
  /** The folder of its log. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** If absent, the placeholder runs. */
  readonly command?: { readonly text: string; readonly directory: string };
  readonly timeoutMs: number;
  readonly gracePeriodMs: number;
  readonly stop: AbortSignal;
}

/** @returns undefined if the job succeeded, otherwise why it failed */
export async function runJobProcess(job: JobOptions): Promise<string | undefined> {
  const { name, folder, command, stop, timeoutMs } = job;
  if (stop.aborted) return "it was stopped before it started";
  if (command && !isFolder(command.directory)) return `its source folder ${command.directory} does not exist`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "log");
  const log = openLog(path);
  const description = command ? `"${command.text}" in ${command.directory}` : "a placeholder, because its command cannot run here";
  writeSync(log, `${new Date().toISOString()} job ${name} runs ${description}\n`);
  const logStart = readFileSync(path).length;
  const { exit, reason } = await runProcess(job, log);
  const problem = reason ?? problemOf(exit);
  writeSync(log, `${new Date().toISOString()} job ${name} ${problem === undefined ? "succeeded" : `failed: ${problem}`}\n`);
  closeSync(log);
  if (problem === undefined) return undefined;
  const output = readFileSync(path).subarray(logStart).toString("utf8").trimEnd().split("\n").slice(-6, -1).join("\n").slice(-600);
  const subject = command ? `"${command.text}"` : "its placeholder";
  return `${subject} ${problem}${reason === timeoutReason(timeoutMs) || output === "" ? "" : `:\n${redact(output, job.env)}`}`;
}

const MIN_SECRET_LENGTH = 8;

/** Values of variables must not appear in the message, which is stored and returned by the API. Only the log, which its owner alone can read, has them. */
function redact(text: string, env: Readonly<Record<string, string>>): string {
  const secrets = Object.values(env).flatMap((value) => [value, URL.parse(value)?.password ?? ""]);
  const longestFirst = secrets.filter(({ length }) => length >= MIN_SECRET_LENGTH).sort((a, b) => b.length - a.length);
  return longestFirst.reduce((redacted, secret) => redacted.replaceAll(secret, "***"), text);
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: Error;
}

const problemOf = ({ code, signal, error }: Exit): string | undefined => {
  if (error) return `could not be started: ${error.message}`;
  if (signal) return `was ended by ${signal}`;
  return code === 0 ? undefined : `exited with code ${code}`;
};

const timeoutReason = (milliseconds: number): string => `did not end within its timeout of ${milliseconds / 1000} seconds`;

async function runProcess({ folder, env, command, timeoutMs, gracePeriodMs, stop }: JobOptions, log: number) {
  // Of this process's own environment only PATH and HOME: a variable that the spec lacks must be missing here too.
  const child = command
    ? spawn("/bin/sh", ["-c", command.text], {
        cwd: command.directory,
        env: { PATH: process.env.PATH ?? "", HOME: homedir(), ...env },
        stdio: ["ignore", log, log],
        // A process group, so that signals also reach the processes that the shell started.
        detached: true,
      })
    : spawn(process.execPath, ["--disable-warning=ExperimentalWarning", PLACEHOLDER_PROGRAM, "--job"], {
        cwd: folder,
        env: { PATH: process.env.PATH ?? "", ...env },
        stdio: ["pipe", log, log],
        detached: true,
      });
  child.stdin?.on("error", () => {});
  let reason: string | undefined;
  let kill: NodeJS.Timeout | undefined;
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // It has exited already.
    }
  };
  const terminate = (cause: string) => {
    reason ??= cause;
    signal("SIGTERM");
    kill ??= setTimeout(() => signal("SIGKILL"), gracePeriodMs);
  };
  const timer = setTimeout(() => terminate(timeoutReason(timeoutMs)), timeoutMs);
  const stopped = () => terminate("was stopped with its deployment");
  stop.addEventListener("abort", stopped, { once: true });
  const exit = await new Promise<Exit>((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error }));
    child.once("exit", (code, name) => resolve({ code, signal: name }));
  });
  stop.removeEventListener("abort", stopped);
  clearTimeout(timer);
  clearTimeout(kill);
  // Background processes of the command end with it, as in a container.
  signal("SIGKILL");
  return { exit, reason };
}
