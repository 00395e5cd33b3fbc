/** An audit as one HTML page: findings with the path of each secret, then the proofs. */
import { type Audit, type Finding, type Proof, SEVERITIES, type Severity, type Station, type Suppressed } from "../audit.ts";
import { type Box, drawDiagram, type Edge, MOST_BOXES } from "../diagram/svg.ts";
import { cut, html, htmlLines } from "../escape.ts";
import { counted } from "../words.ts";
import { at, badge, codeTag, filters, group, page } from "./page.ts";

export async function auditHtml(audit: Audit): Promise<string> {
  const { stack, findings, suppressed, proofs, declared, notes } = audit;
  const seen = proofs.filter(({ strength }) => strength === "seen").length;
  const parts = [
    part("Findings", findings.map(findingItem)),
    proofs.length === 0 ? "" : `<h2>Readers <small>of every proved secret</small></h2>${await readersDiagram(proofs)}`,
    part("Proofs", proofs.map(proofItem), seen === 0 ? "" : `${seen} verified at run time (seen), the others by static trace (wired)`),
    part("Suppressed", suppressed.map(suppressedItem), "not counted until their last day"),
    part(
      "Not checked",
      notes.map((note) => `<li class="item">${html(cut(note, 2000))}</li>`),
    ),
  ];
  return page({
    title: `${verdict(audit)}: ${stack}`,
    style: FILTER,
    body: `<a class="skip" href="#findings">To the findings</a>
${top(audit)}
<main id="findings">
<ul class="cards short">${SEVERITIES.map((severity) => card(severity, findings)).join("")}<li class="${countUnproved(audit) === 0 ? "good" : "care"}"><strong>${proofs.length} of ${declared.length}</strong><p>secrets proved</p></li></ul>
${findings.length > 0 && proofs.length > 0 ? FILTERS : ""}
${parts.filter((one) => one !== "").join("\n")}
<footer>Created by <code>slipway audit</code> with canaries in place of secrets. This file contains no secret.</footer>
</main>`,
  });
}

const countUnproved = ({ declared, proofs }: Audit): number => {
  const proved = new Set(proofs.map(({ secret }) => secret));
  return declared.filter((secret) => !proved.has(secret)).length;
};

function verdict(audit: Audit): string {
  if (audit.failure !== undefined) return "Program failed";
  if (audit.findings.length > 0) return counted(audit.findings.length, "finding");
  return countUnproved(audit) === 0 ? "Every secret is proved" : `${counted(countUnproved(audit), "secret")} not proved`;
}

function top(audit: Audit): string {
  const { stack, failure, findings, proofs, declared } = audit;
  const [worst] = findings;
  const kind = failure === undefined ? (worst?.severity ?? (countUnproved(audit) === 0 ? "good" : "medium")) : "critical";
  const lead = worst?.message ?? `${proofs.length} of ${declared.length} declared secrets were traced from their origin to every reader.`;
  return `<header class="top ${kind}"><div><p class="over">slipway audit of stack ${html(stack)}</p>
<h1>${html(verdict(audit))}</h1>
<p class="lead">${html(cut(failure === undefined ? lead : "The program failed, so nothing is proved.", 400))}</p>${
    failure === undefined ? "" : `<pre>${htmlLines(failure, 8000)}</pre>`
  }</div></header>`;
}

function card(severity: Severity, findings: readonly Finding[]): string {
  const count = findings.filter((finding) => finding.severity === severity).length;
  const kind = count === 0 ? "" : severity === "medium" ? "care" : severity === "low" ? "routine" : "danger";
  return `<li${kind === "" ? "" : ` class="${kind}"`}><strong>${count}</strong><p>${severity}</p></li>`;
}

const part = (title: string, items: readonly string[], more = ""): string =>
  items.length === 0
    ? ""
    : `<section class="part"><h2>${title} <small>${items.length}${more === "" ? "" : `, ${more}`}</small></h2><ul class="items">${items.join("\n")}</ul></section>`;

