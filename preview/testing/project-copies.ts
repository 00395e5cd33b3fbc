/**
 * Copies of this project with a patch applied, recorded in this process: a side of a preview without its sandbox.
 *
 * Only the files that a patch can change are copied; the rest are links to this checkout, so that a copy takes milliseconds.
 */
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ProgramError } from "../../engine/error.ts";
import { findProject } from "../../engine/project.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { planStack } from "../../engine/stackplan.ts";
import { compareKeyspaces } from "../../postdeploy/keyspaces/read/file-changes.ts";
import type { StackReview } from "../../report/review.ts";
import { emit } from "../record/emitted.ts";
import { migrationChanges } from "../record/migrations.ts";
import { parseEmission, type Recorded } from "../record/parse.ts";
import { describeProject, findReencrypted } from "../record/project.ts";
import { symbolicInvoke, symbolicOutputs } from "../record/symbols.ts";
import { NO_ADDITIONS, reviewStack } from "../stack.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const COPIED = ["index.ts", "systems", "sql", "keyspaces", "package.json", "Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.staging.yaml"];
const LINKED = ["components", "settings", "catalog", "node_modules"];
const SYSTEMS = ["fluxstudio", "devx", "candlefish"];

/** One edit of a file: replace a text that occurs once, write the file, rename it, or delete it. */
export type Edit =
  | { readonly file: string; readonly from: string; readonly to: string }
  | { readonly file: string; readonly write: string }
  | { readonly file: string; readonly name: string }
  | { readonly file: string; readonly gone: true };

export type Patch = readonly Edit[];

export class Trees {
  readonly #root = mkdtempSync(path.join(tmpdir(), "slipway-review-"));
  readonly #key = randomBytes(32);
  readonly #sides = new Map<string, Promise<readonly [string, Recorded]>>();
  #count = 0;

  async review(stack: string, base: Patch, head: Patch): Promise<StackReview> {
    const [before, old] = await this.#side(stack, base);
    const [after, now] = await this.#side(stack, head);
    const touched = [...base, ...head].map(({ file }) => file);
    const systems = SYSTEMS.filter((system) => touched.some((file) => file.startsWith(`sql/${system}/`)));
    const seeded = SYSTEMS.filter((system) => touched.some((file) => file.startsWith(`keyspaces/${system}`)));
    return reviewStack(stack, old, now, {
      ...NO_ADDITIONS,
      migrations: (
        await Promise.all(
          systems.map((system) => migrationChanges(path.join(before, "sql", system), path.join(after, "sql", system), system)),
        )
      ).flat(),
      keyspaces: (
        await Promise.all(
          seeded.map((system) => compareKeyspaces(path.join(before, "keyspaces", system), path.join(after, "keyspaces", system), system)),
        )
      ).flat(),
      reencrypted: findReencrypted(hashesOf(before, stack), hashesOf(after, stack)),
    });
  }

  /** Cached, because most changes have the same base. */
  #side(stack: string, patch: Patch): Promise<readonly [directory: string, recorded: Recorded]> {
    const name = JSON.stringify([stack, patch]);
    const known = this.#sides.get(name) ?? this.#recordedCopy(stack, patch);
    this.#sides.set(name, known);
    return known;
  }

  async #recordedCopy(stack: string, patch: Patch): Promise<readonly [string, Recorded]> {
    const directory = this.copy(patch);
    return [directory, await this.#recorded(directory, stack)];
  }

  copy(patch: Patch): string {
    const tree = path.join(this.#root, String(this.#count++));
    mkdirSync(tree);
    for (const name of COPIED) cpSync(path.join(ROOT, name), path.join(tree, name), { recursive: true });
    for (const name of LINKED) symlinkSync(path.join(ROOT, name), path.join(tree, name));
    for (const edit of patch) apply(tree, edit);
    return tree;
  }

  async #recorded(directory: string, stack: string): Promise<Recorded> {
    const here = process.cwd();
    process.chdir(directory);
    try {
      const plan = await planStack(findProject(directory), {
        stack,
        placeholders: true,
        outputs: symbolicOutputs,
        invokes: symbolicInvoke,
      });
      return parseEmission(JSON.stringify([{ stack, plan: emit(plan, this.#key) }]), [stack]).get(stack)!;
    } catch (error) {
      if (error instanceof ProgramError || error instanceof ProjectError) return { failure: error.message };
      throw error;
    } finally {
      process.chdir(here);
    }
  }

  remove(): void {
    rmSync(this.#root, { recursive: true });
  }
}

const hashesOf = (directory: string, stack: string) => describeProject(findProject(directory)).stacks[stack];

function apply(tree: string, edit: Edit): void {
  const file = path.join(tree, edit.file);
  if ("write" in edit) writeFileSync(file, edit.write);
  else if ("name" in edit) renameSync(file, path.join(tree, edit.name));
  else if ("gone" in edit) rmSync(file, { recursive: true });
  else {
    const text = readFileSync(file, "utf8");
    const [before, ...after] = text.split(edit.from);
    // A patch that no longer applies would create two equal trees, and the test would prove nothing.
    if (!existsSync(file) || after.length !== 1) throw new Error(`${edit.file}: "${edit.from}" occurs ${after.length} times, not once.`);
    writeFileSync(file, `${before}${edit.to}${after[0]}`);
  }
}

/** A review as short lines, to compare with the expected ones. */
export function summaryLines(review: StackReview): string[] {
  if (review.failure) return [`failure of ${review.failure.side}`];
  return [
    ...review.resources.flatMap(({ change, type, name, formerUrn }) =>
      (change === "same" && formerUrn === undefined) || change === "read"
        ? []
        : [`${change} ${type.slice(type.lastIndexOf(":") + 1)} ${name}${formerUrn ? ` (was ${formerUrn.split("::").at(-1)})` : ""}`],
    ),
    ...review.migrations.map(({ change, system, file }) => `migration ${change} ${system}/${file}`),
    ...review.keyspaces.map(
      ({ change, kind, system, keyspace, name }) => `${kind} ${change} ${system}/${keyspace}${name === keyspace ? "" : ` ${name}`}`,
    ),
    ...review.secrets.map(({ change, secret }) => `secret ${change}: ${secret}`),
    ...review.firewalls.map(({ change, cluster, rule }) => `firewall ${change}: ${cluster} ${rule}`),
    ...(review.cost.before === review.cost.after ? [] : [`cost ${review.cost.after > review.cost.before ? "more" : "less"}`]),
  ];
}
