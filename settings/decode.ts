/**
 * Decodes the texts of Pulumi's config into the values that an operator requests. Values that the schema refuses are reported and removed, so that the
 * rest can be checked as a whole and one run reports every problem.
 */
import * as z from "zod/mini";
import type { System } from "../systems/definition.ts";
import { nearest } from "./nearest.ts";
import { allOperatorKeys, configName, type RawConfig } from "./operator.ts";
import { type Command, NAMESPACE, type Path, type Problems } from "./problems.ts";
import { type Requested, type RequestedSystem, stackSchema, systemSchema } from "./schema.ts";
import { type Advice, RETIRED } from "./values.ts";

export function decodeConfig(raw: RawConfig, systems: readonly System[], today: string, problems: Problems): Requested {
  const stack = stackSchema(systems, today);
  const own = new Map(systems.map((system) => [configName(system.name), system]));
  const operator = new Set(allOperatorKeys(systems).map(({ key }) => key));
  const known = [...Object.keys(stack.shape), ...own.keys()];

  const ofStack: Record<string, unknown> = {};
  const ofSystems = new Map(systems.map(({ name }): [string, RequestedSystem] => [name, {}]));
  for (const [whole, text] of Object.entries(raw.values)) {
    if (!whole.startsWith(`${NAMESPACE}:`)) continue;
    const key = whole.slice(NAMESPACE.length + 1);
    if (operator.has(key)) continue;
    const system = own.get(key);
    if (Object.hasOwn(stack.shape, key)) {
      ofStack[key] = decode(key, text, withoutOptional(stack.shape[key as keyof typeof stack.shape]), problems);
    } else if (system !== undefined) {
      // Most stacks configure few systems, and building a schema takes time.
      const schema = systemSchema(system, today);
      ofSystems.set(system.name, read(schema, decode(key, text, schema, problems) ?? {}, [key], problems));
    } else reportUnknownKey([], key, text, known, operator, problems);
  }
  return { stack: read(stack, ofStack, [], problems), systems: ofSystems };
}

/** Groups and lists arrive as JSON, a single value as the text itself. */
function decode(key: string, text: string, schema: z.ZodMiniType, problems: Problems): unknown {
  if (!(schema instanceof z.ZodMiniObject) && !(schema instanceof z.ZodMiniArray)) return text;
  try {
    return JSON.parse(text);
  } catch {
    reportKind([key], schema, problems);
    return undefined;
  }
}

/** Each round removes the refused values, so the loop ends, at worst with an empty object. */
function read<Schema extends z.ZodMiniObject>(schema: Schema, given: unknown, at: Path, problems: Problems): z.output<Schema> {
  const rest = structuredClone(given);
  for (;;) {
    const result = schema.safeParse(rest, { jitless: true });
    if (result.success) return result.data;
    for (const issue of result.error.issues) report(issue, schema, rest, at, problems);
    // From the end, so that removing an element of a list does not move those that are still to be removed.
    for (const issue of result.error.issues.toReversed()) {
      if (issue.path.length === 0 && issue.code !== "unrecognized_keys") return schema.parse({});
      for (const path of issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path])
        remove(rest, path, at, problems);
    }
  }
}

function report(issue: z.core.$ZodIssue, schema: z.ZodMiniType, rest: unknown, at: Path, problems: Problems): void {
  const steps = issue.path as Path;
  const path = [...at, ...steps];
  if (issue.code === "unrecognized_keys") {
    const section = withoutOptional(schemaAt(schema, steps)) as z.ZodMiniObject;
    for (const key of issue.keys)
      reportUnknownKey(path, key, valueAt(rest, [...steps, key]), Object.keys(section.shape), new Set(), problems);
  } else if (issue.code === "custom") {
    const given = valueAt(rest, steps);
    const { problem, allowed, likely, isHidden = false } = issue.params as unknown as Advice;
    problems.add({
      at: path,
      problem: given === undefined ? "it is missing" : problem,
      allowed,
      fix: [likely === undefined ? { remove: path } : { set: path, to: likely }],
      ...(isHidden ? {} : { given }),
    });
  } else {
    reportKind(path, withoutOptional(schemaAt(schema, steps)), problems);
  }
}

function reportKind(at: Path, schema: z.ZodMiniType, problems: Problems): void {
  if (schema instanceof z.ZodMiniArray) {
    problems.add({ at, problem: "it is not a list", allowed: "a list", fix: [{ remove: at }, { set: [...at, 0], to: "<value>" }] });
    return;
  }
  const keys = Object.keys((schema as z.ZodMiniObject).shape);
  problems.add({
    at,
    problem: "it is not a group of settings",
    allowed: keys.length === 0 ? "nothing" : `a group with any of: ${keys.join(", ")}`,
    fix: [{ remove: at }, ...keys.slice(0, 1).map((key) => ({ set: [...at, key], to: "<value>" }))],
  });
}

/** The value of an unknown key may be a secret, so it is never shown. */
function reportUnknownKey(
  at: Path,
  key: string,
  given: unknown,
  known: readonly string[],
  operator: ReadonlySet<string>,
  problems: Problems,
): void {
  const path = [...at, key];
  const allowed = known.length === 0 ? "nothing" : known.join(", ");
  if (/^redis/i.test(key) || given === "redis") {
    const instead: Path = at.length === 0 ? ["valkey", "version"] : [...at, "version"];
    const fix: Command[] = [{ remove: path }, ...(at.length === 0 || known.includes("version") ? [{ set: instead, to: "8" }] : [])];
    problems.add({ at: path, problem: `redis is ${RETIRED}`, allowed, fix });
    return;
  }
  const likely = nearest(key, [...known, ...operator]);
  const problem = likely === undefined ? "there is no such setting" : `there is no such setting; did you mean ${likely}?`;
  const instead: Command[] =
    likely === undefined ? [] : operator.has(likely) ? [{ set: [likely], secret: true }] : [{ set: [...at, likely], to: "<value>" }];
  problems.add({ at: path, problem, allowed, fix: [{ remove: path }, ...instead] });
}

// ── Paths in schemas and values ─────────────────────────────────────────────────────────────────────────────────

function withoutOptional(schema: z.ZodMiniType): z.ZodMiniType {
  return schema instanceof z.ZodMiniOptional ? withoutOptional(schema._zod.def.innerType as z.ZodMiniType) : schema;
}

function schemaAt(schema: z.ZodMiniType, path: Path): z.ZodMiniType {
  return path.reduce<z.ZodMiniType>((at, step) => {
    const section = withoutOptional(at);
    return (section instanceof z.ZodMiniArray ? section._zod.def.element : (section as z.ZodMiniObject).shape[step]) as z.ZodMiniType;
  }, schema);
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<string | number, unknown> | undefined)?.[step], value);
}

/** Removes a value; where it is missing, the object that lacks it, which is an element of a list: nothing else has a required field. */
function remove(root: unknown, path: readonly PropertyKey[], at: Path, problems: Problems): void {
  const parent = valueAt(root, path.slice(0, -1) as Path) as Record<PropertyKey, unknown> | undefined;
  const last = path.at(-1)!;
  if (parent === undefined || !Object.hasOwn(parent, last)) {
    remove(root, path.slice(0, -1), at, problems);
  } else if (Array.isArray(parent)) {
    parent.splice(Number(last), 1);
    problems.ignoreElements([...at, ...(path.slice(0, -1) as Path)]);
  } else delete parent[last];
}
