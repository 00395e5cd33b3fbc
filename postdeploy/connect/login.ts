/** Whether a server accepts a login. Nothing is sent after it. */
import pg from "pg";
import { sqlstate } from "./sqlstate.ts";
import { type Connection, targetOf } from "./target.ts";

export type LoginAnswer = "accepted" | "refused";

/** A wrong password, or a user that may not log in. */
const REFUSED: ReadonlySet<string> = new Set(["28P01", "28000"]);

/** PgBouncer's message where the password is wrong; its code is that of every error of the protocol. */
const REFUSED_BY_POOL = /^(SASL|password) authentication failed/;

/** @throws the error of a server that neither accepts nor refuses the password */
export async function tryLogin(
  connection: Connection,
  { connectTimeoutMs = 10_000 }: { readonly connectTimeoutMs?: number } = {},
): Promise<LoginAnswer> {
  const { host, port, database, user, password, tls } = targetOf(connection);
  // No options: PgBouncer refuses those that it does not know.
  const client = new pg.Client({
    ...{ host, port, database, user, password, ssl: tls },
    application_name: "slipway rotate",
    connectionTimeoutMillis: connectTimeoutMs,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return "accepted";
  } catch (error) {
    if (REFUSED.has(sqlstate(error) ?? "") || REFUSED_BY_POOL.test((error as Error).message)) return "refused";
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
}
