/** Commands in messages can be pasted: they start slipway as it was started, and name the same files. */

/** After what leads to a command, or on an indented line: never a sentence's subject, or a run as the server's list of connections names it. */
const COMMAND = /(?<=: |; |\? |^ {2,})slipway (?=(?:migrate|keyspaces) (?:[a-z]+|--help)(?![\w:])|(?!migrate|keyspaces)[a-z-])/gm;

/** Where npm started slipway, it may be installed in node_modules only, and is not on the PATH. */
export function withNpx(text: string, { npm_command }: NodeJS.ProcessEnv = process.env): string {
  return npm_command ? text.replace(COMMAND, "npx slipway ") : text;
}

export interface FileFlags {
  readonly system?: string | undefined;
  readonly dir?: string | undefined;
}

const FILE_COMMAND = /(?<=\bslipway (?:migrate|keyspaces) [a-z]+)(?= |$|[.)])(?!.*--(?:system|dir)\b)/gm;

/** Adds --system and --dir to the commands in a message of the engines, which know neither. */
export function withCommandHints(text: string, { system, dir }: FileFlags): string {
  const flags = [...(system === undefined ? [] : [`--system ${system}`]), ...(dir === undefined ? [] : [`--dir ${quote(dir)}`])];
  return flags.length === 0 ? text : text.replace(FILE_COMMAND, ` ${flags.join(" ")}`);
}

const quote = (word: string): string => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
