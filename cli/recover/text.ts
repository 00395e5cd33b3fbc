/** A comparison as text: a summary, a list for each kind of difference, notes, and the commands that repair them. */
import { nameOf, shortType, typeOf } from "../../engine/urn.ts";
import {
  type Changed,
  type Comparison,
  countDrift,
  describeSubject,
  type Renamed,
  type Subject,
} from "../../operate/recover/comparison.ts";
import { commandLine, type Step } from "../../operate/recover/steps.ts";
import { visible } from "../../report/escape.ts";
import { groupBy } from "../shared/group-by.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Layout } from "../shared/terminal.ts";
import { wrap } from "../shared/wrap.ts";

export interface ComparisonReport {
  readonly project: string;
  readonly stack: string;
  /** What a printed command needs: "-s acme/qa --cwd ../shop". */
  readonly flags: string;
  readonly comparison: Comparison;
}

export function formatComparison({ project, stack, flags, comparison }: ComparisonReport, layout: Layout): string {
  const { style } = layout;
  const { toImport, unimportable, shared, conflicting, renamed, duplicates, gone, recreated, changed, incomplete, pending, notes } =
    comparison;
  return [
    style.bold(`${project} on stack ${stack}: ${summary(comparison)}`),
    section("In the account, but not in the state", subjects(toImport), layout),
    section(
      "Not ready yet: import them when they are online",
      toImport.flatMap((one) => (one.status === undefined ? [] : [`${describeSubject(one)} is ${one.status}`])),
      layout,
    ),
    section(
      "In the account, but not as the program declares it: not imported",
      conflicting.flatMap((one) =>
        one.properties.map(
          ({ property, program, account }) =>
            `${describeSubject(one)}: ${property} is ${format(account)}, and the program declares ${program}`,
        ),
      ),
      layout,
      [
        "After an import, `up` would have to replace it, or move it to another region. Rename one of the two: in the control panel, or in the program.",
        [],
      ],
    ),
    section(
      "In the state under another name: not imported",
      renamed.map((one) => `${describeSubject(one)}: ${one.isDeleting ? "marked for deletion" : nameOf(one.stateUrn)} in the state`),
      layout,
      renameHint(renamed, flags),
    ),
    section("In the account twice, and once in the state", subjects(duplicates), layout, [
      `An interrupted run may have created it a second time. ${deletionHint(duplicates)}`,
      duplicates.flatMap(({ command }) => command ?? []),
    ]),
    section(
      "In the account, and declared by another stack too: not imported",
      shared.map((one) => `${describeSubject(one)}: stack ${one.stacks.join(", ")}`),
      layout,
      ["If they belong to this stack:", [`slipway recover ${flags} --shared`]],
    ),
    section("In the account, and impossible to import", subjects(unimportable), layout, [
      `DigitalOcean shows the secret of a key only once, so \`up\` creates another one. ${deletionHint(unimportable)}`,
      unimportable.flatMap(({ command }) => command ?? []),
    ]),
    section(
      "In the state, but gone from the account",
      gone.map(
        (one) => `${describeSubject(one)}${one.isDeclared ? ": `up` creates it again, empty" : ", which the program no longer declares"}`,
      ),
      layout,
    ),
    section(
      "Created again in the account, with another id",
      recreated.map((one) => `${describeSubject(one)}: ${one.state} in the state, ${one.account} in the account`),
      layout,
    ),
    changes(changed, layout),
    section("In state and account, with an error of the run that created it", subjects(incomplete), layout),
    section(
      "Operations that an interrupted run never finished",
      pending.map(({ urn, operation }) => `${operation} ${shortType(typeOf(urn))} ${nameOf(urn)}`),
      layout,
    ),
    section("Notes", notes, layout),
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

/** @param cwd The flag with the project's folder, where it is another one than the user's. */
export function formatSteps(steps: readonly Step[], { style, columns }: Layout, cwd: readonly string[]): string {
  if (steps.length === 0) return "";
  const lines = steps.flatMap(({ purpose, args }) => [
    ...wrap(purpose, columns - 4).map((line) => style.dim(`  # ${line}`)),
    // On one line, where it can be copied as it is.
    `  ${visible(commandLine([...args, ...cwd]))}`,
  ]);
  return [style.bold(steps.length === 1 ? "Next" : "Commands, in this order"), ...lines].join("\n");
}

function summary(comparison: Comparison): string {
  const { toImport, unimportable, shared, conflicting, renamed, duplicates, gone, recreated, changed, incomplete, pending } = comparison;
  const unknown = toImport.length + unimportable.length + shared.length + conflicting.length + duplicates.length;
  const parts = [
    ...(unknown === 0 ? [] : [`${unknown} not in the state`]),
    ...(renamed.length === 0 ? [] : [`${renamed.length} under another name in the state`]),
    ...(gone.length === 0 ? [] : [`${gone.length} gone`]),
    ...(recreated.length + changed.length === 0 ? [] : [`${recreated.length + changed.length} different`]),
    ...(incomplete.length === 0 ? [] : [`${incomplete.length} incomplete`]),
    ...(pending.length === 0 ? [] : [pluralize(pending.length, "pending operation")]),
  ];
  return parts.length === 0 && countDrift(comparison) === 0 ? "the state matches the account" : parts.join(", ");
}

/** The command renames a resource and keeps its type and its parents, which are the rest of the URN. */
function renameHint(renamed: readonly Renamed[], flags: string): readonly [hint: string, commands: readonly string[]] {
  const commands = renamed.flatMap(({ urn, stateUrn, isDeleting }) => {
    if (isDeleting) return [];
    const isSameParent = parentOf(urn) === parentOf(stateUrn);
    return [
      isSameParent ? `${commandLine(["state", "rename", stateUrn, nameOf(urn)])} ${flags} --yes` : `aliases: [${JSON.stringify(stateUrn)}]`,
    ];
  });
  const deletion = renamed.some(({ isDeleting }) => isDeleting)
    ? " The next `up` deletes what is marked for deletion: to keep it, remove its mark `delete` with `pulumi state edit`."
    : "";
  const rename =
    commands.length === 0
      ? ""
      : " Rename it in the state with the command below, or add the alias below to its options in the program (to those of its component, if the component moved):";
  return [`After an import, the next \`up\` would delete it under its old name.${deletion}${rename}`, commands];
}

const parentOf = (urn: string): string => urn.slice(0, urn.lastIndexOf("::"));

/** slipway plans the other stacks of this project only, so the account may have more of them. */
const deletionHint = (all: readonly { readonly command?: string }[]): string =>
  all.some(({ command }) => command !== undefined)
    ? "If no other stack or project uses it, delete the one that the state does not know:"
    : "It may be that of a stack that cannot be planned, so slipway prints no command that deletes it.";

/** Those of one type in one line: an interrupted first `up` leaves dozens. */
function subjects(all: readonly Subject[]): readonly string[] {
  const groups = groupBy(all, ({ type, within = "" }) => `${shortType(type)}\0${within}`);
  return [...groups].map(([key, group]) => {
    const [type = "", within = ""] = key.split("\0");
    return `${type}${within === "" ? "" : ` in ${within}`}: ${group.map(({ name }) => name).join(", ")}`;
  });
}

/** @param hint What to do about all of them, and the commands for it, each on a line of its own. */
function section(
  title: string,
  items: readonly string[],
  { style, columns }: Layout,
  [hint, commands]: readonly [hint: string, commands: readonly string[]] = ["", []],
): string {
  if (items.length === 0) return "";
  // Names are from a state and an account: a control character in one must not reach the terminal.
  const lines = items.flatMap((item) => wrap(visible(item), columns - 4).map((line, index) => `${index === 0 ? "  - " : "    "}${line}`));
  const help =
    hint === "" ? [] : [...wrap(hint, columns - 4).map((line) => `    ${line}`), ...commands.map((command) => `      ${visible(command)}`)];
  return [style.bold(title), ...lines, ...help].join("\n");
}

function changes(changed: readonly Changed[], layout: Layout): string {
  const { columns, style } = layout;
  if (changed.length === 0) return "";
  const lines = changed.flatMap((one) => [
    `  - ${visible(describeSubject(one))}${one.replaces ? style.bad(": `up` cannot change it back") : ""}`,
    ...one.properties.flatMap(({ property, state, account }) =>
      wrap(visible(`${property}: ${format(state)} in the state, ${format(account)} in the account`), columns - 6).map(
        (line) => `      ${line}`,
      ),
    ),
    ...(one.replaces
      ? wrap(
          `Change it back in the account. A refresh would make the next \`up\` replace it, so slipway leaves it as it is in the state.`,
          columns - 6,
        ).map((line) => `      ${line}`)
      : []),
  ]);
  return [style.bold("Changed in the account"), ...lines].join("\n");
}

const format = (value: unknown): string => (Array.isArray(value) ? (value.length === 0 ? "none" : value.join("; ")) : String(value));
