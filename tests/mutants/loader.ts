/**
 * Loads this repository's modules again for each mutant, and the mutated file with its change.
 *
 * A module's address gets the number of the mutant (`?mutant=7`) where the module imports the mutated file, itself or through others. All other
 * modules, and all packages, are loaded once for the whole process, which is what makes a run of thousands of mutants short.
 */
import { readFileSync } from "node:fs";
import module from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ROOT } from "./job.ts";

const COLLECTOR = pathToFileURL(join(import.meta.dirname, "collector.ts")).href;
const KEY = "mutant";

interface Loading {
  /** Unique in the process. */
  readonly version: string;
  /** Relative paths that are loaded again; all of the repository's when absent. */
  readonly reloaded?: ReadonlySet<string>;
  readonly mutated?: { readonly file: string; readonly text: string };
}

let loading: Loading | undefined;
/** "importer → imported", in relative paths, of everything that was loaded so far. */
const edges = new Map<string, Set<string>>();
const stripped = new Map<string, string>();

module.registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "vitest" && loading && context.parentURL !== COLLECTOR) return { url: COLLECTOR, shortCircuit: true };
    const resolved = next(specifier, context);
    const file = repositoryFile(resolved.url);
    if (!loading || file === undefined || resolved.url === COLLECTOR) return resolved;
    const importer = context.parentURL === undefined ? undefined : repositoryFile(context.parentURL);
    if (importer !== undefined) addEdge(importer, file);
    if (loading.reloaded && !loading.reloaded.has(file)) return resolved;
    const url = new URL(resolved.url);
    url.searchParams.set(KEY, loading.version);
    return { ...resolved, url: url.href };
  },
  load(url, context, next) {
    const file = repositoryFile(url);
    if (!loading || file === undefined || !file.endsWith(".ts")) return next(url, context);
    const { mutated } = loading;
    const source = mutated?.file === file ? module.stripTypeScriptTypes(mutated.text) : withoutTypes(file);
    return { format: "module", source, shortCircuit: true };
  },
});

/** Imports a file of the repository under a version of its own. */
export function importVersion(file: string, under: Loading): Promise<unknown> {
  loading = under;
  return import(pathToFileURL(join(ROOT, file)).href);
}

/** Every import that was loaded so far. */
export function edgesSoFar(): (readonly [importer: string, imported: string])[] {
  return [...edges].flatMap(([importer, imported]) => [...imported].map((file) => [importer, file] as const));
}

export function repositoryFile(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const path = relative(ROOT, fileURLToPath(url));
  return path.startsWith("..") || path.startsWith("node_modules") ? undefined : path;
}

function addEdge(importer: string, imported: string): void {
  const known = edges.get(importer) ?? new Set();
  edges.set(importer, known.add(imported));
}

function withoutTypes(file: string): string {
  const known = stripped.get(file) ?? module.stripTypeScriptTypes(readFileSync(join(ROOT, file), "utf8"));
  stripped.set(file, known);
  return known;
}
