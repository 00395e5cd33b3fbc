/** One request to the public address of an app, without credentials. */
import { EXACT_TOKENS, hasLogin } from "../../catalog/secrets.ts";
import { readBody } from "./body.ts";

export interface Answer {
  readonly status: number;
  readonly milliseconds: number;
  readonly text: string;
  /** undefined where the text is no JSON. */
  readonly json: unknown;
}

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 2 * 1024 * 1024;
const ATTEMPTS = 3;
const PAUSE_MS = 1000;

/** A connection that fails is tried again: the routers learn of a new deployment one after the other. @returns why there is no answer, in words */
export async function request(url: string): Promise<Answer | string> {
  for (let attempt = 1; ; attempt++) {
    const answer = await requestOnce(url);
    if (typeof answer !== "string" || attempt === ATTEMPTS) return answer;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function requestOnce(url: string): Promise<Answer | string> {
  const startedAt = performance.now();
  try {
    const response = await fetch(url, {
      redirect: "manual",
      headers: { accept: "application/json", "user-agent": "slipway verify" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await readBody(response, MOST_BYTES);
    return { status: response.status, milliseconds: Math.round(performance.now() - startedAt), text, json: parse(text) };
  } catch (error) {
    const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    return name === "TimeoutError" ? `no answer within ${TIMEOUT_MS / 1000} seconds` : (cause?.code ?? cause?.message ?? message);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const SERVER_VERSION = /\b(?:PostgreSQL|Valkey|Redis|MySQL)[ /]v?\d+\.\d+/i;

/** What an answer to everybody must not contain. @returns what it is, without its text */
export function findDisclosure(text: string): string | undefined {
  if (hasLogin(text)) return "a URL with a password";
  const token = EXACT_TOKENS.find(({ pattern }) => text.search(pattern) >= 0);
  if (token !== undefined) return token.what;
  return SERVER_VERSION.test(text) ? "the version of a server" : undefined;
}
