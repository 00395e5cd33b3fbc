/** A review as one page for whoever wants to see all of it: a file without a script, readable offline, on a phone and on paper. */

import { type Mark, marksOf } from "../diagram/marks.ts";
import { drawing } from "../diagram/svg.ts";
import { cut, html, htmlLines } from "../escape.ts";
import type { Picture, Review, StackReview } from "../review.ts";
import { byRisk, changed, costs, counted, counts, difference, dollars, FAILURES, isQuiet, shortCommit, VERDICTS } from "../words.ts";
import { badge, codeTag, filters, group, page } from "./page.ts";
import { costTable, type Item, partsOf } from "./review-parts.ts";

/** Of a page that a hostile change could make endless. */
const MOST_STACKS = 50;
const MOST_SYSTEMS = 12;

export async function reviewHtml(review: Review): Promise<string> {
  const stacks = byRisk(review.stacks);
  const shown = stacks.slice(0, MOST_STACKS);
  const systems = systemsOf(shown).slice(0, MOST_SYSTEMS);
  const sections = await Promise.all(shown.map((stack, index) => section(stack, index, systems)));
  const more = stacks.length > MOST_STACKS ? `<p>${counted(stacks.length - MOST_STACKS, "more stack")} stand in the JSON.</p>` : "";
  return page({
    title: `${VERDICTS[review.risk]}: ${review.project}`,
    style: filterStyle(shown.length, systems.length),
    body: `<a class="skip" href="#stacks">To the changes</a>
${top(review, stacks)}
<main id="stacks">
<ul class="cards">${shown.map(card).join("")}</ul>
${isQuiet(review) ? "" : filtersOf(shown, systems)}
${sections.join("\n")}${more}
<footer>Made by <code>slipway preview</code> from the program alone. Values of secrets are not in this file, only whether they change.</footer>
</main>`,
  });
}

function top({ project, base, head, risk }: Review, stacks: readonly StackReview[]): string {
  const failed = stacks.find(({ failure }) => failure !== undefined);
  const [worst] = byRisk(stacks.flatMap(({ reasons }) => reasons));
  const told = [...(failed ? [`${failed.stack} cannot be planned.`] : []), ...(worst ? [worst.text] : [])];
  const dirty = head.dirty ? ", with changes that are in no commit" : "";
  return `<header class="top ${risk}"><div><p class="over">slipway preview of ${html(project)}</p>
<h1>${VERDICTS[risk]}</h1>
${told.map((text) => `<p class="lead">${html(cut(text, 400))}</p>`).join("")}
<p class="soft">${codeTag(base.ref)} ${codeTag(shortCommit(base.commit))} → ${codeTag(head.ref)} ${codeTag(shortCommit(head.commit))}${dirty}</p></div></header>`;
}

function card(stack: StackReview, index: number): string {
  const words = counts(stack).map(({ word, count }) => `${count} ${word}`);
  const sql = stack.migrations.length === 0 ? [] : [counted(stack.migrations.length, "SQL file")];
  const { before, after } = stack.cost;
  const money = costs(stack.cost) ? `<p class="soft">${dollars(after)} USD a month (${difference(before, after)})</p>` : "";
  const told = stack.failure ? "cannot be planned" : [...words, ...sql].join(", ") || "nothing changes";
  return `<li class="${stack.risk}"><strong><a href="#stack-${index}">${html(stack.stack)}</a></strong> ${badge(stack.risk, VERDICTS[stack.risk])}<p>${html(told)}</p>${money}</li>`;
}

async function section(stack: StackReview, index: number, systems: readonly string[]): Promise<string> {
  const { failure, reasons, placeholders } = stack;
  const parts = partsOf(stack).map(({ title, items }) => {
    const list = items.map((item) => listed(item, systems)).join("\n");
    return `<section class="part"><h3>${title} <small>${items.length}</small></h3><ul class="items">${list}</ul></section>`;
  });
  const standIns =
    placeholders.length === 0
      ? ""
      : `<h3>Values that are only stand-ins here</h3><p class="soft">${placeholders.slice(0, 200).map(codeTag).join(", ")}</p>`;
  const inner = failure
    ? `<p>${FAILURES[failure.side]}</p><pre>${htmlLines(failure.message, 8000)}</pre>`
    : [reasonList(reasons), ...parts, await picture(stack), costTable(stack), standIns].filter((one) => one !== "").join("\n");
  return `<section class="stack stack-${index}" id="stack-${index}">
<h2>${html(stack.stack)} ${badge(stack.risk, VERDICTS[stack.risk])}</h2>
${inner === "" ? "<p>Nothing changes.</p>" : inner}</section>`;
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

async function picture(stack: StackReview): Promise<string> {
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
  const svg = await drawing(boxes, edges, `What stands on ${stack.stack}; the same in words follows`);
  if (svg === "") return "";
  return `<h3>Picture <small>what stands, and what of it changes</small></h3>
<div class="wide drawing" role="group" aria-label="Picture of ${html(stack.stack)}" tabindex="0">${svg}</div>
<details><summary>The same in words</summary><ul>${inWords(stack.picture, marks)}</ul></details>`;
}

function inWords({ nodes, edges }: Picture, marks: ReadonlyMap<string, Mark>): string {
  const names = new Map(nodes.map(({ urn, kind, name }) => [urn, `${kind} ${codeTag(name)}`]));
  return nodes
    .map(({ urn, lines }) => {
      const change = marks.get(urn)?.change;
      const goals = edges.filter(({ from }) => from === urn).flatMap(({ to }) => names.get(to) ?? []);
      const told = [...lines.map(html), ...(goals.length === 0 ? [] : [`leads to ${goals.join(", ")}`])].join("; ");
      return `<li>${names.get(urn)}${change === undefined ? "" : ` (${html(change)})`}${told === "" ? "" : `: ${told}`}</li>`;
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

/** Items that do not answer are hidden, and parts in which none does. */
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
