/** A review as one HTML page without scripts, readable offline, on small screens and on paper. */

import { type Mark, marksOf } from "../diagram/mermaid.ts";
import { drawDiagram } from "../diagram/svg.ts";
import { cut, html, htmlLines } from "../escape.ts";
import type { Picture, Review, StackReview } from "../review.ts";
import { byRisk, changed, costs, counted, counts, difference, FAILURES, isQuiet, monthly, shortCommit, VERDICTS } from "../words.ts";
import { badge, codeTag, filters, group, page } from "./page.ts";
import { costTable, type Item, partsOf } from "./review-parts.ts";

/** Limits, so that a malicious change cannot make the page endless. */
const MOST_STACKS = 50;
const MOST_SYSTEMS = 12;

export async function reviewHtml(review: Review): Promise<string> {
  const stacks = byRisk(review.stacks);
  const shown = stacks.slice(0, MOST_STACKS);
  const systems = systemsOf(shown).slice(0, MOST_SYSTEMS);
  const sections = await Promise.all(shown.map((stack, index) => section(stack, index, systems)));
  const more =
    stacks.length > MOST_STACKS
      ? `<p>Not shown: ${counted(stacks.length - MOST_STACKS, "more stack")}. The JSON contains all of them.</p>`
      : "";
  return page({
    title: `${VERDICTS[review.risk]}: ${review.project}`,
    style: filterStyle(shown.length, systems.length),
    body: `<a class="skip" href="#stacks">To the changes</a>
${top(review, stacks)}
<main id="stacks">
<ul class="cards">${shown.map(card).join("")}</ul>
${isQuiet(review) ? "" : filtersOf(shown, systems)}
${sections.join("\n")}${more}
<footer>Created by <code>slipway preview</code> from the program alone. This file contains no secrets, only which of them change.</footer>
</main>`,
  });
}

function top({ project, base, head, risk }: Review, stacks: readonly StackReview[]): string {
  const failed = stacks.find(({ failure }) => failure !== undefined);
  const [worst] = byRisk(stacks.flatMap(({ reasons }) => reasons));
  const lead = [...(failed ? [`${failed.stack} cannot be planned.`] : []), ...(worst ? [worst.text] : [])];
  const dirty = head.dirty ? ", with uncommitted changes" : "";
  return `<header class="top ${risk}"><div><p class="over">slipway preview of ${html(project)}</p>
<h1>${VERDICTS[risk]}</h1>
${lead.map((text) => `<p class="lead">${html(cut(text, 400))}</p>`).join("")}
<p class="soft">${codeTag(base.ref)} ${codeTag(shortCommit(base.commit))} → ${codeTag(head.ref)} ${codeTag(shortCommit(head.commit))}${dirty}</p></div></header>`;
}

function card(stack: StackReview, index: number): string {
  const words = counts(stack).map(({ word, count }) => `${count} ${word}`);
  const sql = stack.migrations.length === 0 ? [] : [counted(stack.migrations.length, "SQL file")];
  const { before, after } = stack.cost;
  const money = costs(stack.cost) ? `<p class="soft">${monthly(stack.cost)} USD a month (${difference(before, after)})</p>` : "";
  const summary = stack.failure ? "cannot be planned" : [...words, ...sql].join(", ") || "no changes";
  return `<li class="${stack.risk}"><strong><a href="#stack-${index}">${html(stack.stack)}</a></strong> ${badge(stack.risk, VERDICTS[stack.risk])}<p>${html(summary)}</p>${money}</li>`;
}

async function section(stack: StackReview, index: number, systems: readonly string[]): Promise<string> {
  const { failure, reasons, placeholders } = stack;
  const parts = partsOf(stack).map(({ title, items }) => {
    const list = items.map((item) => listed(item, systems)).join("\n");
    return `<section class="part"><h3>${title} <small>${items.length}</small></h3><ul class="items">${list}</ul></section>`;
  });
  const placeholderList =
    placeholders.length === 0 ? "" : `<h3>Placeholders</h3><p class="soft">${placeholders.slice(0, 200).map(codeTag).join(", ")}</p>`;
  const inner = failure
    ? `<p>${FAILURES[failure.side]}</p><pre>${htmlLines(failure.message, 8000)}</pre>`
    : [reasonList(reasons), ...parts, await diagram(stack), costTable(stack), placeholderList].filter((one) => one !== "").join("\n");
  return `<section class="stack stack-${index}" id="stack-${index}">
<h2>${html(stack.stack)} ${badge(stack.risk, VERDICTS[stack.risk])}</h2>
${inner === "" ? "<p>No changes.</p>" : inner}</section>`;
}

