/** Roles and migrations against what a system declares, compared by the engines that apply them. */
import { quoteWord } from "../../../catalog/shell.ts";
import { Failure } from "../../../postdeploy/connect/failure.ts";
import type { Mismatch } from "../../../postdeploy/migrate/ledger/compare.ts";
import { status } from "../../../postdeploy/migrate/status.ts";
import { rolesPlan } from "../../../postdeploy/roles/index.ts";
import { type Finding, listSome } from "../finding.ts";
import type { Check, CheckResult, DeclaredDatabase, Examiner } from "./subject.ts";

const LISTED = 5;

export const declaredChecks: readonly Check[] = [
  { name: "roles", run: compareRoles },
  { name: "migrations", run: compareMigrations },
];

async function compareRoles({ subject, server }: Examiner): Promise<CheckResult> {
  const { declared, connection } = subject;
  if (declared === undefined) return {};
  if (!server.managesRoles) return { unchecked: [`roles: ${server.user} does not manage roles. Connect as the administrator (doadmin).`] };
  const { system, slowStatementMs: _, ...options } = declared;
  const { statements, notices } = await rolesPlan({ ...options, connection });
  if (statements.length + notices.length === 0) return { facts: [{ name: "roles", value: "as declared" }] };
  const changes = statements.length === 1 ? "1 statement" : `${statements.length} statements`;
  return {
    findings: [
      {
        id: "roles-differ",
        severity: statements.length > 0 ? "error" : "warning",
        subject: `roles of ${system}`,
        evidence: [`The roles step has ${statements.length === 0 ? "no statement" : changes} to run.`, ...notices].join(" "),
        next: {
          text: statements.length > 0 ? "Run them, or the roles step of the next deployment does." : "The roles step does not change this.",
          ...(statements.length > 0 ? { sql: statements } : {}),
        },
      },
    ],
  };
}

async function compareMigrations({ subject }: Examiner): Promise<CheckResult> {
  const { declared, connection, migrations: folder } = subject;
  if (folder === undefined) return {};
  const found = await readStatus();
  if (found instanceof Failure)
    return found.code === "no-role" && declared !== undefined
      ? { findings: [missingRole(declared)] }
      : { unchecked: [`migrations: ${found.message}`] };
  const { files, pending, mismatches, drift = [], findings: problems, ledger } = found;
  const flags = declared === undefined ? `--dir ${quoteWord(folder)}` : `--system ${declared.system}`;
  const running = files.filter(({ state }) => state === "running");
  const findings: Finding[] = [];
  const waiting = pending.filter((file) => !running.some((one) => one.file === file) && !mismatches.some((one) => one.file === file));
  if (waiting.length > 0)
    findings.push({
      id: "migrations-pending",
      severity: "warning",
      subject: `migrations in ${folder}`,
      evidence:
        ledger === undefined
          ? `None of the ${waiting.length} files has been applied: the database has no ledger.`
          : `${waiting.length} of ${files.length} files are not applied: ${listSome(waiting, LISTED)}.`,
      next: { text: "See what they lock (slipway migrate plan), then apply them.", command: `slipway migrate up ${flags}` },
    });
  for (const { file, progress } of running)
    findings.push({
      id: "migration-unfinished",
      severity: "error",
      subject: `migration ${file}`,
      evidence: `It stopped between two statements${progress === undefined ? "" : `: ${progress[0]} of ${progress[1]} have run`}.`,
      next: { text: "Continue it.", command: `slipway migrate up ${flags}` },
    });
  for (const mismatch of mismatches) {
    const { evidence, text, command } = describeMismatch(mismatch);
    findings.push({
      id: `migration-${mismatch.kind}`,
      severity: "error",
      subject: `migration ${mismatch.file}`,
      evidence,
      next: { text, command: `slipway migrate ${command} ${flags}` },
    });
  }
  for (const { file, message } of problems.filter(({ severity }) => severity === "error"))
    findings.push({
      id: "migration-file",
      severity: "error",
      subject: `migration ${file}`,
      evidence: message,
      next: { text: "Correct the file.", command: `slipway migrate lint ${flags}` },
    });
  if (drift.length > 0)
    findings.push({
      id: "schema-drift",
      severity: "warning",
      subject: "schema",
      evidence: `${drift.length === 1 ? "1 object differs" : `${drift.length} objects differ`} from what the migrations left: ${listSome(
        drift.map(
          ({ kind, name, was, is }) =>
            `${kind} ${name} ${was === undefined ? "was added" : is === undefined ? "was dropped" : "was changed"}`,
        ),
        LISTED,
      )}.`,
      next: {
        text: "Undo the change by hand, or write it into a migration. This shows the definitions:",
        command: `slipway migrate verify ${flags}`,
      },
    });
  return {
    findings,
    facts: [{ name: "migrations", value: `${files.filter(({ state }) => state !== "pending").length} of ${files.length} files applied` }],
  };

  async function readStatus() {
    try {
      return await status({
        folder: folder!,
        connection,
        system: declared?.system,
        schemas: declared?.schemas,
        owner: declared?.roles.owner,
      });
    } catch (error) {
      if (error instanceof Failure) return error;
      throw error;
    }
  }
}

function missingRole({ system, roles, database }: DeclaredDatabase): Finding {
  return {
    id: "roles-missing",
    severity: "error",
    subject: `role ${roles.owner}`,
    evidence: `The role that owns what the migrations of ${system} create does not exist, or this role is not a member of it.`,
    next: { text: `Deploy the system: the roles step gives the role its privileges in ${database}.`, command: "pulumi up" },
  };
}

function describeMismatch(mismatch: Mismatch): { readonly evidence: string; readonly text: string; readonly command: string } {
  const { file } = mismatch;
  switch (mismatch.kind) {
    case "edited":
      return {
        evidence: `The file was changed after it was applied (${mismatch.at}, by ${mismatch.by}).`,
        text: "Restore the file. If its change has no effect on databases where it ran, record that.",
        command: `repair --accept ${quoteWord(file)} --reason "no effect"`,
      };
    case "missing":
      return mismatch.renamedTo === undefined
        ? {
            evidence: `It was applied (${mismatch.at}, by ${mismatch.by}), and the file is gone.`,
            text: "Restore the file. If it was removed on purpose, record that.",
            command: `repair --retire ${quoteWord(file)} --reason "removed"`,
          }
        : {
            evidence: `It was applied (${mismatch.at}, by ${mismatch.by}), and the file appears to be renamed to ${mismatch.renamedTo}.`,
            text: "Restore the name, or record the new one.",
            command: `repair --rename ${quoteWord(`${file}=${mismatch.renamedTo}`)} --reason "renamed"`,
          };
    case "out-of-order":
      return {
        evidence: `It is not applied, and ${mismatch.after}, which comes later, is: a run refuses it.`,
        text: "Give it the next free number; or, if it depends on no later file, apply it all the same.",
        command: "up --allow-out-of-order",
      };
    case "half-reverted":
      return { evidence: "Its down migration stopped between two statements.", text: "Continue to revert it.", command: "down --yes" };
  }
}
