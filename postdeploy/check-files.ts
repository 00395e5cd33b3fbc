/** Checks the files of post-deploy steps without a server: what cannot be parsed fails a preview, before a deployment creates anything. */
import { Failure } from "./connect/failure.ts";
import type { KeyspaceFolder } from "./keyspaces/read/file-errors.ts";

/** The folders of one system, relative to the program's directory. */
export interface SystemFiles {
  readonly system: string;
  readonly migrations?: string;
  readonly keyspaces?: string;
}

/** Every error in the files of these systems, as "sql/shop/002_orders.sql:3:1: …". */
export async function findFileErrors(systems: readonly SystemFiles[]): Promise<string[]> {
  const migrations = systems.flatMap(({ migrations }) => migrations ?? []);
  const keyspaces = systems.flatMap(({ system, keyspaces }): KeyspaceFolder[] =>
    keyspaces === undefined ? [] : [{ system, folder: keyspaces }],
  );
  return [...(await migrationErrors(migrations)), ...(await keyspaceErrors(keyspaces))];
}

async function migrationErrors(folders: readonly string[]): Promise<string[]> {
  if (folders.length === 0) return [];
  const { findMigrationErrors } = await import("./migrate/read/prepare.ts");
  const found = folders.map((folder) =>
    findMigrationErrors(folder).catch((error) => {
      // A folder that does not exist.
      if (error instanceof Failure) return [error.message];
      throw error;
    }),
  );
  return (await Promise.all(found)).flat();
}

async function keyspaceErrors(folders: readonly KeyspaceFolder[]): Promise<string[]> {
  if (folders.length === 0) return [];
  const { findKeyspaceErrors } = await import("./keyspaces/read/file-errors.ts");
  return (await Promise.all(folders.map(findKeyspaceErrors))).flat();
}
