/**
 * The shape of a definition, checked at run time, because a definition may be written in plain JavaScript. With zod/mini, whose schemas take two thirds
 * of the time to create: every plan creates these and uses them once.
 */
import * as z from "zod/mini";
import { VALKEY_DATABASES } from "../catalog/limits.ts";
import { MOST_KEPT } from "../catalog/retention.ts";
import type { System } from "./definition.ts";
import { CHECK_KINDS } from "./verification.ts";

const object = z.strictObject;
const record = <Value extends z.ZodMiniType>(value: Value) => z.record(z.string(), value);
const list = z.array;
/** A list whose first entry is required. */
const some = <Value extends z.ZodMiniType>(value: Value) => z.tuple([value], value);
const maybe = z.exactOptional;

const text = z.string().check(z.minLength(1));
const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => z.int().check(z.minimum(least), z.maximum(most));
const count = whole(1);
const percent = whole(1, 100);

// ── Postgres, Valkey and Spaces ─────────────────────────────────────────────────────────────────────────────────────

const postgres = object({
  database: text,
  schemas: some(text),
  extensions: list(text),
  roles: object({ owner: text, runtime: text, readonly: text, backup: text }),
  pools: record(object({ mode: z.enum(["transaction", "session", "statement"]), wish: count })),
  statementTimeoutSeconds: count,
  minimumMajor: count,
  slowStatementMs: maybe(count),
  sizing: maybe(
    object({
      connections: maybe(count),
      sharedBuffersMiB: maybe(count),
      effectiveCacheMiB: maybe(count),
      concurrentUsers: maybe(count),
    }),
  ),
});

const store = object({
  class: z.enum(["state", "cache"]),
  memoryMiB: count,
  feature: maybe(text),
});

const keyspace = object({
  store: text,
  database: whole(0, VALKEY_DATABASES.most - 1),
  durable: z.boolean(),
});

const bucket = object({
  feature: maybe(text),
  cors: maybe(object({ methods: some(z.enum(["GET", "HEAD", "PUT", "POST", "DELETE"])) })),
  cdn: maybe(z.literal(true)),
  deletedKeptDays: maybe(count),
});

const secret = z.discriminatedUnion("origin", [
  object({ origin: z.literal("generated"), length: whole(32) }),
  object({ origin: z.literal("operator"), purpose: text, feature: maybe(text) }),
]);

// ── Environment variables ───────────────────────────────────────────────────────────────────────────────────────────

const when = { scope: z.enum(["RUN_TIME", "BUILD_TIME", "RUN_AND_BUILD_TIME"]), feature: maybe(text) };
const storePart = z.enum(["url", "host", "port", "password", "ca"]);

const env = z.union([
  z.discriminatedUnion("from", [
    object({ from: z.literal("plain"), value: z.string(), ...when }),
    object({
      from: z.literal("database"),
      part: z.enum(["url", "host", "port", "name", "user", "password", "ca"]),
      pool: maybe(text),
      driver: maybe(text),
      replica: maybe(z.literal(true)),
      ...when,
    }),
    object({
      from: z.literal("bucket"),
      bucket: text,
      part: z.enum(["name", "region", "endpoint", "accessKey", "secretKey", "cdnUrl"]),
      ...when,
    }),
    object({ from: z.literal("caFile"), ...when }),
    object({ from: z.literal("secret"), secret: text, ...when }),
    object({ from: z.literal("setting"), setting: text, ...when }),
    object({ from: z.literal("phase"), flag: z.enum(["usePostgres", "dualWrite"]), ...when }),
    object({ from: z.literal("budget"), wish: count, least: count, overflow: maybe(whole(0)), ...when }),
    object({ from: z.literal("app"), part: z.enum(["url", "domain"]), ...when }),
  ]),
  object({ from: z.literal("store"), keyspace: text, part: storePart, ...when }),
  object({ from: z.literal("store"), store: text, part: storePart, ...when }),
]);

