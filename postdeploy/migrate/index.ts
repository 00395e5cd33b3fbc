/** SQL migrations: plain files, each applied once, with a ledger in the database. */
export { Failure } from "../connect/failure.ts";
export type { Connection } from "../connect/target.ts";
export { type BaselineOptions, type BaselineResult, baseline } from "./baseline.ts";
export { type CreateOptions, create } from "./create.ts";
export { type DescribedLock, describeMigrations, type MigrationDescription } from "./describe.ts";
export { type DownOptions, type DownResult, down } from "./down.ts";
export { type LintOptions, type LintResult, lint } from "./lint/index.ts";
export { type PlanResult, plan } from "./plan.ts";
export { type Folder, readFolder } from "./read/files.ts";
export type { Finding } from "./read/finding.ts";
export { type RepairOptions, repair } from "./repair.ts";
export { SqlFailure } from "./run/errors.ts";
export type { MigrateOptions, RunOptions, UpOptions } from "./run/options.ts";
export type { Progress } from "./run/progress.ts";
export { type StatusResult, status } from "./status.ts";
export { type UpResult, up } from "./up.ts";
export { type VerifyOptions, type VerifyResult, verify } from "./verify.ts";
