/** A stack's config as Pulumi passes it to the program, with placeholders for encrypted values. */
import { existsSync } from "node:fs";
import path from "node:path";
import { isSeq, type Node } from "yaml";
import { compare } from "./order.ts";
import { isPartOf, placeholderFor } from "./placeholder.ts";
import { type Project, stackNames } from "./project.ts";
import { ProjectError } from "./projecterror.ts";
import { type Data, type Entries, readYaml, type YamlFile } from "./yaml.ts";

export interface StackConfig {
  readonly project: string;
  readonly stack: string;
  readonly organization?: string;
  /** By full key; values other than text are JSON. */
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  /** Paths of encrypted values, which have a placeholder: "slipway:jwt", or inside an object "slipway:google.clientSecret". */
  readonly placeholders: readonly string[];
}

/**
 * @param name "prod", "organization/prod" or "organization/project/prod".
 * @param overrides Values by key; they override those of the files. A key without a namespace is in the project's.
 */
export function readStack(project: Project, name: string, overrides: Readonly<Record<string, string>> = {}): StackConfig {
  const { stack, organization } = stackName(name, project.name);
  const file = readYaml(...stackPath(project, stack));
  const collected = new ConfigCollector(project.name);
  const required = addDefaults(collected, project.file);
  for (const [key, value] of configOf(file, project.name)) collected.add(key, value, file);
  for (const [key, value] of Object.entries(overrides)) collected.set(key, value);
  const unset = required.filter((key) => collected.config[key] === undefined);
  if (unset.length > 0) {
    const commands = unset.map((key) => `\n  pulumi config set ${key} <value> --stack ${stack}`);
    throw new ProjectError(
      `${file.name}: ${project.file.name} requires values that this stack does not have. Set them:${commands.join("")}`,
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

/** The path of a stack's file, and its name for messages. */
export function stackPath(project: Project, stack: string): [path: string, name: string] {
  for (const extension of ["yaml", "yml"]) {
    const name = `Pulumi.${stack}.${extension}`;
    if (existsSync(path.join(project.stackDirectory, name))) return [path.join(project.stackDirectory, name), name];
  }
  const names = stackNames(project);
  const known = names.length > 0 ? `This project has: ${names.join(", ")}.` : `This project has no stacks yet.`;
  throw new ProjectError(`There is no stack "${stack}": no Pulumi.${stack}.yaml in ${project.stackDirectory}. ${known}`);
}

function configOf(file: YamlFile, project: string): Entries {
  if (file.get("config") === null || file.node("config") === undefined) return new Map();
  const entries = file.entries(file.node("config"));
  if (!entries) throw file.error(`"config" must contain keys and values, such as "${project}:region: nyc3"`, "config");
  return entries;
}

/** @returns the keys that are declared with a type and without a default; the stack must set them. */
function addDefaults(collected: ConfigCollector, file: YamlFile): readonly string[] {
  const required: string[] = [];
  for (const [key, value] of configOf(file, String(file.get("name")))) {
    const declared = file.entries(value);
    if (!declared || !DECLARATION_KEYS.some((word) => declared.has(word))) {
      collected.add(key, value, file);
      continue;
    }
    const given = declared.get("default") ?? declared.get("value");
    if (given !== undefined) collected.add(key, given, file);
    else if (declared.has("type")) required.push(collected.keyOf(key));
    if (file.data(declared.get("secret")) === true) collected.secretKeys.add(collected.keyOf(key));
  }
  return required;
}

const DECLARATION_KEYS = ["type", "default", "value", "description", "secret"];

class ConfigCollector {
  readonly config: Record<string, string> = {};
  readonly secretKeys = new Set<string>();
  readonly placeholders = new Set<string>();
  readonly #project: string;

  constructor(project: string) {
    this.#project = project;
  }

  /** A key without a namespace is in the project's; "p:config:key" is Pulumi's old spelling. */
  keyOf(key: string): string {
    return key.includes(":") ? key.replace(/^([^:]+):config:/, "$1:") : `${this.#project}:${key}`;
  }

  set(key: string, value: string): void {
    const whole = this.keyOf(key);
    this.#removePlaceholders(whole);
    this.config[whole] = value;
  }

  add(key: string, node: Node | undefined, file: YamlFile): void {
    const whole = this.keyOf(key);
    this.#removePlaceholders(whole);
    // Throws for values that contain themselves, among others.
    file.data(node);
    this.config[whole] = textOf(this.#withPlaceholders(node, whole, file), () => file.error(`${whole} contains ${TOO_LARGE}`, node));
    if (this.#placeholdersIn(whole).length > 0) this.secretKeys.add(whole);
  }

  #removePlaceholders(key: string): void {
    for (const place of this.#placeholdersIn(key)) this.placeholders.delete(place);
  }

  #placeholdersIn(key: string): readonly string[] {
    return [...this.placeholders].filter((place) => isPartOf(place, key));
  }

  /** The value with a placeholder for each `secure:` inside it. */
  #withPlaceholders(given: Node | undefined, at: string, file: YamlFile): Data {
    const node = file.resolved(given);
    if (isSeq<Node>(node)) return node.items.map((item, index) => this.#withPlaceholders(item, `${at}[${index}]`, file));
    const entries = file.entries(given);
    if (!entries) return file.data(given);
    if (entries.size === 1 && typeof file.data(entries.get("secure")) === "string") {
      this.placeholders.add(at);
      return placeholderFor(at);
    }
    return Object.fromEntries([...entries].map(([key, value]) => [key, this.#withPlaceholders(value, `${at}.${key}`, file)]));
  }
}

const TOO_LARGE = "a number too large for JavaScript; put it in quotes";

/** As Pulumi passes it to a program: texts unchanged, null as an empty text, objects as JSON with sorted keys. */
function textOf(value: Data, tooLarge: () => ProjectError): string {
  if (value === null) return "";
  if (typeof value !== "object") return String(value);
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === "bigint") throw tooLarge();
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => compare(a, b)));
  });
}

export interface StackName {
  readonly stack: string;
  readonly organization?: string;
}

const STACK_NAME_PART = /^[A-Za-z0-9_.-]{1,100}$/;

/**
 * Parses a stack's name in any of Pulumi's notations.
 *
 * @param name "prod", "organization/prod" or "organization/project/prod".
 * @throws {ProjectError} for a name that must not become part of a file's path.
 */
export function stackName(name: string, project: string): StackName {
  const parts = name.split("/");
  if (parts.length > 3 || !parts.every(isPart)) {
    throw new ProjectError(
      `${JSON.stringify(name)} is not a stack name. Allowed: 1 to 100 letters, digits, "_", "-" and ".", alone or after its organization and project: ` +
        `prod, organization/prod, organization/${project}/prod.`,
    );
  }
  const [stack = "", of] = parts.toReversed();
  if (parts.length === 3 && of !== project) {
    throw new ProjectError(
      `"${name}" is a stack of project "${of}", but Pulumi.yaml belongs to "${project}". Use ${parts[0]}/${project}/${stack}, or another project with --cwd.`,
    );
  }
  return parts.length === 1 ? { stack } : { stack, organization: parts[0]! };
}

function isPart(part: string): boolean {
  return STACK_NAME_PART.test(part) && !/^\.+$/.test(part);
}
