/**
 * Shows what a change does, without a credential: records the program at base and at head, each in a process of its own, and compares the plans.
 *
 * This process decides everything. What the head's process sends is untrusted data about the head.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { findProject, type Project, stackNames } from "../engine/project.ts";
import { ProjectError } from "../engine/projecterror.ts";
import type { Review } from "../report/review.ts";
import { type Commit, killGit, Repository } from "./checkout/git.ts";
import { installedFor, link, type Modules, modulesOfBase } from "./checkout/modules.ts";
import { previewCache, prune, treesFolder, Worktrees } from "./checkout/worktree.ts";
import type { Logged } from "./events.ts";
import type { RecordedSide } from "./files.ts";
import { findSandbox, killSides, LIMITS, recordSide } from "./record/side.ts";
import { reencrypted } from "./reencrypted.ts";

export interface PreviewOptions {
  /** A git ref. The head is compared with its merge base. */
  readonly base: string;
  /** A directory of the working tree that is the head. */
  readonly cwd: string;
  /** @default every stack file of base or head except local's, which uses no account */
  readonly stacks?: readonly string[];
  /** An event log of `pulumi preview` at the head. */
  readonly events?: string;
  /** Time limit of each side. @default 60 */
  readonly seconds?: number;
  /** Prints a warning while it works. */
  say(text: string): void;
}

/** The compiled code of a commit takes about 3 MiB, packages about 300 MiB. */
const COMMITS_KEPT = 12;
const LOCK_FILES_KEPT = 2;

export async function preview(options: PreviewOptions): Promise<Review> {
  const here = findProject(options.cwd);
  const repository = await Repository.at(here.root);
  const log = options.events === undefined ? undefined : await logOf(options.events);
  const [base, head, sandbox] = await Promise.all([repository.base(options.base), repository.head(), findSandbox()]);
  if (sandbox.length === 0)
    options.say(
      "On this system an unprivileged user cannot isolate a process from the network, so the program at head can reach the network.",
    );
  const cache = previewCache();
  prune(path.join(cache, "compiled"), COMMITS_KEPT);
  prune(path.join(cache, "modules"), LOCK_FILES_KEPT);
  const worktrees = new Worktrees(repository, treesFolder(cache));
  const guard = cleanUpOnExit(worktrees);
  try {
    const installed = installedFor(repository, here.root);
    const root = path.relative(repository.top, here.root);
    const key = randomBytes(32).toString("hex");
    const limits = { ...LIMITS, ...(options.seconds !== undefined && { seconds: options.seconds }) };
    const trees = { base: worktrees.add("base", base), head: worktrees.add("head", head) };
    // Loaded while git and the programs run.
    const [stackModule, filesModule] = [import("./stack.ts"), import("./files.ts")];
    const sides = await settledTogether([
      record("base", base, modulesOfBase(repository, base, head, installed, cache)),
      record("head", head, Promise.resolve(installed)),
    ]);
    const { fileChanges } = await filesModule;
    const { NO_PLAN, reviewStack } = await stackModule;
    const { worst } = await import("../report/review.ts");
    const [before, after] = sides as [RecordedSide, RecordedSide];
    const changed = await repository.changed(base, head);
    const stackList = stacksOf(options.stacks, before.project, after.project);
    const filesOf = await fileChanges({ before, after, changed, prefix: root, sandbox, limits, cache });
    const stacks = stackList.map((stack) => {
      const files = filesOf(stack);
      const gone = !after.plans.has(stack);
      const caveats = [...files.caveats, ...(before.modules.caveat === undefined ? [] : [before.modules.caveat]), ...(gone ? [GONE] : [])];
      // A new stack has no plan at base.
      const [old, now] = gone ? [undefined, undefined] : [before.plans.get(stack), after.plans.get(stack)];
      return reviewStack(stack, old ?? { plan: NO_PLAN }, now ?? { plan: NO_PLAN }, {
        ...files,
        caveats,
        reencrypted: reencryptedKeys(stack, before.project, after.project),
        ...(log?.get(stack) && { log: log.get(stack)! }),
      });
    });
    return {
      schema: "slipway-review/1",
      project: after.project?.name ?? here.name,
      base: { ref: base.ref, commit: base.commit },
      head: { ref: head.ref, commit: head.commit, dirty: head.dirty },
      risk: worst(stacks.map(({ risk }) => risk)),
      stacks,
    };

    async function record(name: "base" | "head", commit: Commit, own: Promise<Modules>): Promise<RecordedSide> {
      const [tree, modules] = await Promise.all([trees[name], own]);
      link(tree, modules);
      const directory = path.join(tree, root);
      const project = projectIn(directory, tree, name);
      const stacks = project === undefined ? [] : stackNames(project).filter((stack) => isSelected(stack, options.stacks));
      const compiled = path.join(cache, "compiled", `${name}-${commit.tree.slice(0, 16)}`);
      const plans = await recordSide({ tree, directory, modules: modules.directory, stacks, key, compiled }, sandbox, limits);
      return { tree, directory, modules, plans, ...(project && { project }) };
    }
  } finally {
    guard.done();
  }

  function reencryptedKeys(stack: string, before: Project | undefined, after: Project | undefined): readonly string[] {
    const [old, now] = [before, after].map((project) => (project === undefined ? "" : stackFile(project, stack)));
    return old === now || old === "" || now === "" ? [] : reencrypted(old!, now!, after!.name);
  }
}

