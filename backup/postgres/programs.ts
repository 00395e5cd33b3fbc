/** Runs pg_dump, pg_restore and psql: with the password in the environment, and the certificate verified. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { type Connection, nameOf, targetOf } from "../../postdeploy/connect/target.ts";
import type { PostgresClients, PostgresProgram } from "./clients.ts";

export interface ProgramRun {
  readonly child: ChildProcess;
  /** Rejects with what the program printed if it fails or is killed. */
  readonly finished: Promise<void>;
}

export interface ProgramOptions {
  readonly connection: Connection;
  readonly args: readonly string[];
  /** "pipe" to write to its stdin. @default "ignore" */
  readonly input?: "pipe" | "ignore";
  /** What failed, for the message: "The dump". */
  readonly purpose: string;
}

/** Enough for the reason; pg_restore can print a line for each object. */
const MESSAGE_BYTES = 4_000;

export function runProgram(clients: PostgresClients, name: PostgresProgram, options: ProgramOptions): ProgramRun {
  const { connection, args, input = "ignore", purpose } = options;
  const folder = mkdtempSync(join(tmpdir(), "slipway-client-"));
  const program = clients.program(name);
  const child = spawn(program.file, [...program.args, ...args], {
    env: { ...withoutPostgresVariables(process.env), ...program.env, ...connectionEnv(connection, folder), LC_ALL: "C" },
    stdio: [input, "pipe", "pipe"],
  });
  let printed = "";
  child.stderr!.on("data", (data: Buffer) => {
    printed = (printed + data.toString("utf8")).slice(0, MESSAGE_BYTES);
  });
  // The other program of a pipe ended first; its message says why.
  child.stdin?.on("error", () => {});
  const finished = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) return resolve();
      const how = signal === null ? `exit code ${code}` : `${signal}, perhaps because the machine has no memory left`;
      const target = nameOf(targetOf(connection));
      reject(
        new Failure(
          "program-failed",
          1,
          `${purpose} failed: ${name} ${clients.version} for ${target} ended with ${how}.\n${printed.trim()}`.trim(),
        ),
      );
    });
  }).finally(() => rmSync(folder, { recursive: true, force: true }));
  finished.catch(() => {});
  return { child, finished };
}

/** PGHOSTADDR, PGSERVICE and others of this machine could name another server. */
function withoutPostgresVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^PG[A-Z]/.test(name)));
}

function connectionEnv(connection: Connection, folder: string): Record<string, string> {
  const { host, port, user, password, database, tls } = targetOf(connection);
  const common = {
    ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGDATABASE: database, PGAPPNAME: "slipway backup", PGCONNECT_TIMEOUT: "30" },
    ...{ PGPASSWORD: password, PGPASSFILE: join(folder, "none"), PGSERVICEFILE: join(folder, "none") },
  };
  if (tls === false) return { ...common, PGSSLMODE: "disable" };
  if (tls.ca === undefined) return { ...common, PGSSLMODE: "verify-full", PGSSLROOTCERT: "system" };
  const file = join(folder, "ca.pem");
  writeFileSync(file, tls.ca, { mode: 0o600 });
  return { ...common, PGSSLMODE: "verify-full", PGSSLROOTCERT: file };
}
