/** Redis keyspaces: declared in files, seeded, verified. This is the front door; the CLI and the post-deploy step come through it too. */
export { Failure } from "../connect/failure.ts";
export { compareKeyspaces, type KeyspaceDifference } from "./compare.ts";
export { printable } from "./entry.ts";
export { type ExportOptions, type ExportResult, exportKeys } from "./export.ts";
export { isSeeded, type Keyspace, readKeyspaces } from "./keyspace.ts";
export type { Options, Progress, Store } from "./options.ts";
export { callScript, recallScripts } from "./scripts.ts";
export { type KeyspaceResult, plan, type SeedOptions, seed, verify } from "./seed.ts";
