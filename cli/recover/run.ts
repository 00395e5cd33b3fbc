import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stableJson } from "../../engine/mask.ts";
import { workspaceAt } from "../../local/platform/workspace.ts";
import { carryOut } from "../../operate/recover/carry-out.ts";
import type { Comparison } from "../../operate/recover/compare.ts";
import { createImportFile } from "../../operate/recover/import-file.ts";
import { commandLine, quote, type Step, stepsOf } from "../../operate/recover/steps.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { RecoverOptions } from "./flags.ts";
import { openSubject, type Subject } from "./subject.ts";
import { formatComparison, formatSteps } from "./text.ts";

/** @returns the exit code. */
export async function recover(options: RecoverOptions, terminal: Terminal): Promise<number> {
  const { yes = false, json, shared = false, out } = options;
  if (yes && options.state !== undefined)
    throw new UsageError("--yes changes the stack's own state, and --state reads a copy. Leave out one of them.");
  const outFile = out === undefined ? undefined : path.resolve(out);
  const subject = await openSubject(options, "recover");
  const { project, plan, stackName: stack, pulumi } = subject;
  const state = await subject.readState();
  const comparison = withShared(await subject.compare(state), shared);
  const importFile = createImportFile(comparison.toImport, plan.resources, state);
  const file = path.relative(project.directory, outFile ?? path.join(project.root, ".slipway", `recover-${plan.stack}.json`));
  if (comparison.toImport.length > 0) writeFile(path.resolve(project.directory, file), stableJson(importFile));
  const stackUrn = `urn:pulumi:${plan.stack}::${plan.project}::pulumi:pulumi:Stack::${plan.project}-${plan.stack}`;
  const steps = stepsOf(comparison, { stack, stackUrn, file });
  const notes = [...comparison.notes, ...localNotes(subject, comparison)];
  const reported = { ...comparison, notes };
  const title = { project: plan.project, stack: plan.stack };

  if (!yes || pulumi === undefined) {
    if (json)
      terminal.print(
        stableJson({
          ...title,
          ...reported,
          users: undefined,
          steps: steps.map(toJson),
          importFile: filled(comparison) ? file : undefined,
        }),
      );
    else
      terminal.print(
        [formatComparison({ ...title, comparison: reported }, terminal), formatSteps(steps, terminal)].filter(Boolean).join("\n\n"),
      );
    return DONE;
  }

  if (!json) terminal.print(formatComparison({ ...title, comparison: reported }, terminal));
  await carryOut(steps, { pulumi, stack, report: (line) => terminal.log(line) });
  const left = withShared(await subject.compare(await subject.readState()), shared);
  const isRepaired = left.toImport.length + left.gone.length + left.recreated.length + left.pending.length === 0;
  if (json)
    terminal.print(stableJson({ ...title, ...left, users: undefined, repaired: isRepaired, steps: steps.filter(isLast).map(toJson) }));
  else if (isRepaired) terminal.print(`\n${formatSteps(steps.filter(isLast), terminal) || "The state matches the account."}`);
  else terminal.print(`\nStill to repair:\n\n${formatComparison({ ...title, comparison: left }, terminal)}`);
  return isRepaired ? DONE : FAILED;
}

const isLast = ({ kind }: Step): boolean => kind === "up";
const toJson = ({ purpose, args }: Step) => ({ purpose, command: commandLine(args) });
const filled = ({ toImport }: Comparison): boolean => toImport.length > 0;

function withShared(comparison: Comparison, isIncluded: boolean): Comparison {
  if (!isIncluded) return comparison;
  return { ...comparison, toImport: [...comparison.shared, ...comparison.toImport], shared: [] };
}

/** Ids only: the file holds no secret. */
function writeFile(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** `slipway local up` deploys the same program to the same API, with a state of its own. */
function localNotes({ project, plan }: Subject, { toImport }: Comparison): readonly string[] {
  const { stack } = workspaceAt(project.root);
  const isLocal = plan.stack === "local" && toImport.length > 0 && existsSync(stack);
  return isLocal
    ? [
        `\`slipway local up\` keeps a state of its own in ${quote(path.relative(project.root, stack))} and may have created these resources. After an import both manage them: stop using one of the two, or give Pulumi an API of its own.`,
      ]
    : [];
}
