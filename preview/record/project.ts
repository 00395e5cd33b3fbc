/** What the process of a side reports about its project, so that this process does not read files of an untrusted commit. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Project, stackNames } from "../../engine/project.ts";
import { ciphertextsIn } from "./ciphertexts.ts";

/** The stack that uses no account. */
const LOCAL = "local";

/** @param selected @default every stack but `local` */
export const selectStacks = (stacks: readonly string[], selected: readonly string[] | undefined): readonly string[] =>
  stacks.filter((stack) => (selected === undefined ? stack !== LOCAL : selected.includes(stack)));

export interface DescribedProject {
  readonly name: string;
  /** By stack, the hash of each encrypted setting's ciphertext, by whole key. */
  readonly stacks: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export function describeProject(project: Project): DescribedProject {
  return {
    name: project.name,
    stacks: Object.fromEntries(stackNames(project).map((stack) => [stack, hashesOf(project, stack)])),
  };
}

function hashesOf({ stackDirectory, name }: Project, stack: string): Readonly<Record<string, string>> {
  const ciphertexts = ciphertextsIn(readStackFile(stackDirectory, stack), name);
  return Object.fromEntries([...ciphertexts].map(([key, text]) => [key, createHash("sha256").update(text).digest("hex").slice(0, 16)]));
}

function readStackFile(folder: string, stack: string): string {
  for (const extension of ["yaml", "yml"]) {
    try {
      return readFileSync(path.join(folder, `Pulumi.${stack}.${extension}`), "utf8");
    } catch {
      // Try the other extension.
    }
  }
  return "";
}

/** @returns whole keys whose ciphertext differs: rotated secrets, of which the recorder sees placeholders only. The plans show added and removed keys. */
export function findReencrypted(
  base: Readonly<Record<string, string>> | undefined = {},
  head: Readonly<Record<string, string>> | undefined = {},
): readonly string[] {
  return Object.keys(head)
    .filter((key) => Object.hasOwn(base, key) && base[key] !== head[key])
    .sort();
}
