/** Runs `slipway` for a test: in this process, or as a shell starts it. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { main } from "../main.ts";
import { plainStyle, type Terminal } from "../shared/terminal.ts";

export const root = path.join(import.meta.dirname, "../..");
export const launcher = path.join(root, "bin/slipway.js");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A terminal that keeps what is printed. */
export function recordingTerminal(columns = 80): Terminal & { readonly printed: string[]; readonly logged: string[] } {
  const [printed, logged]: [string[], string[]] = [[], []];
  return { print: (text) => printed.push(text), log: (text) => logged.push(text), columns, style: plainStyle, printed, logged };
}

/** In this process. The working directory is restored afterwards. */
export async function slipway(argv: readonly string[], { columns = 80 }: { readonly columns?: number } = {}): Promise<Ended> {
  const terminal = recordingTerminal(columns);
  const directory = process.cwd();
  try {
    const code = await main(argv, terminal);
    return { code, stdout: terminal.printed.join("\n"), stderr: terminal.logged.join("\n") };
  } finally {
    process.chdir(directory);
  }
}

/** As a process of its own, with these variables added to the environment. */
export async function startSlipway(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const run = promisify(execFile)(process.execPath, [launcher, ...argv], { env: { ...process.env, ...env } });
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
  return { code: run.child.exitCode, stdout, stderr };
}
