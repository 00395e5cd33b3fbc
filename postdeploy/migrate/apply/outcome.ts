/** Statements outside a transaction: whether an interrupted one took effect, and the cleanup after a failed one. */
import type { Node } from "libpg-query";
import type { Session } from "../../connect/session.ts";
import { concurrentIndexOf, fieldsOf, kindOf, tablesOf } from "../read/statement.ts";
import { dropIndex, findBrokenCopies, findIndex } from "../schema/indexes.ts";

/** repeat: it did not take effect, or repeating it is harmless. */
type StatementOutcome = "applied" | "repeat" | "unknown";

/** Finds the outcome of an interrupted statement by looking for its result. */
export async function checkOutcome(session: Session, node: Node): Promise<StatementOutcome> {
  const index = concurrentIndexOf(node);
  if (index !== undefined) {
    const found = await findIndex(session, index);
    if (found?.valid) return "applied";
    await dropBrokenIndexes(session, node);
    return "repeat";
  }
  switch (kindOf(node)) {
    case "VacuumStmt":
    case "ClusterStmt":
    case "AlterSystemStmt":
      return "repeat";
    case "ReindexStmt":
      await dropBrokenIndexes(session, node);
      return "repeat";
    case "DropStmt": {
      const [{ exists } = { exists: true }] = await session.query<{ exists: boolean }>(
        "SELECT bool_or(to_regclass(name) IS NOT NULL) AS exists FROM unnest($1::text[]) AS name",
        [tablesOf(node)],
      );
      return exists ? "repeat" : "applied";
    }
    case "CreatedbStmt":
    case "DropdbStmt": {
      const exists = (await session.query("SELECT FROM pg_database WHERE datname = $1", [fieldsOf(node).dbname])).length > 0;
      return exists === (kindOf(node) === "CreatedbStmt") ? "applied" : "repeat";
    }
    default:
      return "unknown";
  }
}

/** Drops the invalid indexes of a failed build. They slow down writes, and IF NOT EXISTS would accept them. */
export async function dropBrokenIndexes(session: Session, node: Node): Promise<void> {
  const index = concurrentIndexOf(node);
  if (index !== undefined) {
    const found = await findIndex(session, index);
    if (found && !found.valid) await dropIndex(session, found.schema, index.name);
  } else if (kindOf(node) === "ReindexStmt") {
    for (const { schema, name } of await findBrokenCopies(session, tablesOf(node))) await dropIndex(session, schema, name);
  }
}
