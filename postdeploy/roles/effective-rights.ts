/** What two users of one role may do, compared as the server decides it: with inherited privileges, not by the grants that lead to them. */
import { withSession } from "../connect/session.ts";
import type { Connection } from "../connect/target.ts";

export interface RightsDifference {
  /** "table public.items" */
  readonly object: string;
  readonly privilege: string;
  /** The user that has it; the other one does not. */
  readonly only: string;
}

/** In one database. Empty if both users may do the same. */
export async function compareEffectiveRights(
  connection: Connection,
  users: readonly [string, string],
): Promise<readonly RightsDifference[]> {
  return await withSession(
    connection,
    { application: "slipway rotate" },
    async (session) => (await session.query(DIFFERENCES, users)) as unknown as readonly RightsDifference[],
  );
}

const privilegesOf = (privileges: readonly string[]) => `unnest(ARRAY[${privileges.map((one) => `'${one}'`).join(", ")}]) privilege`;

const TABLE = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];

/** The server's own objects are the same for every user. */
const OWN = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

const DIFFERENCES = `
  WITH rights AS (
    SELECT 'table ' || c.oid::regclass AS object, privilege,
           has_table_privilege($1, c.oid, privilege) AS first, has_table_privilege($2, c.oid, privilege) AS second
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, ${privilegesOf(TABLE)}
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${OWN}
    UNION ALL
    SELECT 'column ' || a.attname || ' of ' || c.oid::regclass, privilege,
           has_column_privilege($1, c.oid, a.attnum, privilege), has_column_privilege($2, c.oid, a.attnum, privilege)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
           ${privilegesOf(["SELECT", "INSERT", "UPDATE", "REFERENCES"])}
     WHERE a.attacl IS NOT NULL AND a.attnum > 0 AND NOT a.attisdropped AND ${OWN}
    UNION ALL
    SELECT 'sequence ' || c.oid::regclass, privilege,
           has_sequence_privilege($1, c.oid, privilege), has_sequence_privilege($2, c.oid, privilege)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, ${privilegesOf(["USAGE", "SELECT", "UPDATE"])}
     WHERE c.relkind = 'S' AND ${OWN}
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure, 'EXECUTE', has_function_privilege($1, p.oid, 'EXECUTE'), has_function_privilege($2, p.oid, 'EXECUTE')
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${OWN}
    UNION ALL
    SELECT 'schema ' || quote_ident(n.nspname), privilege, has_schema_privilege($1, n.oid, privilege), has_schema_privilege($2, n.oid, privilege)
      FROM pg_namespace n, ${privilegesOf(["CREATE", "USAGE"])} WHERE ${OWN}
    UNION ALL
    SELECT 'database ' || quote_ident(d.datname), privilege, has_database_privilege($1, d.oid, privilege), has_database_privilege($2, d.oid, privilege)
      FROM pg_database d, ${privilegesOf(["CREATE", "CONNECT", "TEMPORARY"])} WHERE d.datallowconn
  )
  SELECT object, privilege, CASE WHEN first THEN $1::text ELSE $2::text END AS only
    FROM rights WHERE first IS DISTINCT FROM second ORDER BY 1, 2 LIMIT 50`;
