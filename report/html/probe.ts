/** A probe as one HTML page: the figures, a timeline, and every failure, stale and lost write. */
import { cut, html } from "../escape.ts";
import { barsOf, type ProbeBar, type ProbeFinding, type ProbeReport } from "../probe.ts";
import { page } from "./page.ts";

const MOST_BARS = 240;
const MOST_ROWS = 200;
const HEIGHT = 120;

export function probeHtml(report: ProbeReport): string {
  const { service, requests, failed, longestGapMs, slowestMs, acknowledged, readBack, stale, lost, left } = report;
  const cards = [
    card(failed === 0, `${failed}`, `of ${number(requests)} requests failed`),
    card(lost.length === 0, `${lost.length}`, `of ${number(acknowledged)} acknowledged writes were lost`),
    card(stale.length === 0, `${stale.length}`, `of ${number(readBack + stale.length)} answers were stale`),
    card(undefined, `${number(longestGapMs)} ms`, "was the longest gap without a success"),
    card(undefined, `${number(slowestMs)} ms`, "took the slowest request"),
  ];
  const parts = [
    timeline(report),
    table(
      "Failed requests",
      ["answered", "times"],
      Object.entries(report.failures).map(([text, count]) => [cut(text, 300), number(count)]),
    ),
    findings("Lost writes", lost),
    findings("Stale answers", stale),
    table(
      "Rows that could not be removed",
      ["id"],
      left.map((id) => [id]),
    ),
  ];
  return page({
    title: `${verdict(report)}: ${service}`,
    style: STYLE,
    body: `<header class="top ${isGood(report) ? "good" : "danger"}"><div><p class="over">slipway probe of ${html(service)}, ${time(report.startedAt)} to ${time(report.endedAt)} UTC</p>
<h1>${html(verdict(report))}</h1>
<p class="lead">${number(acknowledged)} writes were acknowledged, and read back from the app ${number(readBack)} times.</p></div></header>
<main>
<ul class="cards short">${cards.join("")}</ul>
${parts.filter((part) => part !== "").join("\n")}
<footer>Created by <code>slipway probe</code>. A write is lost if the app acknowledged it and does not have it in the end. A probe does not see the writes of other clients.</footer>
</main>`,
  });
}

export function verdict({ failed, stale, lost }: Pick<ProbeReport, "failed" | "stale" | "lost">): string {
  if (lost.length > 0) return `${lost.length} acknowledged ${lost.length === 1 ? "write was" : "writes were"} lost`;
  if (stale.length > 0) return `No write was lost, ${stale.length} stale ${stale.length === 1 ? "answer" : "answers"}`;
  return failed === 0
    ? "No request failed, no write was lost"
    : `No write was lost, ${failed} ${failed === 1 ? "request" : "requests"} failed`;
}

export const isGood = ({ failed, stale, lost }: Pick<ProbeReport, "failed" | "stale" | "lost">): boolean =>
  failed === 0 && stale.length === 0 && lost.length === 0;

const card = (isAsWanted: boolean | undefined, figure: string, words: string): string =>
  `<li class="${isAsWanted === undefined ? "" : isAsWanted ? "good" : "danger"}"><strong>${html(figure)}</strong><p>${html(words)}</p></li>`;

