/** The repository's import graph: which room may import which, and that no file imports itself through others. */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";

/**
 * Every room with the rooms that it may import. Imports go one way: cli, then what its commands do, then report, local, components and postdeploy, then
 * engine and settings, then systems and catalog. `postdeploy` runs inside the VPC without Pulumi, so it imports nothing of the others.
 */
export const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "index.ts": ["components", "systems"],
  systems: ["catalog"],
  catalog: [],
  settings: ["systems", "catalog"],
  components: ["engine", "settings", "systems", "catalog"],
  postdeploy: ["catalog"],
  engine: ["catalog"],
  policy: ["catalog"],
  local: ["engine", "postdeploy", "catalog"],
  report: ["engine", "catalog"],
  preview: ["report", "local", "postdeploy", "engine", "catalog"],
  audit: ["report", "local", "postdeploy", "engine", "catalog"],
  operate: ["report", "local", "postdeploy", "engine", "settings", "systems", "catalog"],
  backup: ["report", "local", "postdeploy", "catalog"],
  data: ["report", "local", "postdeploy", "systems", "catalog"],
  cli: [
    "preview",
    "audit",
    "operate",
    "backup",
    "data",
    "report",
    "local",
    "components",
    "postdeploy",
    "engine",
    "settings",
    "systems",
    "catalog",
  ],
  bin: ["cli", "postdeploy"],
  image: ["backup", "local"],
  setup: [],
};

/** These may import every room, and no room imports them. */
export const UNRESTRICTED = ["tests", "bench"];

export interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every import of a file of this repository by another one, type-only ones included. Paths are relative to the root. */
export function importsOf(root: string, files: readonly string[]): Import[] {
  const known = new Set(files);
  return files.flatMap((from) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(root, from), "utf8"), true, true);
    return importedFiles
      .filter(({ fileName }) => fileName.startsWith("."))
      .map(({ fileName }) => relative(root, join(root, dirname(from), fileName)).replaceAll("\\", "/"))
      .filter((to) => known.has(to))
      .map((to) => ({ from, to }));
  });
}

const roomOf = (path: string) => path.split("/")[0] ?? path;

/** Files that only tests load: tests themselves and their helpers. */
export const isTest = (path: string): boolean => /(^|\/)(testing|fixtures)\/|\.(test|testing)\.ts$|(^|\/)testing\.ts$|^tests\//.test(path);

export function findForbiddenImports(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      if (room === other || isTest(from) || UNRESTRICTED.includes(room)) return false;
      return isTest(to) || !(ALLOWED[room] ?? []).includes(other);
    })
    .map(({ from, to }) => `${from} imports ${to}: ${roomOf(from)} may import ${ALLOWED[roomOf(from)]?.join(", ") || "no other room"}.`);
}

/** Each group of files that import each other, as the shortest way around: "a.ts → b.ts → a.ts". */
export function findCircles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const found = new Map<string, string>();
  for (const start of [...next.keys()].sort()) {
    const path = shortestCircle(start, next);
    const members = [...(path ?? [])].sort().join();
    if (path && !found.has(members)) found.set(members, [...path, start].join(" → "));
  }
  return [...found.values()];
}

/** The shortest path from a file to itself, without its end. */
function shortestCircle(start: string, next: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const paths: string[][] = [[start]];
  const seen = new Set<string>();
  for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
    for (const to of next.get(path.at(-1)!) ?? []) {
      if (to === start) return path;
      if (seen.has(to)) continue;
      seen.add(to);
      paths.push([...path, to]);
    }
  }
  return undefined;
}
