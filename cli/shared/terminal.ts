/** Where a command prints: its result to stdout, messages and progress to stderr. */
import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import { withNpx } from "./hints.ts";

export interface Terminal {
  /** Writes whole lines of the result to stdout. */
  print(text: string): void;
  /** Writes a message or a line of progress to stderr. */
  log(text: string): void;
  readonly columns: number;
  readonly style: Style;
  /** stdout is a terminal, not a file or another program. @default false */
  readonly isInteractive?: boolean;
}

/** Each has an effect only on a terminal, and not with NO_COLOR. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
  good(text: string): string;
}

/** What a text is laid out for. */
export type Layout = Pick<Terminal, "columns" | "style">;

type Format = Parameters<typeof styleText>[0];
type Fold = (text: string, columns: number) => string;

/** A terminal that folds messages at its width. */
export async function openTerminal(
  stdout: NodeJS.WriteStream = process.stdout,
  stderr: NodeJS.WriteStream = process.stderr,
): Promise<Terminal> {
  return createTerminal(stdout, stderr, stderr.isTTY ? (await import("./wrap.ts")).foldMessage : undefined);
}

/** @param fold Loads a package, which a fresh clone does not have yet. */
export function createTerminal(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream, fold: Fold = (text) => text): Terminal {
  const format = (name: Format) => (text: string) => styleText(name, text, { stream: stdout });
  const { isTTY, columns } = stderr as Partial<WriteStream>;
  return {
    print: (text) => stdout.write(endLine(text)),
    log: (text) => stderr.write(isTTY && columns ? fold(withNpx(endLine(text)), columns) : withNpx(endLine(text))),
    isInteractive: stdout.isTTY,
    columns: (stdout as Partial<WriteStream>).columns || 80,
    style: { bold: format("bold"), dim: format("dim"), warn: format("yellow"), bad: format("red"), good: format("green") },
  };
}

const endLine = (text: string): string => (text.endsWith("\n") ? text : `${text}\n`);

const same = (text: string): string => text;
export const plainStyle: Style = { bold: same, dim: same, warn: same, bad: same, good: same };
