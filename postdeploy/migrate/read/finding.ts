import { Failure } from "../../connect/failure.ts";

/** Something that a reader should know about a file: where it stands, how bad it is, what to do about it. */
export interface Finding {
  /** A short name, the same for ever: `-- slipway: allow <rule> <reason>` and machines refer to it. */
  readonly rule: string;
  /**
   * error    cannot work, or would leave something half done: nothing is applied
   * warning  works, and may hurt a database in use or the application that is still running: `lint` fails, `up` goes on
   * note     worth knowing
   */
  readonly severity: "error" | "warning" | "note";
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
  /** What to write instead. */
  readonly fix?: string;
  /** The reason given for letting it be; an allowed finding fails nothing. */
  readonly allowed?: string;
}

export function place({ file, line, column }: Pick<Finding, "file" | "line" | "column">): string {
  return [file, line, column].filter((part) => part !== undefined).join(":");
}

export function isBad(finding: Finding): boolean {
  return finding.severity === "error" && finding.allowed === undefined;
}

/** @param texts of the files, so that the line itself can be shown. */
export function refuseBad(findings: readonly Finding[], texts: ReadonlyMap<string, string> = new Map()): void {
  const bad = findings.filter(isBad);
  const [first] = bad;
  if (first === undefined) return;
  const lines = bad.map((finding) => {
    const source = finding.line === undefined ? undefined : texts.get(finding.file)?.split(/\r?\n/)[finding.line - 1];
    return [
      `  ${place(finding)}: ${finding.message}`,
      ...(source ? [`    | ${source.slice(0, 120)}`] : []),
      ...(finding.fix ? [`    ${finding.fix}`] : []),
    ].join("\n");
  });
  throw new Failure(
    first.rule,
    2,
    [`Nothing was applied: ${bad.length === 1 ? "a file cannot work" : `${bad.length} mistakes in the files`}.`, ...lines].join("\n"),
  );
}
