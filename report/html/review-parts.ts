/** The sections of one stack on the HTML page: each change is an item that filters can hide. */

import { cut, html, htmlLines } from "../escape.ts";
import type { FieldChange, ResourceChange, Risk, Shown, StackReview } from "../review.ts";
import {
  byRisk,
  changed,
  costs,
  counted,
  difference,
  dollars,
  isLoss,
  isSecretChange,
  kindOf,
  monthly,
  nameOf,
  priced,
  restartWords,
  shownWords,
  VERDICTS,
} from "../words.ts";
import { at, badge, codeTag, tag } from "./page.ts";

/** A change, with what filters select it by. */
export interface Item {
  readonly risk: Risk;
  readonly system?: string | undefined;
  readonly inner: string;
}

interface Part {
  readonly title: string;
  readonly items: readonly Item[];
}

export function partsOf(stack: StackReview): Part[] {
  const all = byRisk(changed(stack));
  return [
    { title: "Replaced and deleted", items: all.filter(isLoss).map(resource) },
    { title: "Firewalls", items: byRisk(stack.firewalls).map(firewall) },
    { title: "Secrets", items: byRisk(stack.secrets).map(secret) },
    { title: "SQL", items: byRisk(stack.migrations).map(migration) },
    { title: "Differences from Pulumi's preview", items: byRisk(stack.engine?.contradictions ?? []).map(contradiction) },
    { title: "Changes of apps that Pulumi plans", items: (stack.engine?.apps ?? []).map(appChange) },
    { title: "Policies", items: (stack.engine?.policies ?? []).map(policy) },
    { title: "Keyspaces", items: byRisk(stack.keyspaces).map(keyspace) },
    { title: "Restarts", items: stack.restarts.map(restart) },
    { title: "Other changes", items: all.filter((one) => !isLoss(one)).map(resource) },
    { title: "Messages of the program", items: stack.messages.map(message) },
  ].filter(({ items }) => items.length > 0);
}

const head = (...inner: readonly string[]): string => tag("span", "head", inner.filter((one) => one !== "").join(" "));
const paragraph = (text: string | undefined): string => (text === undefined ? "" : tag("p", "", html(cut(text, 1000))));
const riskBadge = (risk: Risk): string => (risk === "danger" || risk === "care" ? badge(risk, VERDICTS[risk]) : "");

const MOST_FIELDS = 200;
const MOST_LETTERS = 4000;

function resource({ change, name, type, note, fields, formerUrn, source, risk, system }: ResourceChange): Item {
  const kind = risk === "danger" || risk === "care" ? risk : "routine";
  const was = formerUrn === undefined ? "" : `was ${codeTag(nameOf(formerUrn))}`;
  const top = head(badge(kind, change), codeTag(name), tag("span", "soft", html(kindOf(type))), was, at(source));
  if (fields.length === 0) return { risk, system, inner: `${top}${paragraph(note)}` };
  const more = fields.length > MOST_FIELDS ? tag("li", "soft", counted(fields.length - MOST_FIELDS, "more field")) : "";
  const list = tag("ul", "fields", `${fields.slice(0, MOST_FIELDS).map(field).join("")}${more}`);
  return {
    risk,
    system,
    inner: `<details${isLoss({ change, risk }) || risk === "danger" ? " open" : ""}><summary>${top}</summary>${paragraph(note)}${list}</details>`,
  };
}

function field({ path, before, after, replaces }: FieldChange): string {
  const title = `${codeTag(path)}${replaces ? " <b>replaces it</b>" : ""}`;
  if (before.kind === "secret" && after.kind === "secret") return tag("li", "", `${title}<ins>changed secret</ins>`);
  if (before.kind === "unknown" && after.kind === "unknown") return tag("li", "", `${title}<ins>known after the deployment</ins>`);
  return tag("li", "", `${title}${side("del", before)}${side("ins", after)}`);
}

const side = (name: "del" | "ins", shown: Shown): string =>
  shown.kind === "absent" ? "" : tag(name, "", htmlLines(shownWords(shown), MOST_LETTERS));

const firewall = ({ cluster, change, rule, note, risk }: StackReview["firewalls"][number]): Item => ({
  risk,
  inner: `${head(riskBadge(risk), codeTag(cluster), html(change), codeTag(rule))}${paragraph(note)}`,
});

function secret({ secret, change, before, after, note, source, risk }: StackReview["secrets"][number]): Item {
  const way = `${before === undefined ? "" : tag("del", "", html(before))}${after === undefined ? "" : tag("ins", "", html(after))}`;
  return { risk, inner: `${head(riskBadge(risk), codeTag(secret), html(change), at(source))}${paragraph(note)}${way}` };
}

