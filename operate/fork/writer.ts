/** Sends what changes the account. A request whose reply is lost may have been executed, so the caller learns that its outcome is unknown. */
import { setTimeout as wait } from "node:timers/promises";
import { type ApiOptions, ATTEMPTS, errorOf, isTemporary, type Json, pauseAfter, type Reply, sendRequest } from "../recover/api.ts";

export type Outcome =
  | { readonly kind: "done"; readonly body: Json }
  /** DigitalOcean executed nothing. */
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  /** It may have executed the request. */
  | { readonly kind: "unknown"; readonly reason: string };

export interface Writer {
  /** Sends it once, and again only after a 429, which executed nothing. @throws {RecoverError} for a 401, a 403 and a rate limit that is used up */
  send(method: "POST" | "PUT", path: string, body: Json): Promise<Outcome>;
}

const UNAUTHORIZED = [401, 403];
const RATE_LIMITED = 429;

export function openWriter({ endpoint, token, pause = wait }: ApiOptions): Writer {
  return {
    async send(method, path, body) {
      for (let attempt = 1; ; attempt++) {
        const reply = await sendRequest({ endpoint, token }, { method, path, body, readsErrors: true });
        const isLimited = typeof reply !== "string" && reply.status === RATE_LIMITED;
        if (!isLimited || attempt === ATTEMPTS) return toOutcome(reply, { endpoint, request: `${method} ${path}`, attempts: attempt });
        await pause(pauseAfter(attempt, reply.retryAfter));
      }
    },
  };
}

function toOutcome(reply: Reply | string, request: Parameters<typeof errorOf>[1]): Outcome {
  if (typeof reply === "string") return { kind: "unknown", reason: reply };
  const { ok, status, body } = reply;
  if (UNAUTHORIZED.includes(status) || status === RATE_LIMITED) throw errorOf(status, request);
  if (isTemporary(status)) return { kind: "unknown", reason: `status ${status}` };
  const parsed = parseObject(body);
  if (!ok) return { kind: "refused", status, message: typeof parsed?.message === "string" ? parsed.message : "" };
  return { kind: "done", body: parsed ?? {} };
}

function parseObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}
