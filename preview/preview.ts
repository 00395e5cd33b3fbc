/**
 * What a change does, without a credential: the program at base and at head, each recorded in a process of its own, and their plans compared.
 *
 * Everything that is decided is decided here. What the head's process sends is data about the head and about nothing else.
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
import type { Taken } from "./files.ts";
import { findJail, killSides, LIMITS, recordSide } from "./record/side.ts";
import { reencrypted } from "./reencrypted.ts";

export interface PreviewOptions {
  /** A git ref; what is compared with is where the head left it. */
  readonly base: string;
  /** Where the head is: a directory of a working tree. */
  readonly cwd: string;
  /** @default every stack file of base or head but local's, which stands on nobody's account */
  readonly stacks?: readonly string[];
  /** A file that `pulumi preview --event-log` wrote of the head. */
  readonly events?: string;
  /** What each side may take. @default 60 */
  readonly seconds?: number;
  /** Told while it works. */
  say(text: string): void;
}

/** A preview compiles two commits, some 3 MiB each; packages are some 300 MiB. */
const COMMITS_KEPT = 12;
const LOCK_FILES_KEPT = 2;

export async function preview(options: PreviewOptions): Promise<Review> {
  const here = findProject(options.cwd);
  const repository = await Repository.at(here.root);
  const log = options.events === undefined ? undefined : await logOf(options.events);
  const [base, head, jail] = await Promise.all([repository.base(options.base), repository.head(), findJail()]);
  if (jail.length === 0)
    options.say("This system does not let an ordinary user take the network away from a process: the head's program can reach it.");
  const cache = previewCache();
  prune(path.join(cache, "compiled"), COMMITS_KEPT);
  prune(path.join(cache, "modules"), LOCK_FILES_KEPT);
  const worktrees = new Worktrees(repository, treesFolder(cache));
  const guard = cleanedUp(worktrees);
  try {
    const installed = installedFor(repository, here.root);
    const root = path.relative(repository.top, here.root);
    const key = randomBytes(32).toString("hex");
    const limits = { ...LIMITS, ...(options.seconds !== undefined && { seconds: options.seconds }) };
    const trees = { base: worktrees.add("base", base), head: worktrees.add("head", head) };
    // What is needed afterwards is read while git and the programs are at work.
    const [reading, joins] = [import("./stack.ts"), import("./files.ts")];
    const sides = await settledTogether([
      recorded("base", base, modulesOfBase(repository, base, head, installed, cache)),
      recorded("head", head, Promise.resolve(installed)),
    ]);
    const { fileChanges } = await joins;
    const { NO_PLAN, reviewStack } = await reading;
    // Read by then, along with what compares.
    const { worst } = await import("../report/review.ts");
    const [before, after] = sides as [Taken, Taken];
    const changed = await repository.changed(base, head);
    const asked = stacksOf(options.stacks, before.project, after.project);
    const joined = await fileChanges({ before, after, changed, prefix: root, jail, limits, cache });
    const stacks = asked.map((stack) => {
      const files = joined(stack);
      const gone = !after.plans.has(stack);
      const caveats = [...files.caveats, ...(before.modules.caveat === undefined ? [] : [before.modules.caveat]), ...(gone ? [GONE] : [])];
      // A stack that is new asked for nothing before.
      const [old, now] = gone ? [undefined, undefined] : [before.plans.get(stack), after.plans.get(stack)];
      return reviewStack(stack, old ?? { plan: NO_PLAN }, now ?? { plan: NO_PLAN }, {
        ...files,
        caveats,
        reencrypted: rotated(stack, before.project, after.project),
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

    async function recorded(name: "base" | "head", commit: Commit, own: Promise<Modules>): Promise<Taken> {
      const [tree, modules] = await Promise.all([trees[name], own]);
      link(tree, modules);
      const directory = path.join(tree, root);
      const project = projectIn(directory, tree, name);
      const stacks = project === undefined ? [] : stackNames(project).filter((stack) => isAsked(stack, options.stacks));
      const compiled = path.join(cache, "compiled", `${name}-${commit.tree.slice(0, 16)}`);
      const plans = await recordSide({ tree, directory, modules: modules.directory, stacks, key, compiled }, jail, limits);
      return { tree, directory, modules, plans, ...(project && { project }) };
    }
  } finally {
    guard.done();
  }

  function rotated(stack: string, before: Project | undefined, after: Project | undefined): readonly string[] {
    const [old, now] = [before, after].map((project) => (project === undefined ? "" : stackFile(project, stack)));
    return old === now || old === "" || now === "" ? [] : reencrypted(old!, now!, after!.name);
  }
}

const GONE = "The stack's file is gone. What stands of it stays, and nobody looks after it any more: destroy it with Pulumi first.";

function projectIn(directory: string, tree: string, name: string): Project | undefined {
  try {
    const project = findProject(directory);
    // The one above the checkout is another one.
    return project.root === directory ? project : undefined;
  } catch (error) {
    if (error instanceof ProjectError && name === "base" && error.message.startsWith("There is no directory")) return undefined;
    if (error instanceof ProjectError) throw new ProjectError(`${name}: ${error.message.replaceAll(`${tree}/`, "")}`);
    throw error;
  }
}

const LOCAL = "local";

function isAsked(stack: string, asked: readonly string[] | undefined): boolean {
  return asked === undefined ? stack !== LOCAL : asked.includes(stack);
}

function stacksOf(asked: readonly string[] | undefined, before: Project | undefined, after: Project | undefined): readonly string[] {
  const known = [...new Set([before, after].flatMap((project) => (project ? stackNames(project) : [])))].sort();
  const unknown = asked?.find((stack) => !known.includes(stack));
  if (unknown !== undefined)
    throw new ProjectError(`There is no stack "${unknown}", neither at base nor at head. There are: ${known.join(", ")}.`);
  return known.filter((stack) => isAsked(stack, asked));
}

/** A stranger's file is not read for ever. */
const LONGEST_STACK_FILE = 2 ** 20;

function stackFile(project: Project, stack: string): string {
  for (const extension of ["yaml", "yml"]) {
    try {
      const text = readFileSync(path.join(project.stackDirectory, `Pulumi.${stack}.${extension}`), "utf8");
      return text.length > LONGEST_STACK_FILE ? "" : text;
    } catch {
      // The other one, then.
    }
  }
  return "";
}

async function logOf(file: string): Promise<ReadonlyMap<string, Logged>> {
  const [{ readEvents }, { HOW }] = await Promise.all([import("./events.ts"), import("../audit/files/events.ts")]);
  try {
    return readEvents(readFileSync(file, "utf8"), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new ProjectError(`There is no file ${file}. Write it with: ${HOW} ${file}`);
  }
}

/** Both ends before either's error is told: nothing may be running when the checkouts go. */
async function settledTogether<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** However this process ends, if it is told so at all, nothing stays behind. */
function cleanedUp(worktrees: Worktrees) {
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
