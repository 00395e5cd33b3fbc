/**
 * Shows what a change does, without a credential: records the program at base and at head, each in a process of its own, and compares the plans.
 *
 * This process decides everything. What the head's process sends is untrusted data about the head.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { findProjectRoot } from "../engine/project.ts";
import { ProjectError } from "../engine/projecterror.ts";
import type { Review } from "../report/review.ts";
import { killGit, Repository } from "./checkout/git.ts";
import { previewCache, prune, treesFolder, Worktrees } from "./checkout/worktree.ts";
import type { Logged } from "./events.ts";
import type { CheckedOutSide } from "./files.ts";
import { findModules, placePackages } from "./modules/modules.ts";
import { findReencrypted, selectStacks } from "./record/project.ts";
import { recordSide } from "./record/side.ts";
import { NO_SANDBOX } from "./sandbox/box.ts";
import { type CompileCache, killSandboxed, LIMITS } from "./sandbox/run.ts";
import { findSandbox, SANDBOX_MISSING } from "./sandbox/sandbox.ts";

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
  /** Run the head's program without a sandbox if the system has none. @default false */
  readonly trustHead?: boolean;
  /** Called once both programs have ended. What follows is work of this process, on data of the head. */
  onRecorded?(): void;
}

/** Compiled code takes about 3 MiB, packages about 300 MiB. */
const COMPILED_KEPT = 12;
const LOCK_FILES_KEPT = 2;

export async function preview(options: PreviewOptions): Promise<Review> {
  const projectRoot = findProjectRoot(options.cwd);
  const repository = await Repository.at(projectRoot);
  const root = path.relative(repository.top, projectRoot);
  const log = options.events === undefined ? undefined : await logOf(options.events);
  const [base, head, found] = await Promise.all([repository.base(options.base), repository.head(), findSandbox()]);
  const sandbox = found ?? (options.trustHead ? NO_SANDBOX : undefined);
  if (sandbox === undefined) throw new ProjectError(SANDBOX_MISSING);
  const cache = previewCache();
  prune(path.join(cache, "compiled"), COMPILED_KEPT);
  prune(path.join(cache, "modules"), LOCK_FILES_KEPT);
  const worktrees = new Worktrees(repository, treesFolder(cache));
  const guard = cleanUpOnExit(worktrees);
  try {
    const key = randomBytes(32).toString("hex");
    const limits = { ...LIMITS, ...(options.seconds !== undefined && { seconds: options.seconds }) };
    const trees = { base: worktrees.add("base", base), head: worktrees.add("head", head) };
    const modules = findModules(repository, { base, head }, projectRoot, sandbox, cache);
    // Loaded while git and the programs run.
    const [stackModule, filesModule] = [import("./stack.ts"), import("./files.ts")];
    const [before, after] = (await settledTogether([record("base"), record("head")])) as [CheckedOutSide, CheckedOutSide];
    const { fileChanges } = await filesModule;
    const { NO_PLAN, reviewStack } = await stackModule;
    const { worst } = await import("../report/review.ts");
    const changed = await repository.changed(base, head);
    const stackList = stacksOf(options.stacks, before, after);
    const caveats = Object.values(await modules).flatMap(({ caveat }) => caveat ?? []);
    const filesOf = await fileChanges({ ...{ before, after, changed, prefix: root, sandbox, limits }, cache: compileCache("head") });
    options.onRecorded?.();
    const stacks = stackList.map((stack) => {
      const files = filesOf(stack);
      const [old, now] = [before.plans.get(stack), after.plans.get(stack)];
      const gone = now === undefined;
      return reviewStack(stack, gone ? { plan: NO_PLAN } : (old ?? { plan: NO_PLAN }), now ?? { plan: NO_PLAN }, {
        ...files,
        caveats: [...files.caveats, ...caveats, ...(gone ? [GONE] : [])],
        encrypted: { base: encryptedIn(before, stack), head: encryptedIn(after, stack) },
        reencrypted: findReencrypted(before.project?.stacks[stack], after.project?.stacks[stack]),
        ...(log?.get(stack) && { log: log.get(stack)! }),
      });
    });
    return {
      schema: "slipway-review/1",
      project: after.project?.name ?? before.project?.name ?? path.basename(projectRoot),
      base: { ref: base.ref, commit: base.commit },
      head: { ref: head.ref, commit: head.commit, dirty: head.dirty },
      risk: worst(stacks.map(({ risk }) => risk)),
      stacks,
    };

    async function record(name: "base" | "head"): Promise<CheckedOutSide> {
      const [tree, own] = await Promise.all([trees[name], modules]);
      const packages = placePackages(tree, own[name], sandbox!);
      const side = {
        ...{ tree, root, key, cache: compileCache(name) },
        ...(packages && { modules: packages }),
        ...(options.stacks && { stacks: options.stacks }),
      };
      try {
        return { tree, ...(await recordSide(side, sandbox!, limits)) };
      } catch (error) {
        throw error instanceof ProjectError ? new ProjectError(`${name}: ${error.message}`) : error;
      }
    }
  } finally {
    guard.done();
  }

  /** What the head wrote there, the next base would run. In a sandbox both find their checkout at one path, so the head reads what the base has written. */
  function compileCache(name: "base" | "head"): CompileCache {
    const isolates = sandbox!.name !== "none";
    const tree = { base, head }[name].tree.slice(0, 16);
    return { folder: path.join(cache, "compiled", isolates ? "base" : `${name}-${tree}`), isWritable: name === "base" };
  }
}

const GONE = "The stack's file is deleted, but its resources are not. Destroy them with Pulumi first: pulumi destroy --stack <name>.";

const encryptedIn = ({ project }: CheckedOutSide, stack: string): readonly string[] => Object.keys(project?.stacks[stack] ?? {});

function stacksOf(selected: readonly string[] | undefined, before: CheckedOutSide, after: CheckedOutSide): readonly string[] {
  const known = [...new Set([before, after].flatMap(({ project }) => Object.keys(project?.stacks ?? {})))].sort();
  const unknown = selected?.find((stack) => !known.includes(stack));
  if (unknown !== undefined) throw new ProjectError(`Stack "${unknown}" does not exist at base or at head. Stacks: ${known.join(", ")}.`);
  return selectStacks(known, selected);
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
    killSandboxed();
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
