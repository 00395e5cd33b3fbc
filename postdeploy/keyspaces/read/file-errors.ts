/** Every error in the keyspace files of a folder, where reading stops at the first. */
import { Failure } from "../../connect/failure.ts";
import { readBatches } from "./entries.ts";
import { isSmall } from "./key-digests.ts";
import { type Keyspace, readKeyspaceFiles, readKeyspaces } from "./keyspace.ts";
import { readScripts } from "./scripts.ts";

export interface KeyspaceFolder {
  readonly folder: string;
  readonly system: string;
}

/** One error for each file. Large data files are read only when they are seeded. */
export async function findKeyspaceErrors({ folder, system }: KeyspaceFolder): Promise<string[]> {
  const errors: string[] = [];
  for (const read of readKeyspaceFiles(folder, system)) {
    const error = await messageOf(async () => {
      const keyspace = read();
      readScripts(keyspace);
      if (isSmall(keyspace)) await parseEntries(keyspace);
    });
    if (error !== undefined) errors.push(error);
  }
  if (errors.length > 0) return errors;
  const conflict = await messageOf(() => readKeyspaces(folder, system));
  return conflict === undefined ? [] : [conflict];
}

async function parseEntries(keyspace: Keyspace): Promise<void> {
  for await (const _ of readBatches(keyspace));
}

async function messageOf(read: () => unknown): Promise<string | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}
