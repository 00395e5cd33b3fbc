/** A review as a comment of a pull request, or as the summary of a job: what may be lost on top, the whole never longer than GitHub takes. */

import { code, prose } from "../escape.ts";
import type { Review, Risk, StackReview } from "../review.ts";
import { byRisk, costs, counted, counts, difference, dollars, isQuiet, shortCommit, VERDICTS } from "../words.ts";
import { blocksOf } from "./sections.ts";
import { type Block, type Left, paragraphs, type Section, shed } from "./truncate.ts";

export interface MarkdownOptions {
  /** In bytes of UTF-8, which are never fewer than characters. GitHub refuses a comment of more than 65,536 characters. @default 60_000 */
  readonly limit?: number;
  /** Where the whole report is, an address that this side knows and the change cannot choose. @default none, and none is named */
  readonly report?: string;
}

const LIMIT = 60_000;

/** By which its own comment is found again: hidden, the first line, and one for each project. */
export const marker = (project: string): string => `<!-- slipway-review:${project.replace(/[^\w.]+/g, "-")}:v1 -->`;

export function markdown(review: Review, { limit = LIMIT, report }: MarkdownOptions = {}): string {
  const between = `${commit(review.base)} → ${commit(review.head)}${review.head.dirty ? " with changes that are in no commit" : ""}`;
  const first = marker(review.project);
  if (isQuiet(review)) {
    const stacks =
      review.stacks.length > 5 ? counted(review.stacks.length, "stack") : review.stacks.map(({ stack }) => code(stack)).join(", ");
    return `${first}\n**${code(review.project)}: nothing changes** on ${stacks} (${between})\n`;
  }
  const stacks = byRisk(review.stacks);
  const sections = [overview(stacks), ...stacks.map((stack) => sectionOf(stack, stacks.length === 1))];
  return shed(sections, limit, (left) =>
    paragraphs([
      `${first}\n## ${code(review.project)}: ${VERDICTS[review.risk].toLowerCase()}`,
      `${between}${report === undefined ? "" : ` · [the whole report](${report})`}`,
      omitted(left),
    ]),
  );
}

/** Said instead of a review where there is none: the old one would be taken for the newest otherwise. */
export function failureMarkdown(
  project: string,
  { commit, run, why }: { readonly commit: string; readonly run?: string; readonly why: string },
): string {
  const log = run === undefined ? "" : ` [The log of its run](${run}) tells more.`;
  return `${marker(project)}\n## ${code(project)}: no preview\n\n> [!CAUTION]\n> **What ${code(shortCommit(commit))} changes is not known.** ${prose(why)}${log}\n`;
}

const commit = ({ ref, commit }: { readonly ref: string; readonly commit: string }): string => `${code(ref)} ${code(shortCommit(commit))}`;

const ALERTS: Readonly<Record<Risk, string>> = { danger: "CAUTION", care: "WARNING", routine: "NOTE", none: "NOTE" };

/** A line for each stack, before anything is told in full. */
function overview(stacks: readonly StackReview[]): Section {
  const words = [...new Set(stacks.flatMap((stack) => counts(stack).map(({ word }) => word)))];
  const hasSql = stacks.some(({ migrations }) => migrations.length > 0);
  const hasCost = stacks.some(({ cost }) => costs(cost));
  const header = ["stack", "verdict", ...words, ...(hasSql ? ["SQL files"] : []), ...(hasCost ? ["USD a month"] : [])];
  const rows = stacks.map((stack) => {
    const told = new Map(counts(stack).map((one) => [one.word, one]));
    const { before, after } = stack.cost;
    const cells = [
      code(stack.stack),
      stack.failure ? "**not planned**" : VERDICTS[stack.risk],
      ...words.map((word) => numeral(told.get(word)?.count ?? 0, told.get(word)?.lossy)),
      ...(hasSql ? [numeral(stack.migrations.length)] : []),
      ...(hasCost ? [costs(stack.cost) ? `${dollars(after)} (${difference(before, after)})` : dollars(after)] : []),
    ];
    return row(cells);
  });
  const head = [row(header), row(header.map((_, index) => (index < 2 ? "---" : "---:")))].join("\n");
  const table: Block = { rank: 0, pieces: rows, noun: ["stack", "stacks"], put: (kept) => `${head}\n${kept.join("\n")}` };
  return { title: "", blocks: [table] };
}

const numeral = (count: number, loud = false): string => (count === 0 ? "–" : loud ? `**${count}**` : `${count}`);
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** Enough for a verdict. */
const MOST_REASONS = 8;

function sectionOf(stack: StackReview, alone: boolean): Section {
  const all = byRisk(stack.reasons).map(({ risk, text }, index) =>
    index === 0 ? `**${prose(text)}**` : `- ${risk === stack.risk ? "" : `${VERDICTS[risk]}: `}${prose(text)}`,
  );
  const more = all.length > MOST_REASONS ? [`- ${counted(all.length - MOST_REASONS, "more reason")}, each told below`] : [];
  const reasons: Block = {
    rank: 1,
    pieces: [...all.slice(0, MOST_REASONS), ...more],
    noun: ["reason", "reasons"],
    put: (kept) => [`[!${ALERTS[stack.risk]}]`, ...kept].map((line) => `> ${line}`).join("\n"),
  };
  return { title: alone ? "" : `### ${code(stack.stack)}`, blocks: [reasons, ...blocksOf(stack)] };
}

function omitted(left: Left): string {
  if (left.size === 0) return "";
  const what = [...left].map(([several, { one, count }]) => counted(count, one, several));
  return `**Left out, because a comment has an end:** ${what.join(", ")}.`;
}
