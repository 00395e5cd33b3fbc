import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { readDatabaseSizes, readServerInfo } from "../../postdeploy/keyspaces/inspect/server.ts";
import { generateClientName } from "../../postdeploy/keyspaces/wire/lock.ts";
import type { StoreAddress } from "../../postdeploy/keyspaces/wire/target.ts";
import type { Source } from "../create.ts";
import type { SourceState } from "../ensure.ts";
import { exportDatabases, withConnection } from "./export.ts";

export async function openValkeySource(address: StoreAddress): Promise<Source> {
  const { software: server, runId } = await withConnection(address, 0, generateClientName(), readServerInfo);
  const { lines, summary } = exportDatabases(address);
  const archive = Readable.from(lines, { objectMode: false });
  const contents = finished(archive, { writable: false }).then(() => {
    const { databases, functions } = summary();
    const counted = databases.map(({ database, keys, expiring, changed, checksum }) => ({ database, keys, expiring, changed, checksum }));
    return { valkey: { server, functions: [...functions], databases: counted } };
  });
  contents.catch(() => {});
  return {
    ...{ archive, compression: "zstd", origin: runId || undefined },
    expectedBytes: 0,
    contents,
    async close() {
      archive.destroy();
      await contents.catch(() => {});
    },
  };
}

export const inspectValkey = (address: StoreAddress): Promise<SourceState> =>
  withConnection(address, 0, generateClientName(), async (connection) => ({
    isEmpty: (await readDatabaseSizes(connection)).every(({ keys }) => keys === 0),
    origin: (await readServerInfo(connection)).runId || undefined,
  }));
