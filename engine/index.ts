/** Records Pulumi programs as a Plan without Pulumi's engine, and masks their secrets. */
export { type Problem, ProgramError } from "./error.ts";
export { at, byType, children, resource } from "./find.ts";
export { type Masked, type MaskedPlan, type MaskedResource, mask, maskValue, stableJson } from "./mask.ts";
export { layers } from "./order.ts";
export * from "./plan.ts";
export { findProject, type Project, programOf, stackNames } from "./project.ts";
export { ProjectError } from "./projecterror.ts";
export { type Program, type RecordOptions, record } from "./record.ts";
export { readStack, type StackConfig } from "./stackfile.ts";
export { planStack, type StackPlanOptions } from "./stackplan.ts";
