/**
 * What a change does to migrations and keyspaces, read from the files of both sides.
 *
 * They are a stranger's files, so they are read in a process of its own as well, with the same rights and limits as the program.
 */
import path from "node:path";
import type { Plan, PlannedResource } from "../engine/plan.ts";
import type { Project } from "../engine/project.ts";
import type { KeyspaceChange, MigrationChange } from "../report/review.ts";
import { inside } from "./checkout/git.ts";
import type { Modules } from "./checkout/modules.ts";
import { type FilesJob, readFilesApart } from "./record/files.ts";
import type { Recorded } from "./record/parse.ts";
import type { Limits } from "./record/side.ts";

/** One side, recorded. */
export interface Taken {
  readonly tree: string;
  readonly directory: string;
  /** Absent where there was no project yet. */
  readonly project?: Project;
  readonly modules: Modules;
  readonly plans: ReadonlyMap<string, Recorded>;
}

interface Given {
  readonly before: Taken;
  readonly after: Taken;
  /** From the repository's top. */
  readonly changed: readonly string[];
  /** Of the project, from the repository's top. */
  readonly prefix: string;
  readonly jail: readonly string[];
  readonly limits: Limits;
  readonly cache: string;
}

export interface FileChanges {
  readonly migrations: readonly MigrationChange[];
  readonly keyspaces: readonly KeyspaceChange[];
  readonly caveats: readonly string[];
}

const NONE: FileChanges = { migrations: [], keyspaces: [], caveats: [] };

/** @returns by stack: a stack is told of the folders that its own steps apply. */
export async function fileChanges({ before, after, changed, prefix, jail, limits, cache }: Given): Promise<(stack: string) => FileChanges> {
  const folders = new Map<string, FilesJob["folders"][number]>();
  for (const side of [before, after]) for (const step of stepsOf(side)) folders.set(`${step.kind} ${step.system} ${step.folder}`, step);
  const touched = [...folders.values()].filter(({ folder }) => changed.some((file) => inside(path.join(prefix, folder), file)));
  if (touched.length === 0) return () => NONE;
  const told = await readFilesApart(
    { base: before.directory, head: after.directory, folders: touched },
    [before.tree, after.tree],
    jail,
    limits,
    cache,
  );
  return (stack) => {
    const own = new Set([before, after].flatMap((side) => stepsOf(side, stack)).map(({ kind, system }) => `${kind} ${system}`));
    return {
      migrations: told.migrations.filter(({ system }) => own.has(`Migrations ${system}`)),
      keyspaces: told.keyspaces.filter(({ system }) => own.has(`Keyspaces ${system}`)),
      caveats: told.failures,
    };
  };
}

function stepsOf(side: Taken, only?: string): FilesJob["folders"] {
  return [...side.plans].flatMap(([stack, recorded]) =>
    (only === undefined || stack === only) && "plan" in recorded ? stepsIn(recorded.plan) : [],
  );
}

/** A program may name any folder; only its own are looked at. */
function stepsIn({ resources }: Plan): FilesJob["folders"] {
  return resources.flatMap((resource) => {
    const kind = kindOf(resource);
    const { system, folder } = resource.inputs;
    if (kind === undefined || typeof system !== "string" || typeof folder !== "string" || !inside("/x", path.resolve("/x", folder)))
      return [];
    return [{ kind, system, folder }];
  });
}

function kindOf({ type }: PlannedResource): "Migrations" | "Keyspaces" | undefined {
  if (type.endsWith(":Migrations")) return "Migrations";
  return type.endsWith(":Keyspaces") ? "Keyspaces" : undefined;
}
