/** Reads the migrations and keyspaces of both sides in a sandboxed process, and validates its answer. */
import path from "node:path";
import { z } from "zod";
import { type KeyspaceChange, keyspaceSchema, type MigrationChange, migrationSchema } from "../../report/review.ts";
import { type Limits, OWN_POSTDEPLOY, runSandboxed } from "./side.ts";

export interface FilesJob {
  /** The project directory of each side. */
  readonly base: string;
  readonly head: string;
  readonly folders: readonly { readonly kind: "Migrations" | "Keyspaces"; readonly system: string; readonly folder: string }[];
}

export interface FilesResult {
  readonly migrations: readonly MigrationChange[];
  readonly keyspaces: readonly KeyspaceChange[];
  readonly failures: readonly string[];
}

const resultSchema = z.strictObject({
  migrations: z.array(migrationSchema),
  keyspaces: z.array(keyspaceSchema),
  failures: z.array(z.string()),
});

const CHILD = path.join(import.meta.dirname, `files-child${path.extname(import.meta.filename)}`);

export async function readInChild(
  job: FilesJob,
  readable: readonly string[],
  sandbox: readonly string[],
  limits: Limits,
  cache: string,
): Promise<FilesResult> {
  const compiled = path.join(cache, "compiled", "files");
  const answer = await runSandboxed(
    { script: CHILD, input: job, readable: [...readable, ...OWN_POSTDEPLOY], compiled, home: job.head, sandbox },
    limits,
  );
  const failed = (why: string): FilesResult => ({
    migrations: [],
    keyspaces: [],
    failures: [`Reading migrations and keyspaces failed, so their changes are not shown: ${why}`],
  });
  if ("failure" in answer) return failed(answer.failure);
  const parsed = resultSchema.safeParse(jsonOf(answer.sent));
  return parsed.success ? parsed.data : failed(`the process ended without a result.${answer.errors}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
