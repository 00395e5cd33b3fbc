import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import { stableJson } from "../../engine/mask.ts";
import { stackUrn } from "../../engine/urn.ts";
import { workspaceAt } from "../../local/platform/workspace.ts";
import { carryOut } from "../../operate/recover/carry-out.ts";
import { type Comparison, findUnverified } from "../../operate/recover/comparison.ts";
import { RecoverError } from "../../operate/recover/error.ts";
import { createImportFile } from "../../operate/recover/import-file.ts";
import { UnfinishedError } from "../../operate/recover/pulumi-cli.ts";
import { waitUntilOnline } from "../../operate/recover/readiness.ts";
import { commandLine, type Step, stepsOf } from "../../operate/recover/steps.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { RecoverOptions } from "./flags.ts";
import { openSubject, type Subject } from "./subject.ts";
import { formatComparison, formatSteps } from "./text.ts";

/** @returns the exit code. */
export async function recover(options: RecoverOptions, terminal: Terminal): Promise<number> {
  const { yes = false, json = false, shared = false, out } = options;
  if (yes && options.state !== undefined)
    throw new UsageError("--yes changes the stack's own state, and --state reads a copy. Leave out one of them.");
  const outFile = out === undefined ? undefined : path.resolve(out);
  const subject = await openSubject(options, "recover");
  const file = path.relative(
    subject.project.root,
    outFile ?? path.join(subject.project.root, ".slipway", `recover-${subject.plan.stack}.json`),
  );
  const look = () => prepare(subject, { file, shared });
  const found = yes ? await withoutUnfinished(look, terminal) : await look();
  if (!yes) {
    printFound(found, subject, { json, terminal });
    return DONE;
  }
  refuseUnverified(found, subject, { shared });
  if (!json) terminal.print(formatComparison({ ...titleOf(subject), flags: subject.flags, comparison: found.comparison }, terminal));
  return await repair(subject, found, { look, json, shared, terminal });
}

/** Two states that manage one resource undo each other's changes, so the operator decides. */
function refuseUnverified({ comparison }: Found, subject: Subject, { shared }: { readonly shared: boolean }): void {
  const unverified = findUnverified(comparison);
  if (shared || unverified.length === 0) return;
  const names = unverified.map(({ name }) => name).join(", ");
  const [stack = ""] = comparison.unplanned;
  throw new RecoverError(
    `Nothing was changed: stack ${comparison.unplanned.join(", ")} cannot be planned, and may declare the same names: ${names}. ` +
      `See why, and fix it: slipway plan ${subject.flagsOf(stack)}. If all of them belong to stack ${subject.stackName}: slipway recover ${subject.flags} --yes --shared`,
  );
}

interface Found {
  readonly comparison: Comparison;
  readonly steps: readonly Step[];
  /** Relative to the project; undefined where there is nothing to import. */
  readonly importFile: string | undefined;
}

/** Compares, and writes the import file. */
async function prepare(subject: Subject, { file, shared }: { readonly file: string; readonly shared: boolean }): Promise<Found> {
  const { project, plan, stackName: stack } = subject;
  const state = await subject.readState();
  const comparison = await subject.compare(state, { shared });
  const isImporting = comparison.toImport.length > 0;
  if (isImporting) writeFile(path.resolve(project.root, file), stableJson(createImportFile(comparison.toImport, plan.resources, state)));
  return {
    comparison: { ...comparison, notes: [...comparison.notes, ...localNotes(subject, comparison)] },
    steps: stepsOf(comparison, { stack, stackUrn: stackUrn(subject.plan), file }),
    importFile: isImporting ? file : undefined,
  };
}

function printFound(
  { comparison, steps, importFile }: Found,
  subject: Subject,
  { json, terminal }: Pick<RepairOptions, "json" | "terminal">,
): void {
  const title = titleOf(subject);
  if (json) terminal.print(stableJson({ ...title, ...comparison, users: undefined, steps: steps.map(toJson(subject)), importFile }));
  else
    terminal.print(
      [formatComparison({ ...title, flags: subject.flags, comparison }, terminal), formatSteps(steps, terminal, subject.cwd)]
        .filter(Boolean)
        .join("\n\n"),
    );
}

/** Deletes a file that Pulumi's killed run left unfinished: it has no content that could be lost. */
async function withoutUnfinished(look: () => Promise<Found>, { log }: Terminal): Promise<Found> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof UnfinishedError)) throw error;
    log(`Delete an unfinished file of Pulumi's backend: ${error.file}`);
    rmSync(error.file);
    return await look();
  }
}

interface RepairOptions {
  readonly look: () => Promise<Found>;
  readonly json: boolean;
  readonly shared: boolean;
  readonly terminal: Terminal;
}

async function repair(subject: Subject, first: Found, { look, json, shared, terminal }: RepairOptions): Promise<number> {
  const waiting = { readStatus: subject.readStatus, report: (line: string) => terminal.log(line) };
  let found = first;
  while (await waitUntilOnline(found.comparison.toImport, waiting)) found = await look();
  const { steps } = found;
  await carryOut(steps, {
    pulumi: subject.pulumi!,
    stack: subject.stackName,
    stackUrn: stackUrn(subject.plan),
    report: (line) => terminal.log(line),
  });
  const left = await subject.compare(await subject.readState(), { shared });
  // With any of these, the next `up` fails.
  const isRepaired = [
    left.toImport,
    left.shared,
    left.conflicting,
    left.renamed,
    left.gone,
    left.recreated,
    left.incomplete,
    left.pending,
  ].every(({ length }) => length === 0);
  const last = steps.filter(({ kind }) => kind === "up");
  if (json)
    terminal.print(stableJson({ ...titleOf(subject), ...left, users: undefined, repaired: isRepaired, steps: last.map(toJson(subject)) }));
  else if (isRepaired) terminal.print(last.length === 0 ? "" : `\n${formatSteps(last, terminal, subject.cwd)}`);
  else
    terminal.print(`\nStill to repair:\n\n${formatComparison({ ...titleOf(subject), flags: subject.flags, comparison: left }, terminal)}`);
  return isRepaired ? DONE : FAILED;
}

const titleOf = ({ plan: { project, stack } }: Subject) => ({ project, stack });
const toJson =
  ({ cwd }: Subject) =>
  ({ purpose, args }: Step) => ({ purpose, command: commandLine([...args, ...cwd]) });

/** Ids only: the file holds no secret. */
function writeFile(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** `slipway local up` deploys the same program to the same API, with a state of its own. */
function localNotes({ project, plan, cwd }: Subject, { toImport }: Comparison): readonly string[] {
  const { stack } = workspaceAt(project.root);
  const isLocal = plan.stack === "local" && toImport.length > 0 && existsSync(stack);
  return isLocal
    ? [
        `\`slipway local up\` keeps a state of its own in ${quoteWord(path.join(...cwd.slice(1), path.relative(project.root, stack)))} and may have created these resources. After an import both manage them: stop using one of the two, or give Pulumi an API of its own.`,
      ]
    : [];
}
