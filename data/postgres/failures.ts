/** Errors of the server in words that an operator can act on. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import { printable } from "../../postdeploy/connect/quote.ts";
import { CONTENTION, type DatabaseError, isLost, sqlstate } from "../../postdeploy/connect/sqlstate.ts";

/**
 * The detail of the server's error has the values of a row, so it is not printed.
 *
 * @param nothing "Nothing was imported."
 */
export function explain(error: unknown, nothing: string): unknown {
  if (error instanceof Failure) return error;
  if (isLost(error))
    return new Failure("lost", 1, `The connection to the database was lost. ${nothing} Run the same command again.`, { cause: error });
  const state = sqlstate(error);
  if (state === undefined) return error;
  const { message, table, constraint } = error as DatabaseError & { table?: string; constraint?: string };
  if (CONTENTION.has(state))
    return new Failure("contention", 1, `Another session blocks this run (${printable(message)}). ${nothing} Run the same command again.`, {
      cause: error,
    });
  // Class 22 names the value.
  const text = state.startsWith("22") ? "a value is not valid" : printable(message);
  const place = [table, constraint].filter(Boolean).join(", ");
  return new Failure("refused", 1, `Postgres refused a statement (${state}${place === "" ? "" : `, ${place}`}): ${text}. ${nothing}`, {
    cause: error,
  });
}
