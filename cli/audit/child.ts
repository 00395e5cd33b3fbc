/**
 * The process that runs an audited program, and sends the audit over a pipe of its own.
 *
 * Whatever the program prints, and however it ends this process, the report is written by another one: process.ts.
 */
import { readFileSync, writeSync } from "node:fs";
import module from "node:module";
import { useSdkOfProgram } from "../../engine/sdk-of-program.ts";
import type { ProgramOptions } from "./audit-program.ts";

module.enableCompileCache?.();
const PIPE = 3;

export interface Job {
  readonly options: ProgramOptions;
  /** Before the result, so that nothing that the program writes to the pipe is taken for it. */
  readonly key: string;
  /** The program has copies of slipway's packages. */
  readonly hasOwnSdk?: boolean;
}

const { options, key, hasOwnSdk = false }: Job = JSON.parse(readFileSync(0, "utf8"));
// A program can replace the functions that it shares with this code.
const { stringify } = JSON;
const { exit } = process;
let result: object;
if (hasOwnSdk) useSdkOfProgram(options.cwd);
try {
  const { auditProgram } = await import("./audit-program.ts");
  result = { audit: await auditProgram(options) };
} catch (error) {
  const { name, message, stack, code } = (error instanceof Error ? error : new Error(String(error))) as NodeJS.ErrnoException;
  result = { error: { name, message, stack, code } };
}
send(`\n${key}${stringify(result)}\n`);
// The program may leave timers or handles. An explicit exit does not write the compile cache.
module.flushCompileCache?.();
exit.call(process, 0);

function send(text: string): void {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(PIPE, bytes, sent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}
