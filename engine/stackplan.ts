/** Records the plan of a stack from its project on disk. */
import type { Plan } from "./plan.ts";
import { type Project, programOf } from "./project.ts";
import { type RecordOptions, record } from "./record.ts";
import { readStack } from "./stackfile.ts";

export interface StackPlanOptions extends Pick<RecordOptions, "outputs" | "invokes" | "stackReferences"> {
  /** "prod", or with its organization and project: "organization/project/prod". */
  readonly stack: string;
  /** Config values by key; they override those of the stack's file. */
  readonly config?: Readonly<Record<string, string>>;
  /** Lets the program use placeholders for missing secrets, and lists them in the plan. @default false */
  readonly placeholders?: boolean;
}

/** In slipway's namespace, because `pulumi new` lets the user choose the project's name. */
const PLACEHOLDERS_KEY = "slipway:placeholders";

/** The warning in which a program reports a missing value. */
const MISSING = /^missing: (\S+)$/;

/** The program resolves relative paths from the working directory of this process, which should be `project.directory`. */
export async function planStack(project: Project, { placeholders, stack, config, ...answers }: StackPlanOptions): Promise<Plan> {
  const flag = placeholders ? { [PLACEHOLDERS_KEY]: "true" } : {};
  const settings = readStack(project, stack, { ...config, ...flag });
  const plan = await record(programOf(project), { ...answers, ...settings, directory: project.directory });
  const missing = plan.messages.flatMap(({ text }) => MISSING.exec(text)?.[1] ?? []);
  return {
    ...plan,
    placeholders: [...new Set([...plan.placeholders, ...missing])].sort(),
    messages: plan.messages.filter(({ text }) => !MISSING.test(text)),
  };
}
