/** Pulumi's CLI as a program: found, run without questions, and its errors with the next step. */

import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import { isExecutable } from "../../local/servers/is-executable.ts";
import { run } from "../../local/servers/run.ts";
import { findUnfinishedAttributes } from "./backend-file.ts";
import { RecoverError } from "./error.ts";

export interface PulumiCli {
  /** Returns stdout. @throws {RecoverError} with what the CLI reported and the next step. @param input for its standard input */
  run(args: readonly string[], input?: string): Promise<string>;
}

export interface PulumiOptions {
  /** The project's, in which relative paths of the arguments begin. */
  readonly directory: string;
  readonly project: string;
  /** As the CLI takes it; its file in a backend has only the last part. */
  readonly stack: string;
  /** What a printed command needs: "-s acme/qa --cwd ../shop". @default "-s" and the stack */
  readonly flags?: string;
}

/** @returns undefined where the CLI is neither on the PATH nor where its installer puts it. */
export function findPulumi(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = [...(env.PATH ?? "").split(delimiter), join(env.HOME ?? homedir(), ".pulumi", "bin")];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, "pulumi"))
    .find(isExecutable);
}

export function openPulumi(path: string, { directory, project, stack, flags = `-s ${stack}` }: PulumiOptions): PulumiCli {
  return {
    async run(args, input) {
      const { code, stdout, stderr } = await execute(args, input);
      if (code === 0) return stdout;
      const output = `${stdout}\n${stderr}`;
      throw (await unfinishedError(output)) ?? errorOf(args[0] ?? "", output, { stack, flags });
    },
  };

  function execute(args: readonly string[], input = "") {
    return run([path, ...args, "--cwd", directory, "--non-interactive", "--color", "never"], { cwd: directory, env: environment(), input });
  }

  async function unfinishedError(output: string): Promise<UnfinishedError | undefined> {
    if (!/failed to load checkpoint: .*\bEOF\b/.test(output)) return undefined;
    const { stdout } = await execute(["whoami", "--json"]);
    const { url = "" } = parse(stdout);
    const file = findUnfinishedAttributes(url, { project, stack: stack.split("/").at(-1)! });
    return file === undefined ? undefined : new UnfinishedError(stack, file);
  }
}

function parse(text: string): { readonly url?: string } {
  try {
    return JSON.parse(text) as { url?: string };
  } catch {
    return {};
  }
}

/** The run was killed while it wrote a file of the backend that it can do without. */
export class UnfinishedError extends RecoverError {
  readonly file: string;
  constructor(stack: string, file: string) {
    super(
      `The run that was killed left an unfinished file in Pulumi's backend, so no command can read stack ${stack}. The state itself is complete. Delete that file, and run this again:\n  rm ${quoteWord(file)}`,
    );
    this.file = file;
  }
}

/** The process that holds the stack's lock, as the CLI describes it. */
export interface Lock {
  readonly host: string;
  readonly pid: number;
}

export class LockedError extends RecoverError {
  readonly locks: readonly Lock[];
  constructor(message: string, locks: readonly Lock[]) {
    super(message);
    this.locks = locks;
  }
}

function errorOf(command: string, output: string, { stack, flags }: Required<Pick<PulumiOptions, "stack" | "flags">>): RecoverError {
  if (/currently locked by|Another update is currently in progress/.test(output)) {
    const locks = [...output.matchAll(/created by \S*@(\S+) \(pid (\d+)\)/g)].map(([, host = "", pid]) => ({ host, pid: Number(pid) }));
    const holder = locks.map(({ host, pid }) => `process ${pid} on ${host}`).join(", ");
    return new LockedError(
      `Stack ${stack} is locked${holder === "" ? "" : ` by ${holder}`}. Wait until that run ends. If it has been killed, release the lock: pulumi cancel ${flags} --yes`,
      locks,
    );
  }
  if (/incorrect passphrase|passphrase must be set/.test(output))
    return new RecoverError(
      `The passphrase of stack ${stack} is ${/incorrect/.test(output) ? "wrong" : "missing"}. Set the one that the stack was created with: export PULUMI_CONFIG_PASSPHRASE=<passphrase>`,
    );
  if (/no stack named/.test(output))
    return new RecoverError(
      `Pulumi's backend has no stack ${stack}. See which there are: pulumi stack ls. Another backend: pulumi login <its address>`,
    );
  if (/must be logged in|PULUMI_ACCESS_TOKEN/.test(output))
    return new RecoverError("Pulumi is not logged in to a backend. Type: pulumi login");
  return new RecoverError(`pulumi ${command} failed:\n${errorLines(output)}`);
}

const MOST_LINES = 60;

/** The errors without the progress before them: the CLI repeats them at the end, with what they say to do. */
function errorLines(output: string): string {
  const [, diagnostics] = /^Diagnostics:\n((?:(?: .*)?\n)*)/m.exec(output) ?? [];
  if (diagnostics !== undefined && /error:/.test(diagnostics))
    return diagnostics
      .split("\n")
      .filter((line) => line.trim() !== "")
      .slice(0, MOST_LINES)
      .join("\n");
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const errors = lines.filter((line) => /error:/i.test(line));
  return (errors.length > 0 ? errors : lines.slice(-10)).map((line) => `  ${line.trim()}`).join("\n");
}

function environment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // The CLI starts the first `node` on the PATH for the program, which must be one that runs TypeScript.
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`,
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
}