function migration({
  system,
  file,
  change,
  reversible,
  transactional,
  locks,
  findings,
  note,
  risk,
}: StackReview["migrations"][number]): Item {
  const traits = [change, ...(reversible ? [] : ["not reversible"]), ...(transactional ? [] : ["not transactional"])].join(", ");
  const lines = [
    ...locks.map(
      ({ mode, table, rewrites, line }) =>
        `${html(mode)} on ${codeTag(table)}${rewrites ? ", <b>rewrites the table</b>" : ""} ${tag("span", "soft", `line ${line}`)}`,
    ),
    ...findings.map(
      ({ rule, severity, message, fix, line }) =>
        `${badge(severity, severity)} ${html(message)}${fix === undefined ? "" : ` ${html(fix)}`} ${tag("span", "soft", html(`${rule}, line ${line}`))}`,
    ),
  ];
  const list = lines.length === 0 ? "" : tag("ul", "fields", lines.map((line) => tag("li", "", line)).join(""));
  return { risk, system, inner: `${head(riskBadge(risk), codeTag(`${system}/${file}`), html(traits))}${paragraph(note)}${list}` };
}

const keyspace = ({ system, keyspace, store, kind, name, change, detail, risk }: StackReview["keyspaces"][number]): Item => ({
  risk,
  system,
  inner: `${head(riskBadge(risk), codeTag(`${system}/${keyspace}`), `in ${codeTag(store)}`, kind === "keyspace" ? "" : `${html(kind)} ${codeTag(name)}`, html(change))}${paragraph(detail)}`,
});

type Engine = NonNullable<StackReview["engine"]>;

const contradiction = ({ urn, ours, engines, meaning, risk }: Engine["contradictions"][number]): Item => ({
  risk,
  inner: `${head(riskBadge(risk), codeTag(nameOf(urn)), `planned ${codeTag(ours)}, Pulumi plans ${codeTag(engines)}`)}${paragraph(meaning)}`,
});

function appChange({ app, part, fact, before, after }: NonNullable<Engine["apps"]>[number]): Item {
  const value = (text: string) => (text === "" ? "empty" : codeTag(cut(text, 1000)));
  const what = isSecretChange({ before, after })
    ? "secret changes"
    : before === undefined
      ? `added ${value(after ?? "")}`
      : after === undefined
        ? `removed, was ${value(before)}`
        : `${value(before)} → ${value(after)}`;
  return { risk: "routine", inner: head(codeTag(app), part === "" ? "" : codeTag(part), codeTag(fact), what) };
}

const policy = ({ policy, level, urn, message }: Engine["policies"][number]): Item => ({
  risk: level === "mandatory" ? "danger" : "care",
  inner: `${head(badge(level === "mandatory" ? "danger" : "care", level), codeTag(policy), urn === undefined ? "" : codeTag(nameOf(urn)))}${paragraph(message)}`,
});

const restart = ({ app, component, kind, why }: StackReview["restarts"][number]): Item => ({
  risk: "routine",
  inner: `${head(codeTag(app), codeTag(component), restartWords[kind])}${paragraph(why)}`,
});

const message = ({ severity, text }: StackReview["messages"][number]): Item => ({
  risk: severity === "error" ? "danger" : severity === "warning" ? "care" : "none",
  inner: `${head(badge(severity, severity))}${paragraph(text)}`,
});

const MOST_COSTS = 300;

export function costTable({ cost }: StackReview): string {
  if (cost.lines.length === 0) return "";
  const rows = cost.lines
    .slice(0, MOST_COSTS)
    .map(
      ({ resource, what, before, after }) =>
        `<tr><td>${codeTag(resource)}</td><td>${html(what)}</td><td class="number">${priced(before)}</td><td class="number">${priced(after)}</td></tr>`,
    );
  const sum = `<tr><td>Total of priced lines</td><td></td><td class="number">${dollars(cost.before)}</td><td class="number">${monthly(cost)}${costs(cost) ? `<small>${difference(cost.before, cost.after)}</small>` : ""}</td></tr>`;
  const unpriced =
    cost.unpriced.length === 0
      ? ""
      : `<p class="soft">Unpriced, and not in the total: ${cost.unpriced.slice(0, MOST_COSTS).map(codeTag).join(", ")}.</p>`;
  return `<h3>Cost <small>list prices in USD a month, as of ${html(cost.asOf)}</small></h3>
<div class="wide" role="group" aria-label="Cost" tabindex="0"><table class="costs"><thead><tr><th>Resource</th><th>What</th><th class="number">Before</th><th class="number">After</th></tr></thead>
<tbody>${rows.join("")}</tbody><tfoot>${sum}</tfoot></table></div>${unpriced}`;
}
