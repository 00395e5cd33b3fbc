/** How a command is declared: its flags, which type what it runs with, and its help. */

import type { Command, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { Command as CommanderCommand, type CommanderError, Option as CommanderOption } from "commander";
import { UsageError } from "./errors.ts";
import { formatHelp, type HelpText, pathOf } from "./help.ts";
import type { Terminal } from "./terminal.ts";

/** One run of slipway. */
export interface Session {
  readonly terminal: Terminal;
  /** Sets the exit code. */
  exit(code: number): void;
}

/** The group of flags for the format and the place of the result. */
export const OUTPUT = "Output:";

/** The flags of a command as its action gets them. */
export type OptionsOf<Declare extends (...args: never[]) => { optsWithGlobals(): unknown }> = ReturnType<
  ReturnType<Declare>["optsWithGlobals"]
>;

const helpTexts = new WeakMap<object, HelpText>();

/** The typings are of a package that only re-exports commander: they cost nothing at run time. */
export const createCommand = (name: string, help: HelpText): Command => describe(new CommanderCommand(name) as unknown as Command, help);

export const option = <Flags extends string>(flags: Flags, description: string): Option<Flags> =>
  new CommanderOption(flags, description) as unknown as Option<Flags>;

export function describe<T extends CommandUnknownOpts>(command: T, help: HelpText): T {
  helpTexts.set(command, help);
  return command;
}

/** Collects the values of a flag that may be repeated. */
export const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), value];

export interface NumberFlag {
  /** "--steps" */
  readonly flag: string;
  /** @default 1 */
  readonly from?: number;
  /** @default 999999999 */
  readonly to?: number;
  /** What is counted: "days". @default nothing */
  readonly unit?: string;
  /** A command or flag that works. */
  readonly example: string;
}

const MOST = 999_999_999;

/** @throws {UsageError} which names the numbers that the flag takes. */
export function parseWholeNumber(text: string, { flag, from = 1, to = MOST, unit, example }: NumberFlag): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  const what = unit === undefined ? "a whole number" : `a whole number of ${unit}`;
  throw new UsageError(`${flag} takes ${what}, ${to === MOST ? `${from} or more` : `from ${from} to ${to}`}, not "${text}": ${example}`);
}

const UNITS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** @returns milliseconds. */
export function parseDuration(text: string, flag: string): number {
  const [, count, unit = ""] = /^(\d{1,9})(ms|s|min|h|d)?$/.exec(text) ?? [];
  const factor = UNITS[unit as keyof typeof UNITS] as number | undefined;
  if (count === undefined || (factor === undefined && count !== "0"))
    throw new UsageError(`${flag} takes a duration such as 500ms, 30s or 10min, not "${text}".`);
  return Number(count) * (factor ?? 1);
}

/** Sets up help and errors of a command and of all commands below it. */
export function connect(command: CommandUnknownOpts, { terminal }: Session): void {
  command
    .helpCommand(false)
    .helpOption("-h, --help", "Print this help")
    .configureHelp({ formatHelp: (_, helper) => formatHelp(command, helper, helpTexts.get(command) as HelpText, terminal) })
    .configureOutput({
      writeOut: (text) => terminal.print(text),
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => terminal.columns,
      getOutHasColors: () => true,
    })
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : usageError(error, command);
    });
  for (const flag of command.options) {
    // Commander takes whatever follows a flag as its value.
    if (flag.required)
      command.on(`option:${flag.name()}`, (value: string) => {
        if (isFlag(value, command)) throw new UsageError(`${pathOf(command)}: ${needsValue(flag.flags)} See: ${pathOf(command)} --help`);
      });
  }
  for (const child of command.commands) connect(child, { terminal, exit: () => {} });
}

function isFlag(value: string, command: CommandUnknownOpts): boolean {
  return (
    value === "--help" || withParents(command).some(({ options }) => options.some(({ short, long }) => value === short || value === long))
  );
}

function withParents(command: CommandUnknownOpts): readonly CommandUnknownOpts[] {
  return command.parent ? [command, ...withParents(command.parent)] : [command];
}

/** Says what is wrong and what is near it. A value is not repeated unless it is one of a list: it may be half of a secret that the shell took apart. */
function usageError({ code, message }: CommanderError, command: CommandUnknownOpts): UsageError {
  const path = pathOf(command);
  const [, near] = /\(Did you mean (?:one of )?(.+?)\?\)/.exec(message) ?? [];
  const suggestion = (prefix = "") => (near === undefined ? "" : ` Did you mean ${prefix}${near}?`);
  const problem = () => {
    switch (code) {
      case "commander.unknownOption": {
        const [, flag = ""] = /'(--[^'=]*|-.)/.exec(message) ?? [];
        return isFlag(flag, command) ? `${path}: ${flag} takes no value.` : `${path} has no flag ${flag}.${suggestion()}`;
      }
      case "commander.unknownCommand": {
        const [, name = ""] = /'(.*)'/.exec(message) ?? [];
        return `There is no command "${path} ${name}".${suggestion(`${path} `)}`;
      }
      case "commander.help":
        return `${path} needs a command: ${command.commands.map((child) => child.name()).join(", ")}.`;
      case "commander.excessArguments": {
        const most = command.registeredArguments.length;
        return `${path} takes ${most === 0 ? "no arguments" : most === 1 ? "one argument" : `${most} arguments`} besides its flags.`;
      }
      case "commander.missingArgument":
        return `${path} needs <${/'(.*)'/.exec(message)?.[1] ?? ""}>.`;
      case "commander.optionMissingArgument":
        return `${path}: ${needsValue(/'(.*)'/.exec(message)?.[1] ?? "")}`;
      case "commander.invalidArgument": {
        const [, flag = "", value = "", choices = ""] =
          /option '(?:-\w, )?(--[\w-]+).*' argument '(.*)' is invalid\. Allowed choices are (.*)\./s.exec(message) ?? [];
        return `${flag} takes ${choices.replace(/, ([^,]*)$/, " or $1")}, not "${value}".`;
      }
      default:
        return `${path}: ${message}.`;
    }
  };
  return new UsageError(`${problem()} See: ${path} --help`);
}

const needsValue = (flags: string): string =>
  `${flags.replace(/^-\w, /, "").replace(/ .*/, "")} needs a value: ${flags.replace(/^-\w, /, "")}.`;