const findingItem = ({ rule, severity, message, secret, source, flow, fix }: Finding): string =>
  `<li class="item finding ${severity}"><span class="head">${badge(severity, severity)} ${codeTag(rule)} ${secret === undefined ? "" : codeTag(secret)} ${at(source)}</span>
<p>${html(cut(message, 2000))}</p>${flow.length > 1 ? path(flow, "way leak") : ""}<p><b>Fix:</b> ${html(cut(fix, 2000))}</p></li>`;

const proofItem = ({ secret, flow, strength }: Proof): string =>
  `<li class="item proof"><details><summary><span class="head">${badge(strengthKind(strength), strength)} ${codeTag(secret)} <span class="soft">${html(readersOf(flow).join(", "))}</span></span></summary>${path(flow, "way")}</details></li>`;

const strengthKind = (strength: Proof["strength"]): string => (strength === "seen" ? "good" : "routine");

const suppressedItem = ({ finding, reason, until }: Suppressed): string =>
  `<li class="item finding"><span class="head">${badge("none", finding.severity)} ${codeTag(finding.rule)} <span class="soft">until ${html(until)}</span></span><p>${html(cut(finding.message, 2000))}</p><p><b>Reason:</b> ${html(cut(reason, 2000))}</p></li>`;

function path(flow: readonly Station[], kind: string): string {
  const steps = flow.map(({ what, path, source }) => {
    const where = [
      ...(path === undefined ? [] : [codeTag(path)]),
      ...(source === undefined ? [] : [codeTag(`${source.file}:${source.line}`)]),
    ];
    return `<li>${html(cut(what, 1000))}${where.length === 0 ? "" : `<small>${where.join(" · ")}</small>`}</li>`;
  });
  return `<ol class="${kind}">${steps.join("")}</ol>`;
}

/** The processes at the end of the path: steps without a resource and a place in one. */
function readersOf(flow: readonly Station[]): string[] {
  const ends = flow.filter(({ urn, path }, index) => index > 0 && urn === undefined && path === undefined).map(({ what }) => what);
  const all = ends.length > 0 ? ends : flow.slice(-1).map(({ what }) => what);
  return [...new Set(all.map((what) => what.replace(/^the process of /, "")))];
}

async function readersDiagram(proofs: readonly Proof[]): Promise<string> {
  const edges: Edge[] = proofs.flatMap(({ secret, flow }) =>
    readersOf(flow).map((reader) => ({ from: `secret ${secret}`, to: `reader ${reader}` })),
  );
  const readers = [...new Set(edges.map(({ to }) => to))];
  const boxes: Box[] = [
    ...proofs.map(({ secret, strength }) => ({
      id: `secret ${secret}`,
      name: secret,
      mark: { word: "", kind: strengthKind(strength) },
    })),
    ...readers.map((reader) => ({ id: reader, name: reader.slice("reader ".length) })),
  ];
  const svg = await drawDiagram(boxes, edges, "Secrets on the left, their readers on the right; the proofs below contain the same as text");
  if (svg === "")
    return `<p class="soft">Not drawn, because there are more than ${MOST_BOXES} boxes. The proofs contain the same as text.</p>`;
  return `<div class="wide drawing" role="group" aria-label="Readers" tabindex="0">${svg}</div>
<p class="soft">Green (seen): verified at run time, by a process that reported its fingerprint. Blue (wired): verified by static trace of the plan.</p>`;
}

const FILTERS = filters([
  group("show", "Show", [
    ["all", "everything"],
    ["findings", "findings only"],
    ["proofs", "proofs only"],
  ]),
]);

const FILTER = ["finding", "proof"]
  .map((kind) => `@media screen { body:has(#show-${kind}s:checked) .part:not(:has(.${kind})) { display: none } }`)
  .join("\n");
