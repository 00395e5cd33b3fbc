/** Runs the `pulumi config` commands of a message on a stack's config, as Pulumi's CLI does. For tests only. */
import { quoteWord } from "../../catalog/shell.ts";

type Config = Readonly<Record<string, string>>;

/** @returns the config after one printed command; unchanged for a command that asks for a secret. */
export function runCommand(config: Config, command: string): Config {
  const words = splitWords(command);
  const [, , verb] = words;
  const isPath = words.includes("--path");
  const [key = "", value] = words.slice(3, words.indexOf("-s")).filter((word) => !word.startsWith("--"));
  if (words.includes("--secret")) return config;
  const [root = "", ...steps] = isPath ? splitPath(key) : [key];
  const rest = Object.entries(config).filter(([name]) => name !== root);
  const changed = changeAt(parseValue(config[root]), steps, verb === "rm" ? undefined : parseValue(value));
  return Object.fromEntries([...rest, ...(changed === undefined ? [] : [[root, formatValue(changed)] as const])]);
}

/** Words as a shell reads those of `quoteWord`. */
function splitWords(command: string): string[] {
  const words = [...command.matchAll(/'(?:[^']|'\\'')*'|\S+/g)].map(([word]) =>
    word.startsWith("'") ? word.slice(1, -1).replaceAll("'\\''", "'") : word,
  );
  if (words.map(quoteWord).join(" ") !== command) throw new Error(`This command cannot be pasted into a shell: ${command}`);
  return words;
}

/** slipway:shop.sizes["a.b"][0] */
function splitPath(key: string): string[] {
  const [namespace = "", path = ""] = [key.slice(0, key.indexOf(":") + 1), key.slice(key.indexOf(":") + 1)];
  const steps = [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, plain]) => quoted ?? index ?? plain ?? "",
  );
  return [`${namespace}${steps[0]}`, ...steps.slice(1)];
}

function changeAt(value: unknown, [step, ...rest]: readonly string[], to: unknown): unknown {
  if (step === undefined) return to;
  if (Array.isArray(value) || (value === undefined && /^\d+$/.test(step))) {
    const list = [...((value as unknown[] | undefined) ?? [])];
    const changed = changeAt(list[Number(step)], rest, to);
    if (changed === undefined) list.splice(Number(step), 1);
    else list[Number(step)] = changed;
    return list;
  }
  const { [step]: current, ...others } = (value ?? {}) as Record<string, unknown>;
  const changed = changeAt(current, rest, to);
  return changed === undefined ? others : { ...others, [step]: changed };
}

function parseValue(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

function formatValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
