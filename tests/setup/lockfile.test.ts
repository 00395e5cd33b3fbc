import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "./checkout.ts";

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly optionalDependencies?: Record<string, string>;
}

const locked: Record<string, Locked> = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;

// npm omits other platforms when it updates the lock file next to a node_modules of one platform, and `npm ci` then rejects the lock file.
it("locks the binaries of every platform", () => {
  const missing = Object.entries(locked).flatMap(([where, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !isLocked(where, name))
      .map((name) => `${where || "package.json"} needs ${name}`),
  );
  expect(missing).toEqual([]);
});

it("locks every package by its checksum", () => {
  const unchecked = Object.entries(locked).filter(([where, { integrity }]) => where !== "" && integrity === undefined);
  expect(unchecked.map(([where]) => where)).toEqual([]);
});

/** Resolves like Node: in the package's own node_modules, then in each parent folder. */
function isLocked(where: string, name: string): boolean {
  for (let at = where; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    if (locked[`${at}/node_modules/${name}`] !== undefined) return true;
  }
  return locked[`node_modules/${name}`] !== undefined;
}
