/**
 * The process of one side: runs its program for each stack, and sends the plans over a pipe of its own.
 *
 * side.ts starts it without credentials, without a network if the system allows that, and with the right to read only the side itself and slipway.
 */
import { readFileSync } from "node:fs";
import { flushCompileCache, registerHooks } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Plan } from "../../engine/plan.ts";
import { findProject } from "../../engine/project.ts";
import { type Emission, emit } from "./emitted.ts";
import { send } from "./send.ts";
import { symbolicInvoke, symbolicOutputs } from "./symbols.ts";

export interface Job {
  /** Where Pulumi.yaml is. */
  readonly directory: string;
  readonly stacks: readonly string[];
  /** Key of the fingerprints, in hex. */
  readonly key: string;
}

const { directory, stacks, key }: Job = JSON.parse(readFileSync(0, "utf8"));
useSdkOfProgram();
send(await recordAll());
// The program may leave timers or handles, so this process exits itself. An explicit exit does not write the compile cache.
flushCompileCache();
process.exit(0);

/** slipway's recorder must patch the same copy of the SDK that the program loads, which can be another version than slipway's own. */
function useSdkOfProgram(): void {
  const own = pathToFileURL(`${path.join(import.meta.dirname, "../..")}/`).href;
  const parentURL = pathToFileURL(path.join(directory, "package.json")).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith("@pulumi/") &&
      context.parentURL?.startsWith(own) &&
      !context.parentURL.slice(own.length).includes("node_modules/")
        ? next(specifier, { ...context, parentURL })
        : next(specifier, context),
  });
}

async function recordAll(): Promise<Emission> {
  const emission: Emission[number][] = [];
  for (const stack of stacks) {
    try {
      emission.push({ stack, plan: emit(await planOf(stack), Buffer.from(key, "hex")) });
    } catch (error) {
      emission.push({ stack, failure: error instanceof Error ? error.message : String(error) });
    }
  }
  return emission;
}

async function planOf(stack: string): Promise<Plan> {
  const project = findProject(directory);
  process.chdir(project.directory);
  const { planStack } = await import("../../engine/stackplan.ts");
  return planStack(project, { stack, placeholders: true, outputs: symbolicOutputs, invokes: symbolicInvoke });
}
