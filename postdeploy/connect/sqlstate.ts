/** Classifies errors by what a client with an open connection can do. */

/** Conflicts with another session. A retry can succeed. */
export const CONTENTION: ReadonlySet<string> = new Set(["55P03", "40P01", "40001"]);

/** The server shut down, crashed or is starting. */
const SERVER_AWAY: ReadonlySet<string> = new Set(["57P01", "57P02", "57P03", "57P05", "08000", "08003", "08006", "08001", "08004"]);

const SOCKET_ERRORS: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTDOWN",
]);
const LOST_MESSAGE =
  /Connection terminated|Connection ended|timeout expired|connection error and is not queryable|socket disconnected|server closed/i;

export interface DatabaseError extends Error {
  code?: string;
  detail?: string;
  hint?: string;
  where?: string;
  position?: string;
  internalQuery?: string;
  severity?: string;
}

export function sqlstate(error: unknown): string | undefined {
  const { code, severity } = error as DatabaseError;
  return severity !== undefined && code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** The connection was lost, so the outcome of the last statement is unknown. */
export function isLost(error: unknown): boolean {
  const state = sqlstate(error);
  if (state !== undefined) return SERVER_AWAY.has(state);
  const { code, message } = error as DatabaseError;
  return SOCKET_ERRORS.has(code ?? "") || LOST_MESSAGE.test(message ?? "");
}

/** A temporary error of connecting. A retry can succeed. */
export function isRetryable(error: unknown): boolean {
  const { code } = error as DatabaseError;
  return sqlstate(error) === "53300" || (isLost(error) && code !== "ENOTFOUND");
}
