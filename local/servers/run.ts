import { spawn } from "node:child_process";

export interface RunResult {
  /** 1 also if a signal ended the program. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
}

/** Runs a program until it exits. Rejects only if it cannot be started. */
export async function run([command = "", ...args]: readonly string[], { cwd, env, input = "" }: RunOptions = {}): Promise<RunResult> {
  const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: "pipe" });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => (output.stdout += data));
  child.stderr.on("data", (data) => (output.stderr += data));
  // A program may exit without reading its input; its output explains why.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code: code ?? 1, ...output };
}
