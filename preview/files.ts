/**
 * The changes of migrations and keyspaces, from the files of both sides.
 *
 * The files are untrusted, so they are read in a process of its own, with the same rights and limits as the program.
 */
import path from "node:path";
import type { Plan, PlannedResource } from "../engine/plan.ts";
import type { KeyspaceChange, MigrationChange } from "../report/review.ts";
import { isInside } from "./checkout/git.ts";
import { type FilesJob, readInChild } from "./record/files.ts";
import type { RecordedSide } from "./record/side.ts";
import type { Sandbox } from "./sandbox/box.ts";
import type { CompileCache, Limits } from "./sandbox/run.ts";

/** A recorded side and its checkout. */
export interface CheckedOutSide extends RecordedSide {
  readonly tree: string;
}

interface Options {
  readonly before: CheckedOutSide;
  readonly after: CheckedOutSide;
  /** Paths from the repository's root. */
  readonly changed: readonly string[];
  /** Path of the project from the repository's root. */
  readonly prefix: string;
  readonly sandbox: Sandbox;
  readonly limits: Limits;
  readonly cache: CompileCache;
}

export interface FileChanges {
  readonly migrations: readonly MigrationChange[];
  readonly keyspaces: readonly KeyspaceChange[];
  readonly caveats: readonly string[];
}

const NONE: FileChanges = { migrations: [], keyspaces: [], caveats: [] };

/** @returns a function that selects the changes of a stack: those of the folders that its steps apply */
export async function fileChanges({
  before,
  after,
  changed,
  prefix,
  sandbox,
  limits,
  cache,
}: Options): Promise<(stack: string) => FileChanges> {
  const folders = new Map<string, FilesJob["folders"][number]>();
  for (const side of [before, after]) for (const step of stepsOf(side)) folders.set(`${step.kind} ${step.system} ${step.folder}`, step);
  const touched = [...folders.values()].filter(({ folder }) => changed.some((file) => isInside(path.join(prefix, folder), file)));
  if (touched.length === 0) return () => NONE;
  const read = await readInChild({ base: before.tree, head: after.tree, root: prefix, folders: touched }, sandbox, limits, cache);
  return (stack) => {
    const own = new Set([before, after].flatMap((side) => stepsOf(side, stack)).map(({ kind, system }) => `${kind} ${system}`));
    return {
      migrations: read.migrations.filter(({ system }) => own.has(`Migrations ${system}`)),
      keyspaces: read.keyspaces.filter(({ system }) => own.has(`Keyspaces ${system}`)),
      caveats: read.failures,
    };
  };
}

function stepsOf(side: RecordedSide, only?: string): FilesJob["folders"] {
  return [...side.plans].flatMap(([stack, recorded]) =>
    (only === undefined || stack === only) && "plan" in recorded ? stepsIn(recorded.plan) : [],
  );
}

/** Folders outside of the project are ignored. */
function stepsIn({ resources }: Plan): FilesJob["folders"] {
  return resources.flatMap((resource) => {
    const kind = kindOf(resource);
    const { system, folder } = resource.inputs;
    if (kind === undefined || typeof system !== "string" || typeof folder !== "string" || !isInside("/x", path.resolve("/x", folder)))
      return [];
    return [{ kind, system, folder }];
  });
}

function kindOf({ type }: PlannedResource): "Migrations" | "Keyspaces" | undefined {
  if (type.endsWith(":Migrations")) return "Migrations";
  return type.endsWith(":Keyspaces") ? "Keyspaces" : undefined;
}
