/**
 * Widths in columns of a terminal: a CJK character or an emoji takes two, an escape sequence none. This package loads in 4 ms of processor time,
 * string-width in 24.
 */
import measure from "fast-string-truncated-width";

export const displayWidth = (text: string): number => measure(text).width;

export const padEnd = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - displayWidth(text)));

/** The beginning of a text, as far as it fits. */
export const truncate = (text: string, width: number): string => text.slice(0, measure(text, { limit: width, ellipsis: "" }).index);

/** Columns, as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[], indent = "  "): string[] {
  const widths = rows.reduce<number[]>((sofar, row) => row.map((cell, column) => Math.max(sofar[column] ?? 0, displayWidth(cell))), []);
  return rows.map((row) => `${indent}${row.map((cell, column) => padEnd(cell, widths[column] ?? 0)).join("  ")}`.trimEnd());
}
