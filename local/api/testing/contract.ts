import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";

/**
 * Validates requests and replies against DigitalOcean's API document: types and required keys by its schemas, and unknown keys, which the
 * schemas do not forbid.
 */

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: unknown;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

const document = JSON.parse(readFileSync(new URL("../openapi/digitalocean.json", import.meta.url), "utf8")) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** Deviations from the document where this API follows the real API or the Terraform provider. */
const KNOWN_DEVIATIONS: readonly { readonly where: RegExp; readonly why: string }[] = [
  { where: /^GET \/v2\/databases.* (links|meta): unknown key$/, why: "godo reads them; the document describes these lists without pages" },
  { where: /onnection\.protocol: unknown key$/, why: "the API returns it; the document omits it" },
  { where: /\/v2\/tags.* (tag|tags\.\d+)\.resources\.images: unknown key$/, why: "the document misspells it: imgages" },
  { where: /\.storage_autoscale: unknown key$/, why: "the provider sends it on create and reads it from the cluster" },
  { where: /\/autoscale 200 storage: unknown key$/, why: "godo reads it from the top level; the document puts it under `autoscale`" },
  {
    where: /metrics\/credentials 200 credentials\.basic_auth_(username|password): unknown key$/,
    why: "godo reads them one level higher than the document has them",
  },
  { where: /GET \/v2\/spaces\/keys\/\{access_key\} .*key: unknown key$/, why: "one key comes as `key`; the document shows a list" },
  { where: /spec\.(envs|alerts|features): unknown key$/, why: "an app's own variables, alerts and features are missing from the document" },
  { where: /(services|workers|jobs|static_sites)\.\d+\.alerts: unknown key$/, why: "alerts of components are missing from the document" },
  {
    where: /resource_type: must be equal to one of the allowed values$/,
    why: "databases can be tagged; the document lists droplets, images, volumes",
  },
  { where: /\/resources .*: must match pattern/, why: "apps belong to projects; the document's pattern of a URN lacks them" },
  { where: /\/members .*: must match pattern/, why: "the same pattern, for the apps in a VPC" },
  { where: /POST \/v2\/uptime\/checks request: must have required property 'method'$/, why: "required there and defined nowhere" },
];

const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });
addFormats.default(ajv);
for (const format of ["uint32", "uint64", "string"]) ajv.addFormat(format, true);
ajv.addSchema(document as object, "do");

/** Every operation of the document, such as `GET /v2/vpcs/{vpc_id}`. */
export const operations: readonly string[] = Object.entries(document.paths).flatMap(([path, item]) =>
  ["get", "post", "put", "patch", "delete"].filter((method) => item[method]).map((method) => `${method.toUpperCase()} ${path}`),
);

/** Validates the body of a request. */
export const requestViolations = (operation: string, body: unknown): string[] =>
  bodyViolations(`${operation} request`, [...pointerTo(operation), "requestBody"], body);

/** Validates the status and body of a reply. */
export function responseViolations(operation: string, status: number, body: unknown): string[] {
  const responses = [...pointerTo(operation), "responses"];
  const described = lookUp(responses) as Readonly<Record<string, unknown>>;
  const key = String(status) in described ? String(status) : status >= 400 ? "default" : undefined;
  if (key === undefined || !(key in described)) return withoutKnownDeviations([`${operation} replied ${status}, which is not described`]);
  return bodyViolations(`${operation} ${status}`, [...responses, key], body);
}

function bodyViolations(where: string, pointer: readonly string[], body: unknown): string[] {
  const holder = followReference(pointer);
  const described = lookUp(holder) as { readonly content?: Readonly<Record<string, unknown>> } | undefined;
  if (!described?.content)
    return body === undefined || isEmpty(body) ? [] : withoutKnownDeviations([`${where} has a body, and none is described`]);
  if (body === undefined) return withoutKnownDeviations([`${where} has no body`]);
  const schema = [...holder, "content", "application/json", "schema"];
  const validate = compileSchema(schema);
  validate(body);
  const typed = (validate.errors ?? []).map(
    ({ instancePath, message }) =>
      `${where}${instancePath.replaceAll("/", ".") && ` ${instancePath.slice(1).replaceAll("/", ".")}`}: ${message}`,
  );
  return withoutKnownDeviations([
    ...typed,
    ...unknownKeys({ $ref: `#/${schema.map(escapePointer).join("/")}` }, body, "").map((key) => `${where} ${key}: unknown key`),
  ]);
}

const isEmpty = (body: unknown) => typeof body === "object" && body !== null && Object.keys(body).length === 0;
const withoutKnownDeviations = (violations: readonly string[]): string[] => {
  const remaining = violations.filter((violation) => !KNOWN_DEVIATIONS.some(({ where }) => where.test(violation)));
  // Messages such as "must match anyOf" only summarize other messages.
  const summary = /: must match (a schema in (anyOf|oneOf)|exactly one schema)/;
  return remaining.every((violation) => summary.test(violation)) ? [] : remaining;
};

const validators = new Map<string, ValidateFunction>();
function compileSchema(pointer: readonly string[]): ValidateFunction {
  const reference = `do#/${pointer.map(escapePointer).join("/")}`;
  const known = validators.get(reference) ?? ajv.compile({ $ref: reference });
  validators.set(reference, known);
  return known;
}

// ── References in the document ───────────────────────────────────────────────────────────────────────────────

const escapePointer = (part: string): string => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
const partsOf = (reference: string): string[] =>
  reference
    .replace(/^#\//, "")
    .split("/")
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));

const lookUp = (pointer: readonly string[]): unknown =>
  pointer.reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], document);

function followReference(pointer: readonly string[]): readonly string[] {
  const reference = (lookUp(pointer) as Schema | undefined)?.$ref;
  return reference ? followReference(partsOf(reference)) : pointer;
}

function pointerTo(operation: string): string[] {
  const [method = "", path = ""] = operation.split(" ");
  return ["paths", path, method.toLowerCase()];
}

function resolve(schema: Schema): Schema {
  return schema.$ref ? resolve(lookUp(partsOf(schema.$ref)) as Schema) : schema;
}

/** Returns the keys that no branch of the schema defines. */
function unknownKeys(schema: Schema, value: unknown, path: string): string[] {
  if (Array.isArray(value)) {
    const items = branches(schema).flatMap(({ items }) => (items ? [items] : []));
    return items.length === 0 ? [] : value.flatMap((item, index) => unknownKeys({ anyOf: items }, item, join(path, String(index))));
  }
  if (typeof value !== "object" || value === null) return [];
  const all = branches(schema);
  const described = all.filter(({ properties }) => properties);
  if (described.length === 0 || all.some(({ additionalProperties }) => additionalProperties)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const known = described.flatMap(({ properties }) => (Object.hasOwn(properties!, key) ? [properties![key]!] : []));
    return known.length === 0 ? [join(path, key)] : unknownKeys({ anyOf: known }, item, join(path, key));
  });
}

function branches(schema: Schema): Schema[] {
  const resolved = resolve(schema);
  const parts = [...(resolved.allOf ?? []), ...(resolved.anyOf ?? []), ...(resolved.oneOf ?? [])];
  return [resolved, ...parts.flatMap(branches)];
}

const join = (path: string, key: string): string => (path ? `${path}.${key}` : key);
