/**
 * Exports a database as JSON files and stores them in every copy of the backups, encrypted and signed like them. The manifest is written last: a run that
 * is killed leaves no export.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Archive, archiveFiles } from "../../backup/json-archive.ts";
import { takeLease } from "../../backup/lease.ts";
import type { Repository } from "../../backup/repository.ts";
import type { SigningKey } from "../../backup/signature.ts";
import { refuseStoredIdentity } from "../../backup/stored-identity.ts";
import { type ExportResult, exportData } from "../../data/export.ts";
import type { Progress } from "../../data/progress.ts";
import { isRunning } from "../../local/servers/is-running.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { DataMapping } from "../../systems/data/mapping.ts";

export interface ExportToCopies {
  readonly system: string;
  readonly mapping: DataMapping;
  readonly connection: Connection;
  readonly repository: Repository;
  readonly recipients: readonly string[];
  readonly signingKey: SigningKey;
  /** Where rows are listed that cannot be read back. @default next to the files, and removed with them */
  readonly rejectedFile?: string;
  /** Under the lease: false where another run has made the export meanwhile. */
  readonly isWanted?: () => Promise<boolean>;
  onProgress?(progress: Progress): void;
}

export interface StoredExport {
  readonly exported: ExportResult;
  readonly archive: Archive;
}

/** @returns undefined if it was not wanted any more */
export async function exportToCopies(options: ExportToCopies): Promise<StoredExport | undefined> {
  const { system, mapping, connection, repository, recipients, signingKey, isWanted = async () => true, onProgress } = options;
  const { copies } = repository;
  await refuseStoredIdentity(copies, recipients);
  const lease = await takeLease(copies[0], { system, part: "json-export" }, "an export");
  try {
    if (!(await isWanted())) return undefined;
    removeLeftovers();
    const scratch = mkdtempSync(path.join(tmpdir(), `${SCRATCH}${process.pid}-`));
    try {
      // Before the snapshot: what is written after it is not in the export.
      const at = new Date();
      const exported = await exportData({
        ...{ connection, system, mapping, to: path.join(scratch, "files") },
        rejectedFile: options.rejectedFile ?? path.join(scratch, "rejected.ndjson"),
        ...(onProgress && { onProgress }),
      });
      await lease.confirm();
      const archive = await archiveFiles({ system, kind: "json-export", from: exported.folder, copies, recipients, signingKey, at });
      return { exported, archive };
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  } finally {
    await lease.release();
  }
}

const SCRATCH = "slipway-json-export-";

/** The files of a killed run are not encrypted. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(SCRATCH)) continue;
    const pid = Number.parseInt(name.slice(SCRATCH.length), 10);
    if (!isRunning(pid)) rmSync(path.join(tmpdir(), name), { recursive: true, force: true });
  }
}
