import { type LintOptions, lintFolder } from "./lint/index.ts";
import { readFolder } from "./read/files.ts";
import type { Finding } from "./read/finding.ts";

export interface LintResult {
  readonly findings: readonly Finding[];
  /** No error, and no warning that nobody allowed. */
  readonly ok: boolean;
}

/** Reads every file of a folder for what cannot work and what would hurt; needs no server. */
export async function lint({ folder, ...options }: LintOptions & { folder: string }): Promise<LintResult> {
  const findings = await lintFolder(readFolder(folder), options);
  return { findings, ok: !findings.some(({ severity, allowed }) => severity !== "note" && allowed === undefined) };
}
