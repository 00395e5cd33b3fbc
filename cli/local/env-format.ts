/** Environment variables in the format of the program that reads them. Each format has its own rules for quotes and line breaks. */

export type EnvFormat = "dotenv" | "shell" | "json" | "docker";

export interface Formatted {
  readonly text: string;
  /** Variables that the format cannot hold; the text does not have them. */
  readonly omitted: readonly string[];
}

type Line = (key: string, value: string) => string | undefined;

export function formatEnv(env: Readonly<Record<string, string>>, format: EnvFormat): Formatted {
  const entries = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
  if (format === "json") return { text: JSON.stringify(Object.fromEntries(entries), null, 2), omitted: [] };
  const lines = entries.map(([key, value]) => ({ key, line: LINES[format](key, value) }));
  return {
    text: lines.flatMap(({ line }) => line ?? []).join("\n"),
    omitted: lines.filter(({ line }) => line === undefined).map(({ key }) => key),
  };
}

const LINES: Readonly<Record<Exclude<EnvFormat, "json">, Line>> = {
  dotenv: (key, value) => {
    const quoted = dotenvValue(value);
    return quoted === undefined ? undefined : `${key}=${quoted}`;
  },
  shell: (key, value) => `export ${key}=${quoteForShell(value)}`,
  // `docker run --env-file` knows neither quotes nor escapes: a value is everything between "=" and the end of the line.
  docker: (key, value) => (/\n|\r$/.test(value) ? undefined : `${key}=${value}`),
};

/** For a POSIX shell, line breaks included. */
export const quoteForShell = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;

/**
 * Read alike by `node --env-file`, the dotenv packages, docker compose and, but for the back quotes, a shell that sources the file. Within quotes
 * no escape is used, because these readers differ in them; line breaks are kept as they are.
 */
function dotenvValue(value: string): string | undefined {
  // Node removes each carriage return.
  if (value.includes("\r")) return undefined;
  if (/^[\w./:@%+,=-]+$/.test(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
  if (!/["\\$`]/.test(value)) return `"${value}"`;
  return value.includes("`") ? undefined : `\`${value}\``;
}
