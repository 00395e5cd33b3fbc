import { open } from "../../postdeploy/connect/session.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { Source } from "../create.ts";
import type { SourceState } from "../ensure.ts";
import type { PostgresClients } from "./clients.ts";
import { startDump } from "./dump.ts";
import { readOrigin } from "./origin.ts";

export async function openPostgresSource(
  connection: Connection,
  findClients: (major: number) => Promise<PostgresClients>,
): Promise<Source> {
  const dump = await startDump(connection, findClients);
  const contents = dump.contents.then((postgres) => ({ postgres }));
  // Where the archive fails, no code waits for the contents.
  contents.catch(() => {});
  return {
    ...{ archive: dump.archive, compression: dump.compression, origin: dump.origin },
    expectedBytes: dump.databaseBytes,
    contents,
    close: dump.close,
  };
}

/** A database is empty before its first migration. */
export async function inspectPostgres(connection: Connection): Promise<SourceState> {
  const session = await open(connection, { application: "slipway backup" });
  try {
    const [row] = await session.query<{ empty: boolean }>(
      `SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'm', 'f', 'S') AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema')
        AND NOT EXISTS (SELECT FROM pg_largeobject_metadata) AS empty`,
    );
    return { isEmpty: row!.empty, origin: await readOrigin(session) };
  } finally {
    await session.end();
  }
}
