import type { Finding } from "../read/finding.ts";
import type { Statement } from "../read/parse.ts";
import type { Fields } from "../read/statement.ts";
import type { FileSet } from "./file-set.ts";

export type RuleFinding = Pick<Finding, "rule" | "severity" | "message"> & { readonly fix?: string };

export interface RuleContext {
  readonly set: FileSet;
  readonly transaction: boolean;
  /** The statements of the same file, in order. */
  readonly siblings: readonly Statement[];
  /** The statements of all earlier files. Loaded only if a statement of the set needs them. */
  readonly earlier: readonly Statement[];
}

export type RuleFindings = RuleFinding | readonly RuleFinding[];
export type Rule = (fields: Fields, context: RuleContext, statement: Statement) => RuleFindings;

const create =
  (severity: Finding["severity"]) =>
  (rule: string, message: string, fix?: string): RuleFinding => ({ rule, severity, message, ...(fix === undefined ? {} : { fix }) });

export const warn = create("warning");
export const note = create("note");
export const warnCascade = (object: string): RuleFinding =>
  warn("drop-cascade", `CASCADE also drops every object on this server that depends on ${object}.`, "Drop the dependent objects by name.");
