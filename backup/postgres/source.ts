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
    archive: dump.archive,
    expectedBytes: dump.databaseBytes,
    contents,
    close: dump.close,
  };
}
