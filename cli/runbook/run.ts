/** Runs `slipway runbook`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { quoteWord } from "../../catalog/shell.ts";
import { findProject } from "../../engine/project.ts";
import { planStack } from "../../engine/stackplan.ts";
import { writeRunbook } from "../../operate/runbook/runbook.ts";
import { systems } from "../../systems/index.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { requireStack } from "../shared/require-stack.ts";
import { readSettings } from "../shared/stack-settings.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { RunbookOptions } from "./flags.ts";

/** @returns the exit code. */
export async function runbook(options: RunbookOptions, terminal: Terminal): Promise<number> {
  if (options.out !== undefined && options.check !== undefined)
    throw new UsageError("Write the runbooks, or compare with them? Use one of --out and --check.");
  const [out, check] = [options.out, options.check].map((directory) => (directory === undefined ? undefined : path.resolve(directory)));
  const written = await writeAll(options);
  if (check !== undefined) return compare(written, check, terminal);
  if (out === undefined) {
    terminal.print([...written.values()].join("\n"));
    return DONE;
  }
  mkdirSync(out, { recursive: true });
  for (const [name, text] of written) {
    const file = path.join(out, `${name}.md`);
    writeFileSync(file, text);
    terminal.log(`Wrote ${path.relative(process.cwd(), file)}.`);
  }
  return DONE;
}

/** By the system's name. */
async function writeAll(options: RunbookOptions): Promise<ReadonlyMap<string, string>> {
  const project = findProject(options.cwd);
  const stack = requireStack(options.stack, project, "runbook");
  const directory = process.cwd();
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  try {
    const plan = await planStack(project, { stack, placeholders: true });
    const settings = readSettings(project, stack);
    const wanted = options.system === undefined ? undefined : await findSystem(systems, options.system);
    const selected = settings.systems.filter(({ system }) => wanted === undefined || system.name === wanted.name);
    if (selected.length === 0) throw new UsageError(`Stack ${stack} does not select ${wanted?.name}. Add it to slipway:systems.`);
    return new Map(selected.map(({ system }) => [system.name, writeRunbook({ settings, resources: plan.resources }, system.name)]));
  } finally {
    process.chdir(directory);
  }
}

function compare(written: ReadonlyMap<string, string>, directory: string, terminal: Terminal): number {
  const stale = [...written].filter(([name, text]) => {
    const file = path.join(directory, `${name}.md`);
    return !existsSync(file) || readFileSync(file, "utf8") !== text;
  });
  if (stale.length === 0) {
    terminal.print(`${written.size} of ${written.size} runbooks are up to date.`);
    return DONE;
  }
  const files = stale.map(([name]) => path.relative(process.cwd(), path.join(directory, `${name}.md`)));
  terminal.print(
    `Stale: ${files.join(", ")}. Write them again: slipway runbook --stack <name> --out ${quoteWord(path.relative(process.cwd(), directory) || ".")}`,
  );
  return FAILED;
}
