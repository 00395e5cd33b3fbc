/** A Pulumi project on disk: where it is, what it runs, and which stacks it knows. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ProjectError } from "./projecterror.ts";
import type { Program } from "./record.ts";
import { readYaml, type YamlFile } from "./yaml.ts";

export interface Project {
  readonly name: string;
  /** Where Pulumi.yaml is. */
  readonly root: string;
  /** Where the program is, and where Pulumi would start it. */
  readonly directory: string;
  /** The file that is run. */
  readonly entry: string;
  /** Where the stacks' files are. */
  readonly stackDirectory: string;
  readonly file: YamlFile;
}

/** Looks for Pulumi.yaml here and upwards. */
export function findProject(from: string): Project {
  const start = path.resolve(from);
  if (!existsSync(start)) throw new ProjectError(`There is no directory ${start}.`);
  for (let root = start; ; root = path.dirname(root)) {
    const name = ["Pulumi.yaml", "Pulumi.yml"].find((candidate) => existsSync(path.join(root, candidate)));
    if (name) return readProject(root, name);
    if (root === path.dirname(root)) {
      throw new ProjectError(`No Pulumi.yaml in ${start} or above it. Run this in the project's directory, or name it with --cwd.`);
    }
  }
}

export function stackNames(project: Project): readonly string[] {
  return readdirSync(project.stackDirectory)
    .flatMap((file) => /^Pulumi\.(.+)\.ya?ml$/.exec(file)?.[1] ?? [])
    .sort();
}

function readProject(root: string, name: string): Project {
  const file = readYaml(path.join(root, name), name);
  const projectName = file.get("name");
  if (typeof projectName !== "string" || projectName === "") throw file.error(`the project has no name; give it one: "name: my-project"`);
  const main = file.get("main");
  if (main !== undefined && typeof main !== "string") throw file.error(`"main" is the path of the program: index.ts`, "main");
  const entry = entryOf(path.resolve(root, main ?? packageMain(root) ?? "."));
  if (!entry) throw file.error(`there is no program at ${main ?? "index.ts"}${main ? "" : `; name it: "main: src/index.ts"`}`, "main");
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

function entryOf(place: string): string | undefined {
  if (!existsSync(place)) return undefined;
  if (statSync(place).isFile()) return place;
  return ["ts", "js", "mts", "mjs", "cts", "cjs"].map((extension) => path.join(place, `index.${extension}`)).find(existsSync);
}

/** Entries whose resources are declared while they load, which happens once. */
const loadedOnce = new Set<string>();

/** What `pulumi up` would run: the module itself and, where it exports a function, that function. What it exports are the outputs. */
export function programOf(project: Project): Program {
  const { entry } = project;
  return async function program() {
    if (loadedOnce.has(entry)) {
      throw new ProjectError(
        `${entry} declares its resources while it loads, which happens once in a process. Export a function to run it again.`,
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
      // An ES module in spite of its name, with an await at its top.
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
    throw new ProjectError(`${entry} exports both a default and ${names.join(", ")}; Pulumi takes the one or the others.`);
  }
  return (exported as { readonly default: unknown }).default;
}
