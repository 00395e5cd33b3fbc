/** The settings of a stack, from its file alone: secrets that only Pulumi's CLI opens have placeholders. */
import type { Project } from "../../engine/project.ts";
import { readStack } from "../../engine/stackfile.ts";
import { parseSettings } from "../../settings/parse.ts";
import type { Settings } from "../../settings/settings.ts";
import { systems } from "../../systems/index.ts";

/** @param name With its organization, if one was given. */
export function readSettings(project: Project, name: string): Settings {
  const { project: projectName, stack, config, secretKeys } = readStack(project, name, { "slipway:placeholders": "true" });
  return parseSettings({ project: projectName, stack, values: config, secretKeys: new Set(secretKeys) }, systems);
}
