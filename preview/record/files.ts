/** Reads the migrations and keyspaces of both sides in a sandboxed process, and validates its answer. */
import path from "node:path";
import { z } from "zod";
import { type KeyspaceChange, keyspaceSchema, type MigrationChange, migrationSchema } from "../../report/review.ts";
import type { Sandbox } from "../sandbox/box.ts";
import { type CompileCache, type Limits, runSandboxed } from "../sandbox/run.ts";
import { OWN_POSTDEPLOY, placeIn } from "./side.ts";

export interface FilesJob {
  /** The checkout of each side. */
  readonly base: string;
  readonly head: string;
  /** The folder of Pulumi.yaml in them. */
  readonly root: string;
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
  { base, head, root, folders }: FilesJob,
  sandbox: Sandbox,
  limits: Limits,
  cache: CompileCache,
): Promise<FilesResult> {
  const [before, after] = [placeIn(sandbox, base, "/base"), placeIn(sandbox, head, "/head")];
  const answer = await runSandboxed(
    sandbox,
    {
      script: CHILD,
      input: { base: path.join(before.to, root), head: path.join(after.to, root), folders },
      readable: [before, after, ...OWN_POSTDEPLOY],
      directory: after.to,
      cache,
    },
    limits,
  );
  const failed = (why: string): FilesResult => ({
    migrations: [],
    keyspaces: [],
    failures: [`Reading migrations and keyspaces failed, so their changes are not shown: ${why}`],
  });
  if (answer.failure !== undefined) return failed(answer.failure);
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
