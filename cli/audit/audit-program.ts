/** Audits a program in this process, which it can change: see process.ts. */
import { audit } from "../../audit/audit.ts";
import { findProject, type Project } from "../../engine/project.ts";
import { readStack } from "../../engine/stackfile.ts";
import type { Audit } from "../../report/audit.ts";
import { configName } from "../../settings/operator.ts";
import { systems } from "../../systems/index.ts";
import { withConfigFlags, withOverrides } from "../shared/config-flag.ts";
import { requireStack } from "../shared/require-stack.ts";
import type { AuditOptions } from "./flags.ts";

export type ProgramOptions = Pick<AuditOptions, "stack" | "config" | "everyFeature" | "maxAge" | "run" | "cwd">;

export async function auditProgram({ stack, config = {}, everyFeature, maxAge, run, cwd }: ProgramOptions): Promise<Audit> {
  const project = findProject(cwd);
  const name = requireStack(stack, project, "audit");
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  const prober = run ? (await import("./start-components.ts")).startComponents : undefined;
  const found = await withOverrides(config, project.name, () =>
    audit(project, {
      stack: name,
      config: { ...(everyFeature && enableFeatures(project, name)), ...config },
      maxAgeDays: maxAge,
      ...(prober && { prober }),
    }),
  );
  const { failure } = found;
  return failure === undefined ? found : { ...found, failure: withConfigFlags(failure, config, project.name) };
}

/** The settings of every system, with all of its features. */
function enableFeatures(project: Project, stack: string): Record<string, string> {
  const { config } = readStack(project, stack);
  return Object.fromEntries(
    systems.map(({ name, features }) => {
      const key = `${project.name}:${configName(name)}`;
      return [key, JSON.stringify({ ...JSON.parse(config[key] ?? "{}"), features: Object.keys(features) })];
    }),
  );
}
