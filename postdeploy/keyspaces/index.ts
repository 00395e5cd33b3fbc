/** Redis keyspaces: declared in files, seeded, verified. This is the front door; the CLI and the post-deploy step come through it too. */
export { Failure } from "../connect/failure.ts";
export { type ExportOptions, type ExportResult, exportKeys } from "./inspect/export.ts";
export type { Options, Progress, Store } from "./inspect/options.ts";
export { escapeControlCharacters } from "./read/entry.ts";
export { compareKeyspaces, type KeyspaceDifference } from "./read/file-changes.ts";
export { isSeeded, type Keyspace, readKeyspaces } from "./read/keyspace.ts";
export { callScript, reloadScripts } from "./seed/scripts.ts";
export { type KeyspaceResult, plan, type SeedOptions, seed, verify } from "./seed/seed.ts";
