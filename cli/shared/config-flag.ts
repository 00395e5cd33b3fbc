/** `--config key=value`, which overrides the stack's file for one run. */
import { UsageError } from "./errors.ts";

export type Overrides = Readonly<Record<string, string>>;

export function parseConfigFlag(text: string, previous: Overrides | undefined): Overrides {
  const equals = text.indexOf("=");
  // The text is not repeated: it may be a secret that was typed without its key.
  if (equals < 1) throw new UsageError("--config takes key=value: --config region=fra1");
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}

const FIX = /^(.*?)pulumi config (set|rm)((?: --(?:path|secret))*) ('[^']*'|\S+)(?: (.+))? -s \S+$/;

/**
 * Settings report a problem with the `pulumi config` command that fixes it. That command changes the stack's file, so it fixes nothing where the
 * value came from --config: there the flag is what to change.
 */
export function withConfigFlags(text: string, overrides: Overrides, project: string): string {
  const keys = new Set(Object.keys(overrides).map((key) => (key.includes(":") ? key : `${project}:${key}`)));
  if (keys.size === 0) return text;
  let isRemoved = false;
  return text
    .split("\n")
    .map((line) => {
      const [, margin, verb, flags = "", word = "", value = "<value>"] = FIX.exec(line) ?? [];
      if (margin === undefined) {
        isRemoved = false;
        return line;
      }
      const whole = word.replaceAll("'", "");
      const [root = ""] = /^[^.[]+/.exec(whole) ?? [];
      const below = whole.slice(root.length).replace(/^\./, "");
      // A misspelt key is removed, and the line below it sets the right one: on the command line too.
      if (!keys.has(root) && !(isRemoved && verb === "set" && below === "")) return line;
      isRemoved = verb === "rm" && below === "";
      if (below !== "") return `${margin}${verb === "rm" ? `remove ${below} from` : `set ${below} to ${value} in`} -c ${root}=…`;
      if (verb === "rm") return `${margin}leave out -c ${root}=…`;
      return `${margin}-c ${root}=${flags.includes("--secret") ? "'<value>'" : value}`;
    })
    .join("\n");
}

/** Runs what reads the overrides. Where a value of the flag is wrong, the error names the flag. */
export async function withOverrides<T>(overrides: Overrides, project: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error) error.message = withConfigFlags(error.message, overrides, project);
    throw error;
  }
}
