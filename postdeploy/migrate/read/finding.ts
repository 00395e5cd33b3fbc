import { Failure } from "../../connect/failure.ts";

/** A problem in a migration file. */
export interface Finding {
  /** A stable id: `-- slipway: allow <rule> <reason>` and reports refer to it. */
  readonly rule: string;
  /**
   * error    cannot work, or would be applied only in part: nothing is applied
   * warning  works, but may block or break a database in use: `lint` fails, `up` continues
   * note     information only
   */
  readonly severity: "error" | "warning" | "note";
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
  /** What to write instead. */
  readonly fix?: string;
  /** The reason of the suppression. A suppressed finding fails nothing. */
  readonly allowed?: string;
}

function formatPosition({ file, line, column }: Finding): string {
  return [file, line, column].filter((part) => part !== undefined).join(":");
}

export const isError = ({ severity, allowed }: Finding): boolean => severity === "error" && allowed === undefined;

/** The position and the message, then the line of the file and the fix. */
export function formatError(finding: Finding, texts: ReadonlyMap<string, string>): string {
  const source = finding.line === undefined ? undefined : texts.get(finding.file)?.split(/\r?\n/)[finding.line - 1];
  return [
    `${formatPosition(finding)}: ${finding.message}`,
    ...(source ? [`  | ${source.slice(0, 120)}`] : []),
    ...(finding.fix ? [`  ${finding.fix}`] : []),
  ].join("\n");
}

/** @param texts of the files, to quote the line. @throws if there is an error without a suppression. */
export function throwOnErrors(findings: readonly Finding[], texts: ReadonlyMap<string, string> = new Map()): void {
  const errors = findings.filter(isError);
  const [first] = errors;
  if (first === undefined) return;
  const lines = errors.map((finding) => `  ${formatError(finding, texts).replaceAll("\n", "\n  ")}`);
  throw new Failure(
    first.rule,
    2,
    [`Nothing was applied: the migration files contain ${errors.length === 1 ? "an error" : `${errors.length} errors`}.`, ...lines].join(
      "\n",
    ),
  );
}
