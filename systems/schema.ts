/**
 * The shape of a definition, checked at run time: a definition may come from plain JavaScript, where no compiler has looked at it.
 * By zod/mini, whose schemas are made in two thirds of the time: every plan makes these and uses them once.
 */
import * as z from "zod/mini";
import type { System } from "./definition.ts";

const object = z.strictObject;
const record = <Value extends z.ZodMiniType>(value: Value) => z.record(z.string(), value);
const list = z.array;
/** At least one, because the first means something. */
const some = <Value extends z.ZodMiniType>(value: Value) => z.tuple([value], value);
const maybe = z.exactOptional;

const text = z.string().check(z.minLength(1));
const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => z.int().check(z.minimum(least), z.maximum(most));
const count = whole(1);
const percent = whole(1, 100);

// ── Postgres and Valkey ─────────────────────────────────────────────────────────────────────────────────────────────

const postgres = object({
  database: text,
  schemas: some(text),
  extensions: list(text),
  roles: object({ owner: text, runtime: text, readonly: text, backup: text }),
  pools: record(object({ mode: z.enum(["transaction", "session", "statement"]), wish: count })),
  statementTimeoutSeconds: count,
  minimumMajor: count,
  slowStatementMs: maybe(count),
  probeEverySeconds: maybe(count),
  sizing: maybe(
    object({
      connections: maybe(count),
      sharedBuffersMiB: maybe(count),
      effectiveCacheMiB: maybe(count),
      storageGiB: maybe(count),
    }),
  ),
});

const store = object({
  class: z.enum(["state", "cache"]),
  memoryMiB: count,
  maxClients: count,
  probeEverySeconds: maybe(count),
  feature: maybe(text),
});

/** What DigitalOcean's Valkey can be told to hold at most. */
const DATABASES = 128;

const keyspace = object({
  store: text,
  database: whole(0, DATABASES - 1),
  durable: z.boolean(),
  purpose: text,
});

const secret = z.discriminatedUnion("origin", [
  object({ origin: z.literal("generated"), purpose: text, length: whole(32) }),
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
  probes: list(object({ path: text, expect: list(whole(100, 599)), why: text })),
});

const component = z.discriminatedUnion("kind", [
  object({ kind: z.literal("service"), port: whole(1, 65_535), health, routes: some(text), ...runs, ...sized }),
  object({ kind: z.literal("site"), outputDir: text, routes: some(text), ...runs }),
  object({ kind: z.literal("worker"), ...runs, ...sized }),
  object({ kind: z.literal("job"), when: z.enum(["PRE_DEPLOY", "POST_DEPLOY", "FAILED_DEPLOY"]), ...runs, ...sized }),
]);

const app = object({ name: text, domain: maybe(text), components: record(component) });

// ── Operations ──────────────────────────────────────────────────────────────────────────────────────────────────────

const kept = {
  daily: count,
  weekly: maybe(count),
  monthly: maybe(count),
  yearly: maybe(count),
  hourUtc: whole(0, 23),
};

const backups = object({
  postgres: object(kept),
  keyspaces: maybe(object(kept)),
  copies: list(z.enum(["primary", "offsite"])),
  note: maybe(text),
});

const alerts = object({
  emails: list(z.email()),
  slack: maybe(object({ channel: z.string().check(z.startsWith("#")), webhook: text })),
  pagerduty: maybe(object({ webhook: text })),
  cpu: percent,
  memory: percent,
  disk: percent,
  latency: count,
  restartsPerHour: count,
  connections: maybe(percent),
  errors: maybe(percent),
  note: maybe(text),
});

const schedule = object({
  purpose: text,
  cron: text,
  run: z.union([object({ sql: text }), object({ script: object({ keyspace: text, hash: text, field: text }) })]),
});

export const systemSchema = object({
  name: text,
  title: text,
  postgres,
  stores: record(store),
  keyspaces: record(keyspace),
  secrets: record(secret),
  settings: maybe(record(object({ purpose: text, feature: maybe(text) }))),
  features: record(object({ purpose: text })),
  apps: record(app),
  backups,
  alerts,
  schedules: maybe(record(schedule)),
  deviations: list(object({ id: text, asked: text, built: text })),
});

// ── In step with the interface ──────────────────────────────────────────────────────────────────────────────────────

/** Interfaces, intersections and inferred types spelt out alike, so that two of them can be told apart. */
type Spelt<T> = T extends object ? { readonly [Key in keyof T]: Spelt<T[Key]> } : T;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Does not compile where a field is in one of the two and not in the other, or is optional or of another type in one only. */
true satisfies Same<Spelt<System>, Spelt<z.infer<typeof systemSchema>>>;
