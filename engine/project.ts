/** A Pulumi project on disk: its directory, its program and its stacks. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ProjectError } from "./projecterror.ts";
import type { Program } from "./record.ts";
import { readYaml, type YamlFile } from "./yaml.ts";

export interface Project {
  readonly name: string;
  /** The directory with Pulumi.yaml. */
  readonly root: string;
  /** The program's directory, and Pulumi's working directory for it. */
  readonly directory: string;
  /** The program's file. */
  readonly entry: string;
  /** The directory with the stacks' files. */
  readonly stackDirectory: string;
  readonly file: YamlFile;
}

/** Searches for Pulumi.yaml in the directory and its parents. */
export function findProject(from: string): Project {
  const root = findProjectRoot(from);
  return readProject(root, fileIn(root)!);
}

/** @returns undefined if the directory has no project */
const fileIn = (directory: string): string | undefined =>
  ["Pulumi.yaml", "Pulumi.yml"].find((candidate) => existsSync(path.join(directory, candidate)));

export const hasProject = (directory: string): boolean => fileIn(directory) !== undefined;

/** The directory with Pulumi.yaml, which is not read. */
export function findProjectRoot(from: string): string {
  const start = path.resolve(from);
  if (!existsSync(start)) throw new ProjectError(`There is no directory ${start}.`);
  for (let root = start; ; root = path.dirname(root)) {
    if (hasProject(root)) return root;
    if (root === path.dirname(root)) {
      throw new ProjectError(`No Pulumi.yaml in ${start} or above it. Run this in the project's directory, or pass it with --cwd.`);
    }
  }
}

export function stackNames({ stackDirectory, file }: Project): readonly string[] {
  if (!existsSync(stackDirectory))
    throw file.error(`there is no directory ${stackDirectory} for the files of the stacks`, "stackConfigDir");
  return readdirSync(stackDirectory)
    .flatMap((file) => /^Pulumi\.(.+)\.ya?ml$/.exec(file)?.[1] ?? [])
    .sort();
}

function readProject(root: string, name: string): Project {
  const file = readYaml(path.join(root, name), name);
  const projectName = file.get("name");
  if (typeof projectName !== "string" || projectName === "") throw file.error(`the project has no name; give it one: "name: my-project"`);
  const main = file.get("main");
  if (main !== undefined && typeof main !== "string") throw file.error(`"main" must be the path of the program, such as index.ts`, "main");
  const entry = entryOf(path.resolve(root, main ?? packageMain(root) ?? "."));
  if (!entry)
    throw file.error(`there is no program at ${main ?? "index.ts"}${main ? "" : `; set it, for example "main: src/index.ts"`}`, "main");
  const stackDirectory = file.get("stackConfigDir");
  return {
    name: projectName,
    root,
    directory: path.dirname(entry),
    entry,
    stackDirectory: path.resolve(root, typeof stackDirectory === "string" ? stackDirectory : "."),
    file,
  };
}

function packageMain(root: string): string | undefined {
  const file = path.join(root, "package.json");
  const { main } = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { main?: string }) : {};
  return main && existsSync(path.join(root, main)) ? main : undefined;
}

function entryOf(location: string): string | undefined {
  if (!existsSync(location)) return undefined;
  if (statSync(location).isFile()) return location;
  return ["ts", "js", "mts", "mjs", "cts", "cjs"].map((extension) => path.join(location, `index.${extension}`)).find(existsSync);
}

/** Programs that declare their resources while they load, which happens only once in a process. */
const loadedOnce = new Set<string>();

/** The program that `pulumi up` runs: loads the module, and calls its export if that is a function. The exports are the stack's outputs. */
export function programOf(project: Project): Program {
  const { entry } = project;
  return async function program() {
    if (loadedOnce.has(entry)) {
      throw new ProjectError(
        `${entry} declares its resources while it loads, which happens only once in a process. Export a function to run it again.`,
      );
    }
    const exported = await load(entry);
    if (typeof exported === "function") return exported();
    loadedOnce.add(entry);
    return exported;
  };
}

async function load(entry: string): Promise<unknown> {
  if (!isModule(entry)) {
    try {
      return defaultOf(createRequire(entry)(entry), entry);
    } catch (error) {
      // An ES module with a top-level await, although its name says CommonJS.
      if ((error as NodeJS.ErrnoException).code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
    }
  }
  return defaultOf(await import(pathToFileURL(entry).href), entry);
}

function isModule(entry: string): boolean {
  if (/\.m[jt]s$/.test(entry)) return true;
  if (/\.c[jt]s$/.test(entry)) return false;
  for (let folder = path.dirname(entry); ; folder = path.dirname(folder)) {
    const file = path.join(folder, "package.json");
    if (existsSync(file)) return (JSON.parse(readFileSync(file, "utf8")) as { type?: string }).type === "module";
    if (folder === path.dirname(folder)) return false;
  }
}

function defaultOf(exported: unknown, entry: string): unknown {
  const isNamespace = Object.prototype.toString.call(exported) === "[object Module]";
  if (!isNamespace || !Object.hasOwn(exported as object, "default")) return exported;
  const names = Object.keys(exported as object).filter((name) => name !== "default" && name !== "__esModule" && name !== "module.exports");
  if (names.length > 0) {
    throw new ProjectError(`${entry} exports both a default and ${names.join(", ")}; Pulumi uses only one of them. Remove one.`);
  }
  return (exported as { readonly default: unknown }).default;
}
