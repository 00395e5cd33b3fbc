/** Why a mutant survives: see equivalent.ts and accepted.ts. */
import type { Mutant } from "./operators.ts";

export interface Explanation {
  readonly file: string;
  /** A part of the line that is changed. */
  readonly line: string;
  /** Absent: every change of the line. */
  readonly original?: string;
  readonly replacement?: string;
  readonly reason: string;
}

export function explains({ file, line, original, replacement }: Explanation, mutant: Mutant): boolean {
  return (
    mutant.file === file &&
    mutant.lineText.includes(line) &&
    (original === undefined || mutant.original.trim() === original) &&
    (replacement === undefined || mutant.replacement === replacement)
  );
}