// ── Apps ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const source = object({
  repo: text,
  branch: text,
  dir: text,
  buildCommand: maybe(text),
  runCommand: maybe(text),
  environment: z.enum(["node-js", "python", "docker"]),
  deployOnPush: z.boolean(),
});

const runs = { source, env: record(env), feature: maybe(text) };
const sized = { size: text, instances: count, memoryAlertMiB: maybe(count) };

const health = object({
  path: text,
  everySeconds: count,
  timeoutSeconds: count,
  failures: count,
});

const fieldKind = z.enum(["text", "number", "boolean", "list", "object"]);
const canary = object({ table: text, key: text, values: record(z.union([z.string(), z.number(), z.boolean()])) });
const method = z.enum(["POST", "PUT", "PATCH", "DELETE"]);
const body = record(z.string());
const traffic = object({
  create: object({ method, path: text, body, id: text }),
  read: object({ path: text, token: text }),
  update: object({ method, path: text, body }),
  remove: object({ method, path: text }),
});
const checks = object({
  database: maybe(object({ connected: text, counts: list(text) })),
  probes: maybe(list(object({ path: text, status: some(whole(100, 599)), fields: maybe(record(fieldKind)), lists: maybe(canary) }))),
  log: maybe(object({ contains: list(text), lacks: list(text) })),
  phase: maybe(object({ usePostgres: text, dualWrite: text })),
  traffic: maybe(traffic),
});

const component = z.discriminatedUnion("kind", [
  object({ kind: z.literal("service"), port: whole(1, 65_535), health, routes: some(text), checks: maybe(checks), ...runs, ...sized }),
  object({ kind: z.literal("site"), outputDir: text, routes: some(text), ...runs }),
  object({ kind: z.literal("worker"), ...runs, ...sized }),
  object({ kind: z.literal("job"), when: z.enum(["PRE_DEPLOY", "POST_DEPLOY", "FAILED_DEPLOY"]), ...runs, ...sized }),
]);

const app = object({ name: text, domain: maybe(text), components: record(component) });

// ── Operations ──────────────────────────────────────────────────────────────────────────────────────────────────────

const backups = object({ postgres: object({ hourUtc: whole(0, 23) }), keyspaces: maybe(object({ days: whole(1, MOST_KEPT) })) });

const alerts = object({
  emails: list(z.email()),
  slack: maybe(object({ channel: z.string().check(z.startsWith("#")), webhook: text })),
  cpu: percent,
  memory: percent,
  disk: percent,
  latency: count,
  restartsPerHour: count,
});

const title = text;
const atMostMs = count;
const target = z.union([
  object({ title, atMostMs, sql: text }),
  object({ title, atMostMs, checkout: z.literal(true) }),
  object({ title, atMostMs, path: text }),
]);

export const systemSchema = object({
  name: text,
  title: text,
  postgres,
  stores: record(store),
  keyspaces: record(keyspace),
  buckets: maybe(record(bucket)),
  secrets: record(secret),
  settings: maybe(record(object({ purpose: text, feature: maybe(text) }))),
  features: record(object({ purpose: text })),
  apps: record(app),
  backups,
  alerts,
  contacts: maybe(list(object({ for: text, contact: text }))),
  timeBudgets: maybe(list(object({ task: text, minutes: count }))),
  checklist: maybe(list(object({ item: text, checks: list(z.enum(CHECK_KINDS)) }))),
  targets: maybe(list(target)),
  deviations: list(object({ asked: text, built: text })),
});

// ── In step with the interface ──────────────────────────────────────────────────────────────────────────────────────

/** Spells out interfaces, intersections and inferred types in the same way, so that two of them can be compared. */
type Spelt<T> = T extends object ? { readonly [Key in keyof T]: Spelt<T[Key]> } : T;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Does not compile where the interface and the schema differ in a field, its type, or whether it is optional. */
true satisfies Same<Spelt<System>, Spelt<z.infer<typeof systemSchema>>>;
