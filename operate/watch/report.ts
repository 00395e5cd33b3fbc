/** The report of a watch, in Markdown: every round, every gap, what was wrong and for how long, and how tables have grown. */
import type { Problem } from "../alerts/alert.ts";
import type { Entry } from "./journal.ts";
import { ASPECTS, type Observation } from "./observation.ts";
import { findGaps, type Schedule } from "./schedule.ts";
import { observationsIn } from "./watch.ts";

export interface WatchReport {
  readonly rounds: readonly Observation[];
  /** ISO times at which a round was due and none took place. */
  readonly gaps: readonly string[];
  readonly problems: readonly Lasting[];
  readonly undelivered: readonly { readonly channel: string; readonly problem: string; readonly at: string }[];
}

export interface Lasting {
  readonly problem: Problem;
  readonly first: string;
  readonly last: string;
  readonly rounds: number;
  /** Whether the last round still saw it. */
  readonly isOpen: boolean;
}

export function summarizeWatch(entries: readonly Entry[], schedule: Schedule, now: number): WatchReport {
  const rounds = observationsIn(entries);
  const lasting = new Map<string, Lasting>();
  for (const { at, problems } of rounds)
    for (const problem of problems) {
      const { first = at, rounds: count = 0 } = lasting.get(problem.id) ?? {};
      lasting.set(problem.id, { problem, first, last: at, rounds: count + 1, isOpen: at === rounds.at(-1)!.at });
    }
  return {
    rounds,
    gaps: findGaps(
      schedule,
      rounds.map(({ at }) => at),
      now,
    ).map(({ due }) => due),
    problems: [...lasting.values()],
    undelivered: entries.flatMap((entry) => (entry.kind === "undelivered" ? [entry] : [])),
  };
}

export function formatReport(source: string, schedule: Schedule, { rounds, gaps, problems, undelivered }: WatchReport): string {
  const open = problems.filter(({ isOpen }) => isOpen).length;
  return [
    `# Watch of ${source}`,
    "",
    `From ${minute(schedule.startedAt)} to ${minute(rounds.at(-1)?.at ?? schedule.startedAt)} UTC: ${count(rounds.length, "round")}, ${count(gaps.length, "gap")}, ${count(problems.length, "problem")}, ${open} in the last round.`,
    "",
    `| round | time (UTC) | ${ASPECTS.join(" | ")} |`,
    `| --- | --- | ${ASPECTS.map(() => "---").join(" | ")} |`,
    ...rounds.map(
      ({ at, summary }, index) => `| ${index} | ${minute(at)} | ${ASPECTS.map((aspect) => cell(summary[aspect])).join(" | ")} |`,
    ),
    "",
    "## Gaps",
    "",
    ...(gaps.length === 0
      ? ["None: a round took place each time one was due."]
      : gaps.map((due) => `- A round was due at ${minute(due)} UTC and did not take place.`)),
    "",
    "## Problems",
    "",
    ...(problems.length === 0 ? ["None."] : problems.flatMap(formatLasting)),
    ...(undelivered.length === 0
      ? []
      : [
          "",
          "## Alerts that could not be sent",
          "",
          ...undelivered.map(({ channel, problem, at }) => `- ${minute(at)} UTC, ${channel}: ${cell(problem)}`),
        ]),
    "",
    "## Rows",
    "",
    ...formatRows(rounds),
    "",
  ].join("\n");
}

function formatLasting({ problem, first, last, rounds, isOpen }: Lasting): readonly string[] {
  const lasted = isOpen ? `since ${minute(first)} UTC` : `from ${minute(first)} to ${minute(last)} UTC`;
  return [
    `- **${problem.severity}**: ${cell(problem.subject)}, ${lasted}, in ${count(rounds, "round")}${isOpen ? "" : ", over"}`,
    `  - ${cell(problem.evidence)}`,
    ...(isOpen && problem.next !== undefined ? [`  - Next: \`${problem.next.replaceAll(/[`\n]/g, " ")}\``] : []),
  ];
}

function formatRows(rounds: readonly Observation[]): readonly string[] {
  const seen = rounds.filter(({ rows }) => Object.keys(rows).length > 0);
  const [first, last] = [seen[0]?.rows ?? {}, seen.at(-1)?.rows ?? {}];
  const tables = [...new Set([...Object.keys(first), ...Object.keys(last)])].sort();
  if (tables.length === 0) return ["No table was counted."];
  return [
    "| table | first | last | change |",
    "| --- | --: | --: | --: |",
    ...tables.map((table) => {
      const [before, after] = [first[table], last[table]];
      const change = before === undefined ? "new" : after === undefined ? "gone" : signed(after - before);
      return `| ${cell(table)} | ${before ?? ""} | ${after ?? ""} | ${change} |`;
    }),
  ];
}

const signed = (change: number): string => (change > 0 ? `+${change}` : String(change));
const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;
const minute = (at: string): string => at.slice(0, 16).replace("T", " ");
/** Text of a server stays in its cell, and makes neither markup nor links. */
const cell = (text: string): string => text.replaceAll(/[\r\n]+/g, " ").replaceAll(/[|\\`*_<>[\]]/g, (character) => `\\${character}`);
