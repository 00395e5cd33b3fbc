/** SQLSTATEs by what they mean for somebody who holds a connection. */

/** Another session was in the way; the same statement may pass in a moment. */
export const CONTENTION: ReadonlySet<string> = new Set(["55P03", "40P01", "40001"]);

/** The server went away or is not back yet. */
export const SERVER_AWAY: ReadonlySet<string> = new Set(["57P01", "57P02", "57P03", "57P05", "08000", "08003", "08006", "08001", "08004"]);

const SOCKET: ReadonlySet<string> = new Set([
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
const LOST_WORDS =
  /Connection terminated|Connection ended|timeout expired|connection error and is not queryable|socket disconnected|server closed/i;

export interface DatabaseError extends Error {
  code?: string;
  detail?: string;
  hint?: string;
  where?: string;
  position?: string;
  internalPosition?: string;
  internalQuery?: string;
  severity?: string;
  schema?: string;
  table?: string;
  column?: string;
  constraint?: string;
}

export function sqlstate(error: unknown): string | undefined {
  const { code, severity } = error as DatabaseError;
  return severity !== undefined && code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** The connection is gone, and with it the knowledge of what the server did last. */
export function isLost(error: unknown): boolean {
  const state = sqlstate(error);
  if (state !== undefined) return SERVER_AWAY.has(state);
  const { code, message } = error as DatabaseError;
  return SOCKET.has(code ?? "") || LOST_WORDS.test(message ?? "");
}

/** Not our mistake, and over in a moment: worth another try at connecting. */
export function mayConnectLater(error: unknown): boolean {
  const { code } = error as DatabaseError;
  return sqlstate(error) === "53300" || (isLost(error) && code !== "ENOTFOUND");
}