/** Bars of successful requests upwards, and of failed ones from the top, over the whole time. */
function timeline({ seconds, events, startedAt }: ProbeReport): string {
  const bars = barsOf(seconds, MOST_BARS);
  const most = Math.max(1, ...bars.map(({ reads, writes, failed }) => reads + writes + failed));
  const total = Math.max(1, seconds.length);
  const marks = events.map(({ at, title }) => ({
    at,
    title,
    second: Math.min(total, Math.max(0, (Date.parse(at) - Date.parse(startedAt)) / 1000)),
  }));
  const [first] = bars;
  return `<h2>Timeline <small>${first === undefined ? "no second has passed" : `a bar is ${first.seconds} s; the tallest has ${number(most)} requests`}</small></h2>
<figure><svg viewBox="0 0 ${total} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${html(describe(bars))}">${bars.map((bar) => drawBar(bar, most)).join("")}${marks
    .map(({ second }) => `<line x1="${second.toFixed(2)}" x2="${second.toFixed(2)}" y1="0" y2="${HEIGHT}" class="event"/>`)
    .join("")}</svg>
<div class="axis"><span>0 s</span><span>${number(Math.round(total / 2))} s</span><span>${number(total)} s</span></div>
<figcaption><span class="key ok"></span> succeeded <span class="key failed"></span> failed${marks.length === 0 ? "" : ' <span class="key event"></span> event'}</figcaption></figure>
${
  marks.length === 0
    ? ""
    : `<ul class="events">${marks.map(({ second, title }) => `<li><span class="number">${second.toFixed(1)} s</span> ${html(title)}</li>`).join("")}</ul>`
}`;
}

function drawBar({ from, seconds, reads, writes, failed }: ProbeBar, most: number): string {
  const height = (count: number) => (count * HEIGHT) / most;
  const rect = (kind: string, y: number, tall: number) =>
    tall === 0 ? "" : `<rect x="${from}" width="${seconds}" y="${y.toFixed(2)}" height="${tall.toFixed(2)}" class="${kind}"/>`;
  const ok = height(reads + writes);
  // One failure among thousands has to be seen.
  const bad = failed === 0 ? 0 : Math.max(6, height(failed));
  return rect("ok", HEIGHT - ok, ok) + rect("failed", Math.max(0, HEIGHT - ok - bad), bad);
}

function describe(bars: readonly ProbeBar[]): string {
  const broken = bars.filter(({ failed }) => failed > 0);
  return broken.length === 0 ? "Every request succeeded." : `Requests failed at ${broken.map(({ from }) => `${from} s`).join(", ")}.`;
}

const findings = (title: string, all: readonly ProbeFinding[]): string =>
  table(
    title,
    ["time", "row", "found"],
    all.map(({ at, row, found }) => [time(at), row, found]),
  );

function table(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const shown = rows.slice(0, MOST_ROWS);
  const more = rows.length === shown.length ? "" : `<p class="soft">and ${number(rows.length - shown.length)} more</p>`;
  return `<h2>${html(title)} <small>${number(rows.length)}</small></h2><div class="wide"><table><thead><tr>${heads.map((head) => `<th scope="col">${html(head)}</th>`).join("")}</tr></thead><tbody>${shown
    .map((row) => `<tr>${row.map((cell) => `<td>${html(cell)}</td>`).join("")}</tr>`)
    .join("")}</tbody></table></div>${more}`;
}

const number = (value: number): string => value.toLocaleString("en-US");
const time = (at: string): string => html(at.slice(0, 19).replace("T", " "));

const STYLE = `
figure { margin: .5rem 0 1rem } figure svg { display: block; width: 100%; height: 9rem; background: var(--sunk); border: 1px solid var(--line); border-radius: .4rem }
svg rect { stroke: none } svg .ok { fill: var(--good) } svg .failed { fill: var(--danger) } svg .event { stroke: var(--ink); stroke-width: 2; vector-effect: non-scaling-stroke; stroke-dasharray: 4 3 }
.axis { display: flex; justify-content: space-between; font-size: .8125rem; color: var(--soft); font-variant-numeric: tabular-nums } figcaption { font-size: .875rem; color: var(--soft); margin-top: .3rem }
.key { display: inline-block; width: .8em; height: .8em; border-radius: .15em; margin-left: .6em } .key:first-child { margin-left: 0 } .key.ok { background: var(--good) } .key.failed { background: var(--danger) } .key.event { width: 0; border-left: 2px dashed var(--ink); border-radius: 0 }
.events li { padding: .15rem 0 } .events .number { display: inline-block; min-width: 5rem; color: var(--soft); text-align: left }
`;
