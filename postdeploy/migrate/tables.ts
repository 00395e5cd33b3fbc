/** Applies a folder of migrations to a shadow database and reads the tables that they create. */
import { open } from "../connect/session.ts";
import type { Connection } from "../connect/target.ts";
import { withShadow } from "./schema/shadow.ts";
import { readTables, type Table } from "./schema/tables.ts";
import { up } from "./up.ts";
import type { VerifyOptions } from "./verify.ts";

export type { Column, Reference, Table } from "./schema/tables.ts";

export interface TablesOptions extends Pick<VerifyOptions, "folder" | "ledgerSchema" | "schemas" | "extensions" | "roles" | "signal"> {
  /** A server on which the role can create databases. */
  shadow: Connection;
}

export async function tables(options: TablesOptions): Promise<readonly Table[]> {
  const { folder, shadow: server, schemas = [], extensions = [], roles = [], ledgerSchema, signal } = options;
  return await withShadow(server, { schemas, extensions, roles }, async (shadow) => {
    await up({ folder, connection: shadow, schemas: options.schemas, ledgerSchema, signal });
    const session = await open(shadow, { application: "slipway diagram" });
    try {
      return await readTables(session, ledgerSchema ?? "slipway");
    } finally {
      await session.end();
    }
  });
}
