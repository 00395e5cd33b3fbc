/** A stack's plan from its project on disk: the one way from files to a Plan. */
import type { Plan } from "./plan.ts";
import { type Project, programOf } from "./project.ts";
import { type RecordOptions, record } from "./record.ts";
import { readStack } from "./stackfile.ts";

export interface StackPlanOptions extends Pick<RecordOptions, "outputs" | "invokes" | "stackReferences"> {
  /** "prod", or as Pulumi knows it: "organization/project/prod". */
  readonly stack: string;
  /** Config values by key, over those of the stack's file. */
  readonly config?: Readonly<Record<string, string>>;
  /** Lets the program make up what operators have not typed yet, and tells what that was. @default false */
  readonly placeholders?: boolean;
}

/** The settings' own namespace, whatever the project is called: `pulumi new` calls it as its owner likes. */
const ASKED = "slipway:placeholders";

/** How a program that is asked to make up a missing value says so, in a warning of its own. */
const MISSING = /^missing: (\S+)$/;

/** Relative paths in the program start where this process works: be in `project.directory` if it has any. */
export async function planStack(project: Project, { placeholders, stack, config, ...answers }: StackPlanOptions): Promise<Plan> {
  const asked = placeholders ? { [ASKED]: "true" } : {};
  const settings = readStack(project, stack, { ...config, ...asked });
  const plan = await record(programOf(project), { ...answers, ...settings, directory: project.directory });
  const missing = plan.messages.flatMap(({ text }) => MISSING.exec(text)?.[1] ?? []);
  return {
    ...plan,
    placeholders: [...new Set([...plan.placeholders, ...missing])].sort(),
    messages: plan.messages.filter(({ text }) => !MISSING.test(text)),
  };
}
