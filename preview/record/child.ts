/**
 * The process of one side: runs its program for each stack, and sends the plans over a pipe of its own.
 *
 * side.ts starts it without credentials and without a network, and with the right to read only the side itself and slipway.
 */
import { readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import type { Plan } from "../../engine/plan.ts";
import { findProject, hasProject, type Project, stackNames } from "../../engine/project.ts";
import { useSdkOfProgram } from "../../engine/sdk-of-program.ts";
import { type Emission, emit } from "./emitted.ts";
import { describeProject, selectStacks } from "./project.ts";
import { send } from "./send.ts";
import { symbolicInvoke, symbolicOutputs } from "./symbols.ts";

export interface Job {
  /** Where Pulumi.yaml is, if the commit has a project. */
  readonly directory: string;
  /** @default every stack but `local` */
  readonly stacks?: readonly string[];
  /** Key of the fingerprints, in hex. */
  readonly key: string;
}

const { directory, stacks, key }: Job = JSON.parse(readFileSync(0, "utf8"));
const project = openProject();
if (project !== undefined) {
  useSdkOfProgram(directory);
  send(await recordAll(project));
}
// The program may leave timers or handles, so this process exits itself. An explicit exit does not write the compile cache.
flushCompileCache();
process.exit(0);

/** Sends the description, which code of the program can no longer change then. */
function openProject(): Project | undefined {
  try {
    // A project above the checkout is another project.
    const found = hasProject(directory) ? findProject(directory) : undefined;
    send(found === undefined ? { absent: true } : { project: describeProject(found) });
    return found;
  } catch (error) {
    send({ unreadable: isOutside(error) ? "Pulumi.yaml names a file outside of the commit." : (error as Error).message });
    return undefined;
  }
}

function isOutside(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ERR_ACCESS_DENIED";
}

async function recordAll(project: Project): Promise<Emission> {
  const emission: Emission[number][] = [];
  for (const stack of selectStacks(stackNames(project), stacks)) {
    try {
      emission.push({ stack, plan: emit(await planOf(project, stack), Buffer.from(key, "hex")) });
    } catch (error) {
      emission.push({ stack, failure: error instanceof Error ? error.message : String(error) });
    }
  }
  return emission;
}

async function planOf(project: Project, stack: string): Promise<Plan> {
  process.chdir(project.directory);
  const { planStack } = await import("../../engine/stackplan.ts");
  return planStack(project, { stack, placeholders: true, outputs: symbolicOutputs, invokes: symbolicInvoke });
}
