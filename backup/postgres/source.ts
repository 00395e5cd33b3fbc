import { open } from "../../postdeploy/connect/session.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { Source } from "../create.ts";
import type { PostgresClients } from "./clients.ts";
import { startDump } from "./dump.ts";

export async function openPostgresSource(
  connection: Connection,
  findClients: (major: number) => Promise<PostgresClients>,
): Promise<Source> {
  const dump = await startDump(connection, findClients);
  const contents = dump.contents.then((postgres) => ({ postgres }));
  // Where the archive fails, no code waits for the contents.
  contents.catch(() => {});
  return {
    ...{ archive: dump.archive, compression: dump.compression },
    expectedBytes: dump.databaseBytes,
    contents,
    close: dump.close,
  };
}

/** Before the first migration. */
export async function hasNoTables(connection: Connection): Promise<boolean> {
  const session = await open(connection, { application: "slipway backup" });
  try {
    const [row] = await session.query<{ none: boolean }>(
      `SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'm') AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema') AS none`,
    );
    return row!.none;
  } finally {
    await session.end();
  }
}
