/** Commands in messages are there to be pasted: as this one was started, and for the same files. */

/** After what leads to a command, or on an indented line: never a sentence's subject, or a run as the server's list of connections calls it. */
const COMMAND = /(?<=: |; |\? |^ {2,})slipway (?=(?:migrate|keyspaces) (?:[a-z]+|--help)(?![\w:])|(?!migrate|keyspaces)[a-z-])/gm;

/** Whoever npm started it for may have slipway in node_modules and nowhere else. */
export function asStarted(text: string, { npm_command }: NodeJS.ProcessEnv = process.env): string {
  return npm_command ? text.replace(COMMAND, "npx slipway ") : text;
}

export interface Meant {
  readonly system?: string | undefined;
  readonly dir?: string | undefined;
}

const OF_FILES = /(?<=\bslipway (?:migrate|keyspaces) [a-z]+)(?= |$|[.)])(?!.*--(?:system|dir)\b)/gm;

/** The engines know neither systems nor how their folder was named. */
export function forSame(text: string, { system, dir }: Meant): string {
  const flags = [...(system === undefined ? [] : [`--system ${system}`]), ...(dir === undefined ? [] : [`--dir ${quoted(dir)}`])];
  return flags.length === 0 ? text : text.replace(OF_FILES, ` ${flags.join(" ")}`);
}

const quoted = (word: string): string => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
