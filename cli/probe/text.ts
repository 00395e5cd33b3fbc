/** A probe as text. */
import { verdict } from "../../report/html/probe.ts";
import { barsOf, type ProbeFinding, type ProbeReport } from "../../report/probe.ts";
import type { Layout } from "../shared/terminal.ts";

const MOST_BARS = 60;
const MOST_FINDINGS = 20;
const LEVELS = "▁▂▃▄▅▆▇█";

export function formatProbe(report: ProbeReport, { style }: Layout): string {
  const { service, requests, failed, longestGapMs, slowestMs, acknowledged, readBack, stale, lost, left, events, startedAt } = report;
  const bars = barsOf(report.seconds, MOST_BARS);
  const most = Math.max(1, ...bars.map(({ reads, writes }) => reads + writes));
  const line = bars
    .map((bar) => (bar.failed > 0 ? style.warn("!") : LEVELS[Math.floor(((bar.reads + bar.writes) * (LEVELS.length - 1)) / most)]!))
    .join("");
  return [
    style.bold(`${service}: ${verdict(report)}`),
    `  ${requests} requests, ${failed} failed; the longest gap without a success ${longestGapMs} ms, the slowest request ${slowestMs} ms`,
    `  ${acknowledged} acknowledged writes, read back ${readBack} times; ${stale.length} stale, ${lost.length} lost`,
    `  ${line} ${bars[0]?.seconds ?? 0} s each${failed > 0 ? '; "!" has failures' : ""}`,
    ...events.map(({ at, title }) => `  ${((Date.parse(at) - Date.parse(startedAt)) / 1000).toFixed(1)} s  ${title}`),
    ...Object.entries(report.failures).map(([text, count]) => `  ${count} × ${text}`),
    ...list("lost", lost),
    ...list("stale", stale),
    ...(left.length === 0 ? [] : [`  ${left.length} rows could not be removed; the next probe tries again: ${left.join(", ")}`]),
  ].join("\n");
}

function list(kind: string, findings: readonly ProbeFinding[]): readonly string[] {
  const shown = findings.slice(0, MOST_FINDINGS);
  return [
    ...shown.map(({ at, row, found }) => `  ${kind}: row ${row} at ${at}: ${found}`),
    ...(shown.length === findings.length ? [] : [`  and ${findings.length - shown.length} more that are ${kind}: --json prints all`]),
  ];
}
