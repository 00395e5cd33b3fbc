/** What came of a statement whose end nobody saw, by what it was to make; and what a failed one leaves behind. */
import type { Node } from "libpg-query";
import type { Session } from "../../connect/session.ts";
import { concurrentIndexOf, fieldsOf, kindOf, tablesOf } from "../read/statement.ts";
import { brokenTwins, dropIndex, findIndex } from "../schema/indexes.ts";

/** again: it did not take effect, or a second time does no harm. */
export type StatementOutcome = "happened" | "again" | "unknown";

export async function checkOutcome(session: Session, node: Node): Promise<StatementOutcome> {
  const index = concurrentIndexOf(node);
  if (index !== undefined) {
    const found = await findIndex(session, index);
    if (found?.valid) return "happened";
    await clean(session, node);
    return "again";
  }
  switch (kindOf(node)) {
    case "VacuumStmt":
    case "ClusterStmt":
    case "AlterSystemStmt":
      return "again";
    case "ReindexStmt":
      await clean(session, node);
      return "again";
    case "DropStmt": {
      const [{ there } = { there: true }] = await session.query<{ there: boolean }>(
        "SELECT bool_or(to_regclass(name) IS NOT NULL) AS there FROM unnest($1::text[]) AS name",
        [tablesOf(node)],
      );
      return there ? "again" : "happened";
    }
    case "CreatedbStmt":
    case "DropdbStmt": {
      const there = (await session.query("SELECT FROM pg_database WHERE datname = $1", [fieldsOf(node).dbname])).length > 0;
      return there === (kindOf(node) === "CreatedbStmt") ? "happened" : "again";
    }
    default:
      return "unknown";
  }
}

/** An index that a broken build left is of no use to anybody, is kept up to date all the same, and lets IF NOT EXISTS believe in it. */
export async function clean(session: Session, node: Node): Promise<void> {
  const index = concurrentIndexOf(node);
  if (index !== undefined) {
    const found = await findIndex(session, index);
    if (found && !found.valid) await dropIndex(session, found.schema, index.name);
  } else if (kindOf(node) === "ReindexStmt") {
    for (const { schema, name } of await brokenTwins(session, tablesOf(node))) await dropIndex(session, schema, name);
  }
}
