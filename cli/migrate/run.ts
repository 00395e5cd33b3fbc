/** Runs the commands of `slipway migrate` with the engine that a deployment uses. Each imports its part of the engine. */
import { writeFileSync } from "node:fs";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { SqlFailure } from "../../postdeploy/migrate/run/errors.ts";
import type { RunOptions } from "../../postdeploy/migrate/run/options.ts";
import type { Progress } from "../../postdeploy/migrate/run/progress.ts";
import type { System } from "../../systems/definition.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { withCommandHints, withNpx } from "../shared/hints.ts";
import { namedConnection } from "../shared/named-connection.ts";
import type { Terminal } from "../shared/terminal.ts";
import { findFiles, ownerOf, readLocalConnections, refuseEmpty, requireConnection } from "./database.ts";
import type {
  BaselineOptions,
  DiagramOptions,
  DownOptions,
  LintOptions,
  MigrateOptions,
  NewOptions,
  RepairOptions,
  UpOptions,
  VerifyOptions,
} from "./flags.ts";
import { annotations, formatBaseline, formatDown, formatLint, formatPlan, formatStatus, formatUp, formatVerify } from "./text.ts";

const TOO_MANY_TABLES = "There are more tables than a readable diagram holds. Use --format mermaid.";

interface Outcome {
  readonly result: unknown;
  readonly text: string;
  /** @default DONE */
  readonly code?: number;
}

/** Prints the outcome, or the error of the engine. @returns the exit code. */
async function print(options: MigrateOptions, terminal: Terminal, work: () => Promise<Outcome>): Promise<number> {
  try {
    const { result, text, code = DONE } = await work();
    terminal.print(options.json ? JSON.stringify(result, null, 2) : withNpx(withCommandHints(text, options)));
    return code;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    terminal.log(withCommandHints(error.message, options));
    if (options.json) terminal.print(JSON.stringify({ error: failureJson(error) }, null, 2));
    return error.exit;
  }
}

export const status = (options: MigrateOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engine = await import("../../postdeploy/migrate/status.ts");
    const run = await runOptions(options);
    const result = await engine.status(run);
    // Where the folder has no file but the ledger has some, these are reported as missing.
    if (result.files.length === 0) refuseEmpty(run.folder);
    const matches = result.mismatches.length === 0 && !result.findings.some(({ severity }) => severity === "error");
    return { result, text: formatStatus(result, terminal.style), code: matches && result.pending.length === 0 ? DONE : FAILED };
  });

export const plan = (options: MigrateOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engine = await import("../../postdeploy/migrate/plan.ts");
    const run = await runOptions(options);
    refuseEmpty(run.folder);
    const result = await engine.plan(run);
    return { result, text: formatPlan(result, terminal.style) };
  });

export const up = (options: UpOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engine = await import("../../postdeploy/migrate/up.ts");
    const run = await runOptions(options);
    refuseEmpty(run.folder);
    if (options.requireBackup !== undefined) await requireBackupOf(options.requireBackup, options, run);
    const result = await withSignals(terminal, (control) =>
      engine.up({ ...run, ...control, to: options.to, allowOutOfOrder: options.allowOutOfOrder === true }),
    );
    return { result, text: formatUp(result, terminal.style) };
  });

/** A database without migrations has nothing to lose, and one without pending files loses nothing. */
async function requireBackupOf(hours: number, { system }: UpOptions, run: RunOptions): Promise<void> {
  if (system === undefined) throw new UsageError("--require-backup looks for a backup of a system. Name it: --system <name>");
  const engine = await import("../../postdeploy/migrate/status.ts");
  const { files, pending } = await engine.status(run);
  if (pending.length === 0 || pending.length === files.length) return;
  const { requireBackup } = await import("../backup/require-backup.ts");
  await requireBackup(system, run.connection, hours);
}