const GONE = "The stack's file is deleted, but its resources are not. Destroy them with Pulumi first: pulumi destroy --stack <name>.";

function projectIn(directory: string, tree: string, name: string): Project | undefined {
  try {
    const project = findProject(directory);
    // A project above the checkout is another project.
    return project.root === directory ? project : undefined;
  } catch (error) {
    if (error instanceof ProjectError && name === "base" && error.message.startsWith("There is no directory")) return undefined;
    if (error instanceof ProjectError) throw new ProjectError(`${name}: ${error.message.replaceAll(`${tree}/`, "")}`);
    throw error;
  }
}

const LOCAL = "local";

function isSelected(stack: string, selected: readonly string[] | undefined): boolean {
  return selected === undefined ? stack !== LOCAL : selected.includes(stack);
}

function stacksOf(selected: readonly string[] | undefined, before: Project | undefined, after: Project | undefined): readonly string[] {
  const known = [...new Set([before, after].flatMap((project) => (project ? stackNames(project) : [])))].sort();
  const unknown = selected?.find((stack) => !known.includes(stack));
  if (unknown !== undefined) throw new ProjectError(`Stack "${unknown}" does not exist at base or at head. Stacks: ${known.join(", ")}.`);
  return known.filter((stack) => isSelected(stack, selected));
}

/** A larger file is ignored: it is untrusted. */
const LONGEST_STACK_FILE = 2 ** 20;

function stackFile(project: Project, stack: string): string {
  for (const extension of ["yaml", "yml"]) {
    try {
      const text = readFileSync(path.join(project.stackDirectory, `Pulumi.${stack}.${extension}`), "utf8");
      return text.length > LONGEST_STACK_FILE ? "" : text;
    } catch {
      // Try the other extension.
    }
  }
  return "";
}

async function logOf(file: string): Promise<ReadonlyMap<string, Logged>> {
  const [{ readEvents }, { EVENT_LOG_COMMAND }] = await Promise.all([import("./events.ts"), import("../report/plan/event-log.ts")]);
  try {
    return readEvents(readFileSync(file, "utf8"), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new ProjectError(`File not found: ${file}. Create it with: ${EVENT_LOG_COMMAND} ${file}`);
  }
}

/** Waits for both before it throws, so that nothing runs when the checkouts are removed. */
async function settledTogether<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Removes the checkouts and stops child processes, also when this process is interrupted. */
function cleanUpOnExit(worktrees: Worktrees) {
  const clean = () => {
    killGit();
    killSides();
    worktrees.removeAll();
  };
  const handlers = Object.entries(SIGNALS).map(([signal, number]) => {
    const handler = () => {
      clean();
      process.exit(128 + number);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return {
    done() {
      clean();
      for (const [signal, handler] of handlers) process.removeListener(signal, handler);
    },
  };
}
