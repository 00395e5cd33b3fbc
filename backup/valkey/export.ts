/** Exports the keys of a Valkey or Redis store as JSON lines. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import { readDatabaseSizes, readServerInfo } from "../../postdeploy/keyspaces/inspect/server.ts";
import { StoreConnection } from "../../postdeploy/keyspaces/wire/connection.ts";
import { generateClientName } from "../../postdeploy/keyspaces/wire/lock.ts";
import { formatTarget, type StoreAddress } from "../../postdeploy/keyspaces/wire/target.ts";
import { type DatabaseSummary, KeyDigester, Tally } from "./digest.ts";
import { type ExportSummary, encodeFunction, encodeHeader, encodeRecord, encodeTotal } from "./lines.ts";
import { formatKey, IMPORT_MARK, readDatabase, readFunctions, readTime } from "./read.ts";
import type { FunctionLibrary, ValueRecord } from "./records.ts";

/** For help and documentation. */
export const EXPORT_CONSISTENCY =
  "The export of a store is not a point in time: each key has the value of the moment it was read. A key that clients change while a large value " +
  "is read in parts is named in the result. Consumer groups keep their position; entries that consumers have not acknowledged are not kept as pending.";

export interface StoreExport {
  /** Chunks of whole lines. Pass it to `Readable.from` for a stream: it is read no faster than the stream is written. */
  readonly lines: AsyncIterable<Buffer>;
  /** @throws if the lines are not read to their end */
  summary(): ExportSummary;
}

const CHUNK_CHARACTERS = 64 * 1024;

/**
 * @param databases The numbers of the databases. All that hold keys by default.
 */
export function exportDatabases(address: StoreAddress, databases?: readonly number[]): StoreExport {
  let summary: ExportSummary | undefined;
  async function* chunks() {
    let text = "";
    for await (const line of exportLines(address, databases, (total) => (summary = total))) {
      text += `${line}\n`;
      if (text.length < CHUNK_CHARACTERS) continue;
      yield Buffer.from(text);
      text = "";
    }
    yield Buffer.from(text);
  }
  return {
    lines: chunks(),
    summary() {
      if (summary === undefined) throw new Error("The export is not complete: read its lines to the end first.");
      return summary;
    },
  };
}

async function* exportLines(
  address: StoreAddress,
  databases: readonly number[] | undefined,
  onTotal: (total: ExportSummary) => void,
): AsyncGenerator<string> {
  const name = generateClientName();
  const { header, libraries } = await withConnection(address, databases?.[0] ?? 0, name, (connection) =>
    describeStore(connection, databases),
  );
  yield encodeHeader(header);
  for (const library of libraries) yield encodeFunction(library);
  const summaries: DatabaseSummary[] = [];
  for (const database of header.databases) {
    const connection = await StoreConnection.open(address, database, name);
    try {
      summaries.push(yield* exportDatabase(connection, database));
    } finally {
      connection.close();
    }
  }
  const total = { databases: summaries, functions: libraries.map(({ name }) => name) };
  yield encodeTotal(total);
  onTotal(total);
}

export async function withConnection<T>(
  address: StoreAddress,
  database: number,
  name: string,
  work: (connection: StoreConnection) => Promise<T>,
): Promise<T> {
  const connection = await StoreConnection.open(address, database, name);
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}

async function describeStore(connection: StoreConnection, databases: readonly number[] | undefined) {
  const { software } = await readServerInfo(connection);
  const libraries: FunctionLibrary[] = (await readFunctions(connection)).sort((one, other) => (one.name < other.name ? -1 : 1));
  // Not readDatabaseSizes alone: without permission for INFO it reports no database, and the export would be empty.
  await connection.call("INFO", "keyspace");
  const numbers = databases ?? (await readDatabaseSizes(connection)).map(({ database }) => database);
  const startedAt = new Date(await readTime(connection)).toISOString();
  return { header: { server: software, databases: [...new Set(numbers)].sort((one, other) => one - other), startedAt }, libraries };
}

async function* exportDatabase(connection: StoreConnection, database: number): AsyncGenerator<string, DatabaseSummary> {
  const where = `database ${database} of ${formatTarget(connection.target)}`;
  if ((await connection.call("EXISTS", IMPORT_MARK)) === 1)
    throw new Failure(
      "import-unfinished",
      1,
      `${where} holds a part of an import that did not finish. Complete the import first. Nothing was exported.`,
    );
  const [digester, tally, counts] = [new KeyDigester(), new Tally(database), { gone: 0 }];
  let current = "";
  for await (const records of readDatabase(connection, database, counts))
    for (const record of records) {
      if (record.kind === "key" || record.kind === "start") current = formatKey(record.key);
      const key = digester.add(record);
      if (key !== undefined) {
        tally.add(key, () => current);
        if (!key.exists) counts.gone++;
      }
      yield encode(record, current, where);
    }
  return tally.summarize(counts.gone);
}

function encode(record: ValueRecord, key: string, where: string): string {
  try {
    return encodeRecord(record);
  } catch (error) {
    if (!(error instanceof RangeError) && (error as NodeJS.ErrnoException).code !== "ERR_STRING_TOO_LONG") throw error;
    throw new Failure(
      "value-too-large",
      1,
      `Key ${key} in ${where} has an element that is too large for one line of an export (about 380 MB).`,
      {
        cause: error,
      },
    );
  }
}
