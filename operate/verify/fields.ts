/** Reads fields of a JSON answer by their path. */
import type { DatabaseReport, FieldKind } from "../../systems/verification.ts";

/** @returns undefined where there is no such field. */
export function fieldAt(answer: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, step) => (isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined), answer);
}

/** @returns what is wrong with the fields, in words; empty where they are as declared. */
export function findWrongFields(answer: unknown, fields: Readonly<Record<string, FieldKind>>): readonly string[] {
  return Object.entries(fields).flatMap(([path, kind]) => {
    const value = fieldAt(answer, path);
    if (value === undefined) return [`it has no field ${path}`];
    return kindOf(value) === kind ? [] : [`${path} is ${describe(value)} instead of a ${kind}`];
  });
}

export interface DatabaseFigures {
  readonly problems: readonly string[];
  /** "connected, totalCount 5, idleCount 3" */
  readonly summary: string;
}

export function readDatabaseReport(answer: unknown, { connected, counts }: DatabaseReport): DatabaseFigures {
  const isConnected = fieldAt(answer, connected);
  const figures = counts.map((path) => ({ path, value: fieldAt(answer, path) }));
  return {
    problems: [
      ...(isConnected === undefined
        ? [`it has no field ${connected}, so it says nothing about the database`]
        : isConnected === true
          ? []
          : [`${connected} is ${describe(isConnected)}`]),
      ...figures.flatMap(({ path, value }) =>
        value === undefined
          ? [`it has no field ${path}`]
          : Number.isInteger(value)
            ? []
            : [`${path} is ${describe(value)}, not a whole number`],
      ),
    ],
    summary: ["connected", ...figures.map(({ path, value }) => `${path.split(".").at(-1)} ${value}`)].join(", "),
  };
}

const DATABASE_FIELD = /^(database|db|postgres(ql)?)$/i;
const WORKING = /^(ok|up|connected|healthy|online|true)$/i;

/** What an answer says about the database where no field is declared. @returns undefined where it says nothing. */
export function findDatabaseState(answer: unknown): { readonly works: boolean; readonly field: string } | undefined {
  if (!isObject(answer)) return undefined;
  const field = Object.keys(answer).find((name) => DATABASE_FIELD.test(name));
  if (field !== undefined) {
    const value = answer[field];
    const state = isObject(value) ? (value.connected ?? value.status ?? value.ok) : value;
    if (typeof state === "boolean" || typeof state === "string") return { works: WORKING.test(String(state)), field };
  }
  for (const name of ["checks", "services", "dependencies", "components"]) {
    const inner = findDatabaseState(answer[name]);
    if (inner !== undefined) return { ...inner, field: `${name}.${inner.field}` };
  }
  return undefined;
}

const FAILING = /^(degraded|error|fail(ed|ing)?|down|unhealthy|unavailable|critical)$/i;

/** The status that the answer itself reports, where it reports a bad one: a service may answer 200 and "degraded". */
export function findBadStatus(answer: unknown): string | undefined {
  const status = isObject(answer) ? answer.status : undefined;
  return typeof status === "string" && FAILING.test(status) ? status : undefined;
}

function kindOf(value: unknown): FieldKind | undefined {
  if (Array.isArray(value)) return "list";
  if (isObject(value)) return "object";
  const kinds: Readonly<Record<string, FieldKind>> = { string: "text", number: "number", boolean: "boolean" };
  return kinds[typeof value];
}

/** Without its content, which may be a secret. */
function describe(value: unknown): string {
  if (typeof value === "boolean" || typeof value === "number" || value === null) return String(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "string" ? "a text" : "an object";
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
