/** Runs the commands of `slipway data`. */
import path from "node:path";
import { writeEvidence } from "../../data/evidence.ts";
import { type ExportResult, exportData } from "../../data/export.ts";
import { importData } from "../../data/import.ts";
import type { Progress } from "../../data/progress.ts";
import { openSource, type Source } from "../../data/source.ts";
import { validateData } from "../../data/validate.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { withNpx } from "../shared/hints.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { DataOptions, ExportFlags, ImportFlags, ValidateFlags } from "./flags.ts";
import { progressReporter } from "./progress.ts";
import { type DataSubject, openSubject } from "./subject.ts";
import { CANNOT_CATCH, formatExport, formatImport, formatValidate } from "./text.ts";

interface Outcome {
  readonly result: unknown;
  readonly text: string;
  readonly code: number;
}

/** @param workspace Of the local platform. @default that of this project */
export const importFiles = (options: ImportFlags, terminal: Terminal, workspace?: Workspace): Promise<number> =>
  print(options, terminal, async () => {
    const { from, subject, source } = await openFiles(options, workspace);
    try {
      const { system, mapping, connection, rejectedFile } = subject;
      const { dryRun = false, skipRejected = false } = options;
      const result = await importData({
        ...{ connection, mapping, source, rejectedFile, dryRun, skipRejected },
        system: system.name,
        onProgress: progressReporter(terminal),
      });
      const code = result.outcome === "rejected" ? FAILED : DONE;
      return { result: { ...namesOf(subject), from, ...result }, text: formatImport(result, namesOf(subject), terminal), code };
    } finally {
      source.close();
    }
  });

export const validate = (options: ValidateFlags, terminal: Terminal, workspace?: Workspace): Promise<number> =>
  print(options, terminal, async () => {
    const { from, subject, source } = await openFiles(options, workspace);
    try {
      const { system, mapping, connection, rejectedFile, stack, folder } = subject;
      const { threshold } = options;
      const result = await validateData({
        ...{ connection, mapping, source, rejectedFile },
        ...(threshold === undefined ? {} : { threshold }),
        system: system.name,
        onProgress: progressReporter(terminal),
      });
      const isWhole = source.isWhole;
      const record =
        stack === undefined
          ? undefined
          : writeEvidence(folder, {
              ...{ ...result, kind: "validate", stack, system: system.name, from, isWhole },
              // A part of the files shows nothing about the others.
              outcome: result.outcome === "passed" && !isWhole ? "only a part of the files was compared" : result.outcome,
            });
      return {
        result: { ...namesOf(subject), from, ...result, cannotCatch: CANNOT_CATCH, record },
        text: formatValidate(result, { ...namesOf(subject), record }, terminal),
        code: result.outcome === "passed" ? DONE : FAILED,
      };
    } finally {
      source.close();
    }
  });

export const exportFiles = (options: ExportFlags, terminal: Terminal, workspace?: Workspace): Promise<number> =>
  print(options, terminal, async () => {
    const target = options.to === undefined ? undefined : path.resolve(options.to);
    const subject = await openSubject(options, workspace);
    const { system, stack, folder } = subject;
    const onProgress = progressReporter(terminal);
    const { places, ...result } = await (target === undefined
      ? storeExport(subject, onProgress)
      : writeExport(subject, target, onProgress));
    const record =
      stack === undefined
        ? undefined
        : writeEvidence(folder, { ...result, places, kind: "export", stack, system: system.name, outcome: "passed" });
    return {
      result: { ...namesOf(subject), ...result, places, record },
      text: formatExport({ ...result, places, isEncrypted: target === undefined }, { ...namesOf(subject), record }, terminal),
      code: DONE,
    };
  });

type Exported = Omit<ExportResult, "folder"> & { readonly places: readonly string[]; readonly folder?: string };

async function writeExport(
  { system, mapping, connection, rejectedFile }: DataSubject,
  to: string,
  onProgress: (event: Progress) => void,
): Promise<Exported> {
  const result = await exportData({ connection, mapping, to, rejectedFile, system: system.name, onProgress });
  return { ...result, places: [result.folder] };
}

/** Where the backups are, for those who can read them. */
async function storeExport(
  { system, mapping, connection, rejectedFile, home }: DataSubject,
  onProgress: (event: Progress) => void,
): Promise<Exported> {
  const [{ openEnvironment }, { exportToCopies }] = await Promise.all([
    import("../backup/environment.ts"),
    import("./export-to-copies.ts"),
  ]);
  const environment = await openEnvironment({}, home);
  const { repository } = environment;
  const stored = await exportToCopies({
    ...{ system: system.name, mapping, connection, repository, rejectedFile, onProgress },
    ...{ recipients: environment.recipients(), signingKey: environment.signingKey() },
  });
  const { exported, archive } = stored!;
  const { folder: _, ...result } = exported;
  return { ...result, places: repository.copies.map(({ name }) => `${name}/${archive.prefix}`) };
}

interface Files {
  readonly from: string;
  readonly subject: DataSubject;
  readonly source: Source;
}

async function openFiles(options: ImportFlags | ValidateFlags, workspace: Workspace | undefined): Promise<Files> {
  const { from, as } = options;
  if (from === undefined) throw new UsageError('Which files? --from <folder or file>, or "-" for standard input');
  // The path is of the folder where the command is typed, which the subject leaves for that of the project.
  const resolved = from === "-" ? from : path.resolve(from);
  const subject = await openSubject(options, workspace);
  return { from, subject, source: await openSource(subject.mapping, { from: resolved, as }) };
}

const namesOf = ({ system, stack }: DataSubject): { readonly system: string; readonly stack: string | undefined } => ({
  system: system.name,
  stack,
});

/** Prints the outcome, or the error of the engine. @returns the exit code. */
async function print(options: DataOptions, terminal: Terminal, work: () => Promise<Outcome>): Promise<number> {
  try {
    const { result, text, code } = await work();
    terminal.print(options.json ? JSON.stringify(result, null, 2) : withNpx(text));
    return code;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    terminal.log(error.message);
    if (options.json) terminal.print(JSON.stringify({ error: { code: error.code, message: error.message } }, null, 2));
    return error.exit;
  }
}