const reasonList = (reasons: StackReview["reasons"]): string =>
  reasons.length === 0
    ? ""
    : `<ul class="reasons">${byRisk(reasons)
        .map((reason) => `<li>${badge(reason.risk, VERDICTS[reason.risk])}<span>${html(cut(reason.text, 1000))}</span></li>`)
        .join("")}</ul>`;

function listed({ risk, system, inner }: Item, systems: readonly string[]): string {
  const number = system === undefined ? -1 : systems.indexOf(system);
  return `<li class="item ${risk}${number < 0 ? "" : ` system-${number}`}">${inner}</li>`;
}

async function diagram(stack: StackReview): Promise<string> {
  if (!stack.picture) return "";
  const { nodes, edges } = stack.picture;
  const marks = marksOf(stack);
  const boxes = nodes.map(({ urn, kind, name, lines, system }) => {
    const mark = marks.get(urn);
    return {
      id: urn,
      caption: system === undefined ? kind : `${kind} of ${system}`,
      name,
      lines,
      ...(mark && { mark: { word: mark.change, kind: mark.risk === "none" ? "routine" : mark.risk } }),
    };
  });
  const svg = await drawDiagram(boxes, edges, `Resources of ${stack.stack}; the list below contains the same as text`);
  if (svg === "") return "";
  return `<h3>Diagram <small>resources, with their changes</small></h3>
<div class="wide drawing" role="group" aria-label="Diagram of ${html(stack.stack)}" tabindex="0">${svg}</div>
<details><summary>The same as text</summary><ul>${asText(stack.picture, marks)}</ul></details>`;
}

function asText({ nodes, edges }: Picture, marks: ReadonlyMap<string, Mark>): string {
  const names = new Map(nodes.map(({ urn, kind, name }) => [urn, `${kind} ${codeTag(name)}`]));
  return nodes
    .map(({ urn, lines }) => {
      const change = marks.get(urn)?.change;
      const targets = edges.filter(({ from }) => from === urn).flatMap(({ to }) => names.get(to) ?? []);
      const details = [...lines.map(html), ...(targets.length === 0 ? [] : [`connects to ${targets.join(", ")}`])].join("; ");
      return `<li>${names.get(urn)}${change === undefined ? "" : ` (${html(change)})`}${details === "" ? "" : `: ${details}`}</li>`;
    })
    .join("");
}

const systemsOf = (stacks: readonly StackReview[]): string[] =>
  [
    ...new Set(
      stacks.flatMap((stack) => [...changed(stack), ...stack.migrations, ...stack.keyspaces].flatMap(({ system }) => system ?? [])),
    ),
  ].sort();

const RISKS_SHOWN = [
  ["all", "everything"],
  ["care", "care and danger"],
  ["danger", "danger only"],
] as const;

function filtersOf(stacks: readonly StackReview[], systems: readonly string[]): string {
  return filters([
    group("risk", "Show", RISKS_SHOWN),
    ...(stacks.length > 1
      ? [group("on", "on", [["all", "every stack"], ...stacks.map(({ stack }, index) => [String(index), cut(stack, 40)] as const)])]
      : []),
    ...(systems.length > 1
      ? [group("of", "of", [["all", "every system"], ...systems.map((system, index) => [String(index), cut(system, 40)] as const)])]
      : []),
  ]);
}

/** Hides the items that a filter excludes, and parts without items. */
function filterStyle(stacks: number, systems: number): string {
  const risks: Readonly<Record<string, string>> = { "risk-care": ":is(.danger, .care)", "risk-danger": ".danger" };
  const ofSystem = Array.from({ length: systems }, (_, index) => [`of-${index}`, `.system-${index}`] as const);
  const one = [...Object.entries(risks), ...ofSystem].map(([id, kept]) => hides([id], kept));
  const both = Object.entries(risks).flatMap(([id, kept]) => ofSystem.map(([other, also]) => hides([id, other], `${kept}${also}`)));
  const ofStack = Array.from(
    { length: stacks },
    (_, index) => `body:has(#on-${index}:checked) .stack:not(.stack-${index}) { display: none }`,
  );
  return `@media screen { ${[...one, ...both, ...ofStack].join("\n")} }`;
}

function hides(ids: readonly string[], kept: string): string {
  const chosen = `body${ids.map((id) => `:has(#${id}:checked)`).join("")}`;
  return `${chosen} .item:not(${kept}), ${chosen} .part:not(:has(.item${kept})) { display: none }`;
}
