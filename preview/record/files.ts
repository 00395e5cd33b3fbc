/** Has the files of both sides read in a process apart, and takes what it tells as data. */
import path from "node:path";
import { z } from "zod";
import { type KeyspaceChange, keyspaceSchema, type MigrationChange, migrationSchema } from "../../report/review.ts";
import { jailed, type Limits, OWN_POSTDEPLOY } from "./side.ts";

export interface FilesJob {
  /** Where the project is on each side. */
  readonly base: string;
  readonly head: string;
  readonly folders: readonly { readonly kind: "Migrations" | "Keyspaces"; readonly system: string; readonly folder: string }[];
}

export interface FilesTold {
  readonly migrations: readonly MigrationChange[];
  readonly keyspaces: readonly KeyspaceChange[];
  /** In sentences. */
  readonly failures: readonly string[];
}

const toldSchema = z.strictObject({
  migrations: z.array(migrationSchema),
  keyspaces: z.array(keyspaceSchema),
  failures: z.array(z.string()),
});

const CHILD = path.join(import.meta.dirname, `files-child${path.extname(import.meta.filename)}`);

export async function readFilesApart(
  job: FilesJob,
  readable: readonly string[],
  jail: readonly string[],
  limits: Limits,
  cache: string,
): Promise<FilesTold> {
  const compiled = path.join(cache, "compiled", "files");
  const answer = await jailed(
    { script: CHILD, input: job, readable: [...readable, ...OWN_POSTDEPLOY], compiled, home: job.head, jail },
    limits,
  );
  const failed = (why: string): FilesTold => ({
    migrations: [],
    keyspaces: [],
    failures: [`Migrations and keyspaces of this change could not be read, so nothing is told of them: ${why}`],
  });
  if ("failure" in answer) return failed(answer.failure);
  const parsed = toldSchema.safeParse(jsonOf(answer.sent));
  return parsed.success ? parsed.data : failed(`the process that read them ended.${answer.said}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
