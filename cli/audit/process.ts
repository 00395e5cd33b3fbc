/**
 * Runs an audited program in a process of its own: its stdout and stderr are files, so that it cannot write into the report.
 *
 * With --untrusted, that process is in the sandbox of `slipway preview`.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { ProjectError } from "../../engine/projecterror.ts";
import { type Audit, auditJson } from "../../report/audit.ts";
import { UsageError } from "../shared/errors.ts";
import type { ProgramOptions } from "./audit-program.ts";
import type { Job } from "./child.ts";
import { CHILD, type Ended } from "./child-file.ts";
import type { AuditOptions } from "./flags.ts";

export async function auditInProcess(options: AuditOptions): Promise<Audit> {
  const { stack, config, everyFeature, maxAge, run, cwd, untrusted, timeout } = options;
  if (untrusted && run)
    throw new UsageError("--run starts processes, which the sandbox of --untrusted does not allow. Leave out one of them.");
  if (untrusted && stack === undefined) throw new UsageError("Which stack? slipway audit --untrusted --stack prod");
  if (timeout !== undefined && !untrusted)
    throw new UsageError("--timeout limits an untrusted program: slipway audit --untrusted --timeout 120");
  const job: Job = {
    options: {
      ...(stack !== undefined && { stack }),
      ...(config && { config }),
      ...(everyFeature && { everyFeature }),
      ...(run && { run }),
      maxAge,
      cwd: path.resolve(cwd),
    },
    key: randomBytes(16).toString("hex"),
  };
  if (!untrusted) return auditOf(await runTrusted(job), job);
  const { runUntrusted } = await import("./untrusted.ts");
  return auditOf(await runUntrusted(job, timeout), job);
}

async function runTrusted(job: Job): Promise<Ended> {
  const folder = mkdtempSync(path.join(tmpdir(), "slipway-audit-"));
  const output = ["stdout", "stderr"].map((name) => openSync(path.join(folder, name), "a+"));
  try {
    const child = spawn(process.execPath, [CHILD], { stdio: ["pipe", output[0], output[1], "pipe"] });
    // It can end before it has read the job.
    child.stdin!.on("error", () => {});
    child.stdin!.end(JSON.stringify(job));
    const sent: Buffer[] = [];
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => sent.push(chunk));
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (...ended) => resolve(ended));
    });
    // What a process of the program's holds open must not keep this one waiting.
    await new Promise((turn) => setImmediate(turn));
    return {
      sent: Buffer.concat(sent).toString("utf8"),
      reason: signal === null ? `The process ended with exit code ${code}.` : `${signal} ended the process.`,
    };
  } finally {
    for (const descriptor of output) closeSync(descriptor);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws what the audit threw, or an audit without proofs if the process ended before it had one */
function auditOf({ sent, reason }: Ended, { key, options }: Job): Audit {
  const line = sent.split("\n").findLast((one) => one.startsWith(key));
  if (line === undefined) return failed(options, `${reason} The audit was not complete: look for what ends the process in the program.`);
  const { audit, error } = JSON.parse(line.slice(key.length)) as { audit?: Audit; error?: SentError };
  if (error !== undefined) throw errorOf(error);
  const { schema: _, ...checked } = auditJson(audit!);
  return checked as Audit;
}

function failed({ stack = "" }: ProgramOptions, failure: string): Audit {
  return { stack, findings: [], suppressed: [], proofs: [], declared: [], notes: [], failure };
}

interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
}

function errorOf({ name, message, stack, code }: SentError): Error {
  const error = name === "UsageError" ? new UsageError(message) : name === "ProjectError" ? new ProjectError(message) : new Error(message);
  return Object.assign(error, { ...(stack && { stack }), ...(code && { code }) });
}
