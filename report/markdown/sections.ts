/** The sections of one stack in Markdown, most important first: losses, firewalls, secrets, locks, then the rest. */

import { marksOf, mermaid, touched } from "../diagram/mermaid.ts";
import { code, cut, fenced, prose } from "../escape.ts";
import type { FieldChange, ResourceChange, StackReview } from "../review.ts";
import {
  byRisk,
  changed,
  costs,
  counted,
  difference,
  dollars,
  FAILURES,
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
import type { Block } from "./truncate.ts";

export function blocksOf(stack: StackReview): Block[] {
  const { picture } = stack;
  const marks = marksOf(stack);
  const all = byRisk(changed(stack));
  return [
    failure(stack),
    list(2, "Replaced and deleted", ["replaced or deleted resource", "replaced or deleted resources"], all.filter(isLoss).map(resource)),
    list(3, "Firewalls", ["firewall rule", "firewall rules"], byRisk(stack.firewalls).map(firewall)),
    list(4, "Secrets", ["secret", "secrets"], byRisk(stack.secrets).map(secret)),
    list(5, "SQL", ["SQL file", "SQL files"], byRisk(stack.migrations).map(migration)),
    list(
      6,
      "Differences from Pulumi's preview",
      ["contradiction", "contradictions"],
      byRisk(stack.engine?.contradictions ?? []).map(contradiction),
    ),
    list(7, "Changes of apps that Pulumi plans", ["change of an app", "changes of apps"], (stack.engine?.apps ?? []).map(appChange)),
    list(7, "Policies", ["policy result", "policy results"], (stack.engine?.policies ?? []).map(policy)),
    list(8, "Keyspaces", ["keyspace change", "keyspace changes"], byRisk(stack.keyspaces).map(keyspace)),
    list(9, "Restarts", ["restart", "restarts"], restarts(stack)),
    folded(12, "Cost", ["cost line", "cost lines"], costRows(stack), (rows) => [...COST_HEAD, ...rows, ...unpriced(stack)].join("\n")),
    folded(13, "Diagram", ["diagram", "diagrams"], picture ? [mermaid(touched(picture, marks), marks)].filter((text) => text !== "") : []),
    folded(14, "Other changes", ["other change", "other changes"], all.filter((one) => !isLoss(one)).map(resource)),
    folded(
      10,
      "Messages of the program",
      ["message", "messages"],
      stack.messages.map(({ severity, text }) => `- ${severity}: ${prose(text)}`),
      tight,
    ),
    folded(
      11,
      "Placeholders",
      ["placeholder", "placeholders"],
      stack.placeholders.map((key) => `- ${code(key)}`),
      tight,
    ),
  ].filter(({ pieces }) => pieces.length > 0);
}

type Noun = Block["noun"];
const tight = (pieces: readonly string[]): string => pieces.join("\n");
const loose = (pieces: readonly string[]): string => pieces.join("\n\n");

const list = (rank: number, title: string, noun: Noun, pieces: readonly string[]): Block => ({
  rank,
  noun,
  pieces,
  render: (kept) => `#### ${title}\n\n${(rank === 2 ? loose : tight)(kept)}`,
});

/** The empty lines make GitHub render Markdown inside. */
const folded = (rank: number, title: string, noun: Noun, pieces: readonly string[], render = loose): Block => ({
  rank,
  noun,
  pieces,
  render: (kept) => `<details><summary>${title}</summary>\n\n${render(kept)}\n\n</details>`,
});

const MOST_LINES = 30;
const MOST_FIELDS = 25;
const MOST_IN_A_LINE = 200;

function failure({ failure }: StackReview): Block {
  const lines = failure?.message.split("\n") ?? [];
  const more = lines.length > MOST_LINES ? [`… (${lines.length - MOST_LINES} more lines)`] : [];
  const shown = [...lines.slice(0, MOST_LINES), ...more].map((line) => cut(line, MOST_IN_A_LINE));
  return {
    rank: 1,
    noun: ["failure", "failures"],
    pieces: failure ? [`> [!CAUTION]\n> **${FAILURES[failure.side]}**\n\n${fenced(shown)}`] : [],
    render: loose,
  };
}

function resource({ change, name, type, note, fields, formerUrn, source }: ResourceChange): string {
  const head = [
    `**${change}** ${code(name)} ${code(kindOf(type))}`,
    ...(formerUrn === undefined ? [] : [`was ${code(nameOf(formerUrn))}`]),
    ...place(source),
  ].join(" · ");
  // Fields that force a replacement come first.
  const ordered = fields.toSorted((one, other) => Number(other.replaces) - Number(one.replaces));
  const more = ordered.length > MOST_FIELDS ? [`(${counted(ordered.length - MOST_FIELDS, "more field")})`] : [];
  const lines = [...ordered.slice(0, MOST_FIELDS).flatMap(fieldLines), ...more];
  return [note === undefined ? head : `${head}  \n${prose(note)}`, ...(lines.length === 0 ? [] : [fenced(lines, "diff")])].join("\n\n");
}

function fieldLines({ path, before, after, replaces }: FieldChange): string[] {
  const head = `@@ ${cut(path, MOST_IN_A_LINE)} @@${replaces ? " replaces it" : ""}`;
  if (before.kind === "secret" && after.kind === "secret") return [head, "! changed secret"];
  if (before.kind === "unknown" && after.kind === "unknown") return [head, "! known after the deployment"];
  return [
    head,
    ...(before.kind === "absent" ? [] : signed("-", shownWords(before))),
    ...(after.kind === "absent" ? [] : signed("+", shownWords(after))),
  ];
}

function signed(sign: string, text: string): string[] {
  const lines = text.split("\n");
  const more = lines.length > MOST_LINES ? [`… (${counted(lines.length - MOST_LINES, "more line")})`] : [];
  return [...lines.slice(0, MOST_LINES), ...more].map((line) => `${sign} ${cut(line, MOST_IN_A_LINE)}`);
}

const place = (source: { readonly file: string; readonly line: number } | undefined): string[] =>
  source === undefined ? [] : [code(`${source.file}:${source.line}`)];

const noted = (note: string | undefined): string => (note === undefined ? "" : `: ${prose(note)}`);

/** Routine changes have no label. */
const riskLabel = (risk: StackReview["risk"]): string => (risk === "danger" || risk === "care" ? `**${VERDICTS[risk]}** ` : "");

const firewall = ({ cluster, change, rule, note, risk }: StackReview["firewalls"][number]): string =>
  `- ${riskLabel(risk)}${code(cluster)} ${change} ${code(rule)}${noted(note)}`;

function secret({ secret, change, before, after, note, source, risk }: StackReview["secrets"][number]): string {
  const way = [before, after].filter((one) => one !== undefined).map(code);
  const where = place(source)
    .map((at) => ` · ${at}`)
    .join("");
  return `- ${riskLabel(risk)}${code(secret)} ${change}${way.length === 0 ? "" : ` ${way.join(" → ")}`}${noted(note)}${where}`;
}

const MOST_LOCKS = 12;

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
}: StackReview["migrations"][number]): string {
  const traits = [change, ...(reversible ? [] : ["**not reversible**"]), ...(transactional ? [] : ["not transactional"])].join(", ");
  const lines = [
    ...locks.map(
      ({ mode, table, rewrites, line }) => `${prose(mode)} on ${code(table)} (line ${line})${rewrites ? ", **rewrites the table**" : ""}`,
    ),
    ...findings.map(
      ({ rule, severity, message, fix, line }) =>
        `${severity} ${code(rule)} (line ${line}): ${prose(message)}${fix === undefined ? "" : ` ${prose(fix)}`}`,
    ),
  ];
  const more = lines.length > MOST_LOCKS ? [`${lines.length - MOST_LOCKS} more`] : [];
  return [
    `- ${riskLabel(risk)}${code(`${system}/${file}`)} ${traits}${noted(note)}`,
    ...[...lines.slice(0, MOST_LOCKS), ...more].map((line) => `  - ${line}`),
  ].join("\n");
}

