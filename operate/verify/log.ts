/** The log of a component, over the links of the API, without the secrets that a program may have printed. */
import { maskSecretPatterns, SECRET } from "../../engine/secret-patterns.ts";
import type { ApiClient } from "../recover/api.ts";
import { readBody } from "./body.ts";

export interface LogSource {
  readonly api: ApiClient;
  readonly app: string;
  readonly deployment: string;
}

type LogType = "RUN" | "RUN_RESTARTED" | "BUILD" | "DEPLOY";

const TIMEOUT_MS = 15_000;
const MOST_BYTES = 4 * 1024 * 1024;

/** @returns undefined where the API has no log of this component. */
export async function readLog({ api, app, deployment }: LogSource, component: string, type: LogType): Promise<string | undefined> {
  const path = `/v2/apps/${app}/deployments/${deployment}/components/${encodeURIComponent(component)}/logs`;
  const links = (await api.get(`${path}?type=${type}&follow=false`)) as
    | { historic_urls?: readonly string[]; live_url?: string }
    | undefined;
  const urls = [...(links?.historic_urls ?? []), ...(links?.live_url?.startsWith("https:") ? [links.live_url] : [])];
  const texts = await Promise.all(urls.map(download));
  const found = texts.filter((text) => text !== undefined);
  return found.length === 0 ? undefined : found.join("\n");
}

/** A link is itself a credential: no error repeats it. */
async function download(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok ? await readBody(response, MOST_BYTES, { acceptsPart: true }) : undefined;
  } catch {
    return undefined;
  }
}

const LAST_LINES = 12;
const LONGEST_LINE = 300;

export function lastLines(log: string): readonly string[] {
  return log
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
    .slice(-LAST_LINES)
    .map((line) => hideSecrets(line).slice(0, LONGEST_LINE));
}

/** A value that its name declares a secret: in quotes, or up to the next space, comma or brace. */
const NAMED = /((?:password|secret|token|passphrase|api[-_]?key)["']?\s*[=:]\s*)("[^"]*"?|'[^']*'?|[^\s,}]+)/gi;
/** Of an Authorization header. */
const CREDENTIALS = /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi;

/** A product's log may hold secrets that slipway does not know, so more is masked than in slipway's own messages. */
function hideSecrets(line: string): string {
  return maskSecretPatterns(line).replace(CREDENTIALS, `$1 ${SECRET}`).replace(NAMED, `$1${SECRET}`);
}

const ERROR_LINE = /\b(\w*errors?|fatal|panic|\w*exception|unhandled|traceback)\b/i;

/** Lines that report an error, and not the absence of one. */
export function errorLines(log: string): readonly string[] {
  return log.split("\n").filter((line) => ERROR_LINE.test(line) && !/\b(0|no) errors?\b/i.test(line));
}
