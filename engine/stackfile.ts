/** The config of one stack, as Pulumi would hand it to the program, but with stand-ins for what is encrypted. */
import { existsSync } from "node:fs";
import path from "node:path";
import { isMap, isScalar, isSeq, type Node } from "yaml";
import { type Project, stackNames } from "./project.ts";
import { ProjectError } from "./projecterror.ts";
import { standIn } from "./standin.ts";
import { plain, readYaml, written, type YamlFile } from "./yaml.ts";

export interface StackConfig {
  readonly project: string;
  readonly stack: string;
  readonly organization?: string;
  /** By whole key; what is no plain text is JSON. */
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  /** Where a stand-in took the place of an encrypted value: "slipway:jwt", or deeper "slipway:google.clientSecret". */
  readonly placeholders: readonly string[];
}

/**
 * @param name "prod", "project/prod" or "organization/project/prod".
 * @param overrides Values by key, over those of the files; a key without a namespace is the project's.
 */
export function readStack(project: Project, name: string, overrides: Readonly<Record<string, string>> = {}): StackConfig {
  const parts = name.split("/");
  const stack = parts.at(-1) ?? "";
  const organization = parts.length > 1 ? parts[0] : undefined;
  const file = readYaml(...stackPath(project, stack));
  const collected = new Collected(project.name);
  const missing = addDefaults(collected, project.file);
  const section = file.root?.get("config", true);
  if (section !== undefined && !isMap(section) && !(isScalar(section) && section.value === null)) {
    throw file.error(`"config" holds keys and values: "${project.name}:region: nyc3"`, section as Node);
  }
  for (const { key, value } of isMap(section) ? section.items : []) collected.add(String(isScalar(key) ? key.value : key), value);
  for (const [key, value] of Object.entries(overrides)) collected.set(key, value);
  const lacking = missing.filter((key) => collected.config[key] === undefined);
  if (lacking.length > 0) {
    const commands = lacking.map((key) => `\n  pulumi config set ${key} <value> --stack ${stack}`);
    throw new ProjectError(
      `${file.name}: ${project.file.name} asks for values that this stack does not have. Set them:${commands.join("")}`,
    );
  }
  return {
    project: project.name,
    stack,
    ...(organization && { organization }),
    config: collected.config,
    secretKeys: [...collected.secretKeys].sort(),
    placeholders: [...collected.placeholders].sort(),
  };
}

function stackPath(project: Project, stack: string): [path: string, name: string] {
  for (const extension of ["yaml", "yml"]) {
    const name = `Pulumi.${stack}.${extension}`;
    if (existsSync(path.join(project.stackDirectory, name))) return [path.join(project.stackDirectory, name), name];
  }
  const names = stackNames(project);
  const known = names.length > 0 ? `This project has: ${names.join(", ")}.` : `This project has none yet.`;
  throw new ProjectError(`There is no stack "${stack}": no Pulumi.${stack}.yaml in ${project.stackDirectory}. ${known}`);
}

/** @returns keys that are declared with a type and without a default: the stack must have them. */
function addDefaults(collected: Collected, file: YamlFile): readonly string[] {
  const section = file.root?.get("config", true);
  const required: string[] = [];
  for (const { key, value } of isMap(section) ? section.items : []) {
    const name = collected.keyOf(String(isScalar(key) ? key.value : key));
    const declared = isMap(value) && DECLARING.some((word) => value.has(word)) ? value : undefined;
    if (!declared) {
      collected.add(name, value);
      continue;
    }
    const given = declared.get("default", true) ?? declared.get("value", true);
    if (given !== undefined) collected.add(name, given);
    else if (declared.has("type")) required.push(name);
    if (declared.get("secret") === true) collected.secretKeys.add(name);
  }
  return required;
}

const DECLARING = ["type", "default", "value", "description", "secret"];

class Collected {
  readonly config: Record<string, string> = {};
  readonly secretKeys = new Set<string>();
  readonly placeholders = new Set<string>();
  readonly #project: string;

  constructor(project: string) {
    this.#project = project;
  }

  keyOf(key: string): string {
    return key.includes(":") ? key : `${this.#project}:${key}`;
  }

  set(key: string, value: string): void {
    const whole = this.keyOf(key);
    for (const place of this.#placeholdersIn(whole)) this.placeholders.delete(place);
    this.config[whole] = value;
  }

  add(key: string, node: unknown): void {
    const whole = this.keyOf(key);
    for (const place of this.#placeholdersIn(whole)) this.placeholders.delete(place);
    const value = written(node) ?? this.#opened(node, whole);
    this.config[whole] = typeof value === "string" ? value : JSON.stringify(value);
    if (this.#placeholdersIn(whole).length > 0) this.secretKeys.add(whole);
  }

  #placeholdersIn(key: string): readonly string[] {
    return [...this.placeholders].filter((place) => place === key || place.startsWith(`${key}.`) || place.startsWith(`${key}[`));
  }

  /** The value with a stand-in for each `secure:` inside it. */
  #opened(node: unknown, at: string): unknown {
    if (isMap(node) && node.items.length === 1 && node.has("secure")) {
      this.placeholders.add(at);
      return standIn(at);
    }
    if (isMap(node)) {
      return Object.fromEntries(
        node.items.map(({ key, value }) => {
          const name = String(isScalar(key) ? key.value : key);
          return [name, this.#opened(value, `${at}.${name}`)];
        }),
      );
    }
    return isSeq(node) ? node.items.map((item, index) => this.#opened(item, `${at}[${index}]`)) : plain(node);
  }
}