export const down = (options: DownOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engine = await import("../../postdeploy/migrate/down.ts");
    const { to, steps } = options;
    if (options.yes !== true && !(await confirmDown(options)))
      throw new UsageError("Reverting migrations destroys what they created. To confirm, add --yes.");
    const run = await runOptions(options);
    const result = await withSignals(terminal, (control) => engine.down({ ...run, ...control, to, steps }));
    return { result, text: formatDown(result, terminal.style) };
  });

export const verify = (options: VerifyOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engine = await import("../../postdeploy/migrate/verify.ts");
    const { folder, system } = await findFiles(options);
    const namedShadow = options.shadow ? { url: options.shadow } : undefined;
    // With a shadow server named, a database is compared only where it is named too.
    const named = namedShadow === undefined || options.url !== undefined ? await namedConnection(options) : undefined;
    const local = namedShadow === undefined && named === undefined && system !== undefined ? await readLocalConnections(system) : undefined;
    const [connection, shadow] = [named ?? local?.owner, namedShadow ?? local?.admin];
    if (connection === undefined && shadow === undefined)
      throw new UsageError(
        "Which server may hold the shadow database? --shadow postgres://user@localhost:5432/postgres, or --url of the database to compare; or start the local platform: npm start",
      );
    refuseEmpty(folder);
    const base = { folder, ledgerSchema: options.ledger, system: system?.name, owner: ownerOf(options, system) };
    const result = await withSignals(terminal, ({ signal }) =>
      engine.verify({ ...base, ...shadowNeeds(system), connection, shadow, signal }),
    );
    return { result, text: formatVerify(result, terminal.style), code: result.ok ? DONE : FAILED };
  });

export const diagram = (options: DiagramOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const [{ tables }, { mermaidSchema, svgSchema }] = await Promise.all([
      import("../../postdeploy/migrate/tables.ts"),
      import("../../report/diagram/schema.ts"),
    ]);
    const { folder, system } = await findFiles(options);
    const named = options.shadow ? { url: options.shadow } : await namedConnection(options);
    const shadow = named ?? (system === undefined ? undefined : (await readLocalConnections(system))?.admin);
    if (shadow === undefined)
      throw new UsageError(
        "Which server may hold the shadow database? --shadow postgres://user@localhost:5432/postgres; or start the local platform: npm start",
      );
    refuseEmpty(folder);
    const found = await withSignals(terminal, ({ signal }) =>
      tables({ folder, ledgerSchema: options.ledger, shadow, signal, ...shadowNeeds(system) }),
    );
    const title = `Tables of ${system?.title ?? folder}`;
    const drawn = options.format === "svg" ? await svgSchema(found, title) : mermaidSchema(found);
    if (drawn === "")
      return { result: { tables: found }, text: found.length === 0 ? "The files create no table." : TOO_MANY_TABLES, code: FAILED };
    if (options.out === undefined) return { result: { tables: found }, text: drawn.trimEnd() };
    writeFileSync(options.out, `${drawn.trimEnd()}\n`);
    return { result: { tables: found, file: options.out }, text: options.out };
  });

/** What a shadow database needs before the files of a system run. */
function shadowNeeds(system: System | undefined) {
  if (system === undefined) return {};
  const { schemas, extensions, roles } = system.postgres;
  return { schemas, extensions, roles: Object.values(roles) };
}

export const lint = (options: LintOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engine = await import("../../postdeploy/migrate/lint/index.ts");
    const { folder, system } = await findFiles(options);
    refuseEmpty(folder);
    const since = options.since ?? (process.env.GITHUB_BASE_REF ? `origin/${process.env.GITHUB_BASE_REF}` : undefined);
    const files = since === undefined ? undefined : await listNewFiles(since, folder);
    const result = await engine.lint({
      folder,
      strictNumbers: options.strictNumbers === true || process.env.CI === "true",
      extensions: system?.postgres.extensions,
      files,
    });
    const none =
      since !== undefined && !files?.some((file) => file.endsWith(".sql")) ? [`No file in ${folder} is new since ${since}.`] : [];
    const marks = process.env.GITHUB_ACTIONS === "true" ? annotations(result.findings, folder) : [];
    const text = [...marks, ...none, formatLint(result, terminal.style)].join("\n");
    return { result, text, code: result.ok ? DONE : FAILED };
  });

