/** What a runbook is written from: the settings of a stack, and the alerts that its program declares. */
import type { PlannedResource } from "../../engine/plan.ts";
import type { Settings } from "../../settings/settings.ts";

export interface RunbookStack {
  readonly settings: Settings;
  readonly resources: readonly PlannedResource[];
}
