import { spawn } from "node:child_process";

export interface Outcome {
  /** 1 also for a program that a signal ended. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
}

/** Runs a program to its end. Rejects only when it cannot be run at all. */
export async function run([command = "", ...args]: readonly string[], { cwd, env, input = "" }: RunOptions = {}): Promise<Outcome> {
  const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: "pipe" });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => (output.stdout += data));
  child.stderr.on("data", (data) => (output.stderr += data));
  // A program that ends without reading what it was given says why in its own words.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code: code ?? 1, ...output };
}