const keyspace = ({ system, keyspace, store, kind, name, change, detail, risk }: StackReview["keyspaces"][number]): string =>
  `- ${riskLabel(risk)}${code(`${system}/${keyspace}`)} in ${code(store)}: ${kind === "keyspace" ? "" : `${kind} ${code(name)} `}${change}${noted(detail)}`;

type Engine = NonNullable<StackReview["engine"]>;

const contradiction = ({ urn, ours, engines, meaning, risk }: Engine["contradictions"][number]): string =>
  `- ${riskLabel(risk)}${code(nameOf(urn))} planned ${code(ours)}, Pulumi plans ${code(engines)}: ${prose(meaning)}`;

function appChange({ app, part, fact, before, after }: NonNullable<Engine["apps"]>[number]): string {
  const where = `- ${code(app)}${part === "" ? "" : ` ${code(part)}`} ${code(fact)}`;
  if (isSecretChange({ before, after })) return `${where}: secret changes`;
  if (before === undefined) return `${where}: added ${value(after)}`;
  return after === undefined ? `${where}: removed, was ${value(before)}` : `${where}: ${value(before)} → ${value(after)}`;
}

const value = (text = ""): string => (text === "" ? "empty" : code(text));

const policy = ({ policy, level, urn, message }: Engine["policies"][number]): string =>
  `- ${code(policy)} ${prose(level)}${urn === undefined ? "" : ` ${code(nameOf(urn))}`}: ${prose(message)}`;

function restarts({ restarts }: StackReview): string[] {
  return restarts.map(({ app, component, kind, why }) => `- ${code(app)} ${code(component)} ${restartWords[kind]}: ${prose(why)}`);
}

const COST_HEAD = ["| resource | what | before | after |", "| --- | --- | ---: | ---: |"];

function costRows({ cost }: StackReview): string[] {
  if (cost.lines.length === 0) return [];
  const sum = `| **list price in USD a month** | as of ${code(cost.asOf)} | ${dollars(cost.before)} | **${monthly(cost)}**${costs(cost) ? ` (${difference(cost.before, cost.after)})` : ""} |`;
  const rows = cost.lines.map(
    ({ resource, what, before, after }) => `| ${code(resource)} | ${prose(what)} | ${priced(before)} | ${priced(after)} |`,
  );
  return [sum, ...rows];
}

function unpriced({ cost }: StackReview): string[] {
  if (cost.unpriced.length === 0) return [];
  const more = cost.unpriced.length > MOST_FIELDS ? ` and ${cost.unpriced.length - MOST_FIELDS} more` : "";
  return ["", `Unpriced, and not in the total: ${cost.unpriced.slice(0, MOST_FIELDS).map(code).join(", ")}${more}.`];
}
