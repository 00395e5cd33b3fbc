/** Where a verb prints: reports to stdout, talk to stderr. */
import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import { asStarted } from "./hints.ts";
import { foldedMessage } from "./wrap.ts";

export interface Terminal {
  /** A report, whole lines. */
  print(text: string): void;
  /** What is said besides it. */
  say(text: string): void;
  readonly columns: number;
  readonly style: Style;
  /** Reports go to a person, not into a file or another program. @default false */
  readonly isPerson?: boolean;
}

/** Each only where a person looks, and colours are not unwanted (NO_COLOR). */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
  good(text: string): string;
}

/** What a report is laid out for. */
export interface Paper {
  readonly columns: number;
  readonly style: Style;
}

type Format = Parameters<typeof styleText>[0];

export function terminal(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Terminal {
  const look = (format: Format) => (text: string) => styleText(format, text, { stream: stdout });
  return {
    print: (text) => stdout.write(text.endsWith("\n") ? text : `${text}\n`),
    say: (text) => stderr.write(forScreen(asStarted(text.endsWith("\n") ? text : `${text}\n`), stderr)),
    isPerson: stdout.isTTY,
    columns: (stdout as Partial<WriteStream>).columns || 80,
    style: { bold: look("bold"), dim: look("dim"), warn: look("yellow"), bad: look("red"), good: look("green") },
  };
}

/** A file or a program gets a message as it is; a person gets it in lines that fit. */
function forScreen(text: string, { isTTY, columns }: NodeJS.WriteStream): string {
  return isTTY && columns > 0 ? foldedMessage(text, columns) : text;
}

export const plainStyle: Style = { bold: same, dim: same, warn: same, bad: same, good: same };

function same(text: string): string {
  return text;
}
