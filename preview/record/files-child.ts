/** The process that reads the migrations and keyspaces of both sides: it parses untrusted files and executes none of them. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { compareKeyspaces } from "../../postdeploy/keyspaces/read/file-changes.ts";
import type { KeyspaceChange, MigrationChange } from "../../report/review.ts";
import type { FilesJob, FilesResult } from "./files.ts";
import { migrationChanges } from "./migrations.ts";
import { send } from "./send.ts";

const { base, head, folders }: Omit<FilesJob, "root"> = JSON.parse(readFileSync(0, "utf8"));
send(await readFolders());

async function readFolders(): Promise<FilesResult> {
  const migrations: MigrationChange[] = [];
  const keyspaces: KeyspaceChange[] = [];
  const failures: string[] = [];
  for (const { kind, system, folder } of folders) {
    const [before, after] = [path.join(base, folder), path.join(head, folder)];
    try {
      if (kind === "Keyspaces") keyspaces.push(...(await compareKeyspaces(before, after, system)));
      else migrations.push(...(await migrationChanges(existsSync(before) ? before : undefined, after, system)));
    } catch (error) {
      failures.push(`${system}: reading ${folder} failed: ${(error as Error).message}`);
    }
  }
  return { migrations, keyspaces, failures };
}
