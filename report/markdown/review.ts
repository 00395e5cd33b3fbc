/** A review as Markdown, for a pull request comment or a job summary: possible losses first, within GitHub's length limit. */

import { code, prose } from "../escape.ts";
import type { Review, Risk, StackReview } from "../review.ts";
import { byRisk, costs, counted, counts, difference, isQuiet, monthly, shortCommit, VERDICTS } from "../words.ts";
import { blocksOf } from "./sections.ts";
import { type Block, type Omitted, paragraphs, type Section, truncate } from "./truncate.ts";

export interface MarkdownOptions {
  /** In UTF-8 bytes, which are never fewer than characters. GitHub refuses comments of more than 65,536 characters. @default 60_000 */
  readonly limit?: number;
  /** URL of the full report. Not from the change itself. @default no link */
  readonly report?: string;
}

const LIMIT = 60_000;

/** The first line of a comment, hidden, by which a later run finds it. One for each project. */
export const marker = (project: string): string => `<!-- slipway-review:${project.replace(/[^\w.]+/g, "-")}:v1 -->`;

export function markdown(review: Review, { limit = LIMIT, report }: MarkdownOptions = {}): string {
  const between = `${commit(review.base)} → ${commit(review.head)}${review.head.dirty ? " with uncommitted changes" : ""}`;
  const first = marker(review.project);
  if (isQuiet(review)) {
    const stacks =
      review.stacks.length > 5 ? counted(review.stacks.length, "stack") : review.stacks.map(({ stack }) => code(stack)).join(", ");
    return `${first}\n**${code(review.project)}: no changes** on ${stacks} (${between})\n`;
  }
  const stacks = byRisk(review.stacks);
  const sections = [overview(stacks), ...stacks.map((stack) => sectionOf(stack, stacks.length === 1))];
  return truncate(sections, limit, (left) =>
    paragraphs([
      `${first}\n## ${code(review.project)}: ${VERDICTS[review.risk].toLowerCase()}`,
      `${between}${report === undefined ? "" : ` · [full report](${report})`}`,
      omitted(left),
    ]),
  );
}

/** Replaces the comment if there is no review, so that the old one is not taken for the newest. */
export function failureMarkdown(
  project: string,
  { commit, run, why }: { readonly commit: string; readonly run?: string; readonly why: string },
): string {
  const log = run === undefined ? "" : ` See the [log of the run](${run}).`;
  return `${marker(project)}\n## ${code(project)}: no preview\n\n> [!CAUTION]\n> **The changes of ${code(shortCommit(commit))} are unknown.** ${prose(why)}${log}\n`;
}

const commit = ({ ref, commit }: { readonly ref: string; readonly commit: string }): string => `${code(ref)} ${code(shortCommit(commit))}`;

const ALERTS: Readonly<Record<Risk, string>> = { danger: "CAUTION", care: "WARNING", routine: "NOTE", none: "NOTE" };

/** A table with a line for each stack. */
function overview(stacks: readonly StackReview[]): Section {
  const words = [...new Set(stacks.flatMap((stack) => counts(stack).map(({ word }) => word)))];
  const hasSql = stacks.some(({ migrations }) => migrations.length > 0);
  const hasCost = stacks.some(({ cost }) => costs(cost));
  const header = ["stack", "verdict", ...words, ...(hasSql ? ["SQL files"] : []), ...(hasCost ? ["USD a month"] : [])];
  const rows = stacks.map((stack) => {
    const byWord = new Map(counts(stack).map((one) => [one.word, one]));
    const { before, after } = stack.cost;
    const cells = [
      code(stack.stack),
      stack.failure ? "**not planned**" : VERDICTS[stack.risk],
      ...words.map((word) => numeral(byWord.get(word)?.count ?? 0, byWord.get(word)?.lossy)),
      ...(hasSql ? [numeral(stack.migrations.length)] : []),
      ...(hasCost ? [costs(stack.cost) ? `${monthly(stack.cost)} (${difference(before, after)})` : monthly(stack.cost)] : []),
    ];
    return row(cells);
  });
  const head = [row(header), row(header.map((_, index) => (index < 2 ? "---" : "---:")))].join("\n");
  const table: Block = { rank: 0, pieces: rows, noun: ["stack", "stacks"], render: (kept) => `${head}\n${kept.join("\n")}` };
  return { title: "", blocks: [table] };
}

const numeral = (count: number, loud = false): string => (count === 0 ? "–" : loud ? `**${count}**` : `${count}`);
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

const MOST_REASONS = 8;

function sectionOf(stack: StackReview, alone: boolean): Section {
  const all = byRisk(stack.reasons).map(({ risk, text }, index) =>
    index === 0 ? `**${prose(text)}**` : `- ${risk === stack.risk ? "" : `${VERDICTS[risk]}: `}${prose(text)}`,
  );
  const more = all.length > MOST_REASONS ? [`- ${counted(all.length - MOST_REASONS, "more reason")}, each listed below`] : [];
  const reasons: Block = {
    rank: 1,
    pieces: [...all.slice(0, MOST_REASONS), ...more],
    noun: ["reason", "reasons"],
    render: (kept) => [`[!${ALERTS[stack.risk]}]`, ...kept].map((line) => `> ${line}`).join("\n"),
  };
  return { title: alone ? "" : `### ${code(stack.stack)}`, blocks: [reasons, ...blocksOf(stack)] };
}

function omitted(left: Omitted): string {
  if (left.size === 0) return "";
  const what = [...left].map(([several, { one, count }]) => counted(count, one, several));
  return `**Omitted to fit the length limit:** ${what.join(", ")}.`;
}