export const create = (name: string, options: NewOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engine = await import("../../postdeploy/migrate/create.ts");
    const { folder } = await findFiles(options);
    const files = engine.create({ folder, name, repeatable: options.repeatable === true });
    return { result: { folder, files }, text: files.map((file) => `${folder}/${file}`).join("\n") };
  });

export const baseline = (options: BaselineOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engine = await import("../../postdeploy/migrate/baseline.ts");
    const { from, applied = [], reason } = options;
    const run = await runOptions(options);
    const result = await engine.baseline({ ...run, from, ...(applied.length === 0 ? {} : { applied }), reason });
    return { result, text: formatBaseline(result, terminal.style) };
  });

export const repair = (options: RepairOptions, terminal: Terminal): Promise<number> =>
  print(options, terminal, async () => {
    const engine = await import("../../postdeploy/migrate/repair.ts");
    const { accept = [], retire = [], rename = [], happened = [], again = [], reason = "" } = options;
    const written = await engine.repair({ ...(await runOptions(options)), accept, retire, rename, happened, again, reason });
    return { result: { written }, text: written.join("\n") };
  });

async function runOptions(options: MigrateOptions): Promise<RunOptions> {
  const { folder, system } = await findFiles(options);
  return {
    folder,
    connection: await requireConnection(options, system),
    system: system?.name,
    schemas: system?.postgres.schemas,
    owner: ownerOf(options, system),
    ledgerSchema: options.ledger,
    waitMs: options.wait,
    lockTimeoutMs: options.lockTimeout,
  };
}

/** The first signal cancels the running statement and rolls it back; a second one ends the process. */
async function withSignals<T>(
  terminal: Terminal,
  work: (control: { signal: AbortSignal; onProgress: (event: Progress) => void }) => Promise<T>,
): Promise<T> {
  const { progressReporter } = await import("./progress.ts");
  const controller = new AbortController();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const abort = () => {
    for (const signal of signals) process.off(signal, abort);
    terminal.log("stopping: the running statement is cancelled and rolled back");
    controller.abort();
  };
  for (const signal of signals) process.on(signal, abort);
  try {
    return await work({ signal: controller.signal, onProgress: progressReporter(terminal) });
  } finally {
    for (const signal of signals) process.off(signal, abort);
  }
}

async function confirmDown({ to, steps = 1 }: DownOptions): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const { createInterface } = await import("node:readline/promises");
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const files = to === undefined ? (steps === 1 ? "the last migration" : `the last ${steps} migrations`) : `every migration after ${to}`;
  const answer = await prompt.question(`Revert ${to === "nothing" ? "every migration" : files}? What they created is destroyed. [y/N] `);
  prompt.close();
  return /^y(es)?$/i.test(answer.trim());
}

async function listNewFiles(ref: string, folder: string): Promise<string[]> {
  const { execFileSync } = await import("node:child_process");
  try {
    const changed = execFileSync("git", ["diff", "--name-only", "--diff-filter=d", "--relative", `${ref}...HEAD`, "--", "."], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    const untracked = execFileSync("git", ["ls-files", "--others", "--exclude-standard", "--", "."], { cwd: folder, encoding: "utf8" });
    return `${changed}\n${untracked}`.split("\n").filter((line) => line !== "");
  } catch {
    throw new UsageError(`Git does not know "${ref}" here. In GitHub Actions, use actions/checkout with fetch-depth: 0.`);
  }
}

function failureJson(error: Failure): Record<string, unknown> {
  const { code, exit, message } = error;
  if (code !== "sql") return { code, exit, message };
  const { file, line, column, sqlstate } = error as SqlFailure;
  return { code, exit, message, file, line, column, sqlstate };
}
