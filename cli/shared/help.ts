/** The layout of help: summary, usage, examples, commands, flags in groups, exit codes. */

import type { CommandUnknownOpts, Help, Option } from "@commander-js/extra-typings";
import type { Layout } from "./terminal.ts";

/** Help besides the summary of a command, which is one line, in the imperative, without a full stop. */
export interface HelpText {
  /** What follows the command's name. @default "[flags]" */
  readonly usage?: readonly string[];
  readonly examples: readonly Example[];
  /** Paragraphs for what the flags do not say. */
  readonly details?: readonly string[];
  readonly exitCodes?: Readonly<Record<number, string>>;
}

/** What the command does, then what to type. */
export type Example = readonly [purpose: string, command: string];

export function formatHelp(
  command: CommandUnknownOpts,
  helper: Help,
  { usage = ["[flags]"], examples, details = [], exitCodes = {} }: HelpText,
  { columns, style }: Layout,
): string {
  const path = pathOf(command);
  const flags = flagGroups(command);
  const help = helper.visibleOptions(command).filter(({ long }) => long === "--help");
  const widest = Math.max(...[...flags.flatMap(([, group]) => group), ...help].map((flag) => flagTerm(flag).length));

  const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : [[style.bold(title), ...lines].join("\n")]);
  const list = (title: string, items: readonly (readonly [term: string, text: string])[], width = 0) => {
    const column = Math.max(width, ...items.map(([term]) => term.length));
    return section(
      title,
      items.map(([term, text]) => helper.formatItem(term, column, text, helper)),
    );
  };
  const flagList = (title: string, group: readonly Option[]) =>
    list(
      title,
      group.map((flag) => [flagTerm(flag), flagText(flag)]),
      widest,
    );

  return [
    helper.boxWrap(`${command.summary()}.`, columns),
    ...section(
      "Usage:",
      usage.map((line) => `  ${path} ${line}`),
    ),
    ...section(
      "Examples:",
      examples.flatMap(([purpose, typed]) => [`  ${style.dim(`# ${purpose}`)}`, `  ${typed}`]),
    ),
    ...details.map((paragraph) => helper.boxWrap(paragraph, columns)),
    ...list(
      "Commands:",
      command.commands.map((child) => [child.name(), child.summary()]),
    ),
    ...flags.flatMap(([title, group]) => flagList(title, group)),
    ...flagList("Help:", help),
    ...list("Exit codes:", Object.entries(exitCodes)),
    ...(command.commands.length > 0 ? [helper.boxWrap(`Run "${path} <command> --help" for the flags of a command.`, columns)] : []),
  ].join("\n\n");
}

/** "slipway migrate up" */
export function pathOf(command: CommandUnknownOpts): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** Own flags first, then those that every command of the group takes. */
function flagGroups(command: CommandUnknownOpts): readonly [title: string, group: readonly Option[]][] {
  const { parent } = command;
  const titles = [...new Set(command.options.map(titleOf))];
  const own = titles.map((title): [string, readonly Option[]] => [title, command.options.filter((flag) => titleOf(flag) === title)]);
  return parent?.parent ? [...own, ...flagGroups(parent)] : own;
}

const titleOf = ({ helpGroupHeading = "Flags:" }: Option): string => helpGroupHeading;

/** Long flags stand below each other, whether they have a short form or not. */
const flagTerm = ({ flags }: Option): string => (flags.startsWith("--") ? `    ${flags}` : flags);

const flagText = ({ description, defaultValue, defaultValueDescription = defaultValue }: Option): string =>
  defaultValue === undefined ? description : `${description} (default: ${defaultValueDescription})`;
