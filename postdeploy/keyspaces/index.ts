/** The API of keyspaces in Redis and Valkey: read declarations, plan, seed, verify, export. */
export { Failure } from "../connect/failure.ts";
export { type ExportOptions, type ExportResult, exportKeys } from "./inspect/export.ts";
export type { Options, Progress, Store } from "./inspect/options.ts";
export { escapeControlCharacters } from "./read/entry.ts";
export { compareKeyspaces, type KeyspaceDifference } from "./read/file-changes.ts";
export { isSeeded, type Keyspace, readKeyspaces } from "./read/keyspace.ts";
export { callScript, reloadScripts } from "./seed/scripts.ts";
export { type KeyspaceResult, plan, type SeedOptions, seed, verify } from "./seed/seed.ts";
