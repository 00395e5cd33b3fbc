/** The refusal of every field that is missing or wrong, and of every rule that is broken, in testing/refusals.txt. */
import { expect, it } from "vitest";
import { readExpected } from "../tests/expected.ts";
import { checkSystem, checkSystems, DefinitionError } from "./check.ts";
import { env } from "./definition.ts";
import { api, drydock, media, whole } from "./testing/shipyard.ts";

type Loose = Record<string, unknown>;

function changed(path: string, value: unknown): unknown {
  const root = structuredClone(whole) as unknown as Loose;
  const steps = path.split(".");
  const parent = steps.slice(0, -1).reduce<Loose>((at, step) => at[step] as Loose, root);
  if (value === undefined) delete parent[steps.at(-1)!];
  else parent[steps.at(-1)!] = value;
  return root;
}

function messageOf(check: () => unknown): string {
  try {
    check();
    return "accepted";
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    return error.problems
      .map(({ path, given = "", problem = "", allowed = "", fix = "" }) => [path, given, problem, allowed, fix].join(" | "))
      .join("\n");
  }
}

/** Every place of the definition; of records with entries of the same form the first ones. */
function placesOf(value: unknown, path = ""): { path: string; value: unknown; form: string }[] {
  const own = path === "" ? [] : [{ path, value, form: formOf(path) }];
  if (typeof value !== "object" || value === null) return own;
  return [...own, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, path === "" ? key : `${path}.${key}`))];
}

function formOf(path: string): string {
  const [, variable, field = ""] = /^(apps\.[^.]+\.components\.[^.]+\.env\.[^.]+)(.*)$/.exec(path) ?? [];
  if (variable !== undefined) return `env ${JSON.stringify(Object.keys(at(variable) as object))} ${(at(variable) as Loose).from}${field}`;
  const [, component, rest = ""] = /^(apps\.[^.]+\.components\.[^.]+)(.*)$/.exec(path) ?? [];
  if (component !== undefined) return `component ${(at(component) as Loose).kind}${rest.replace(/\.\d+$/, ".0")}`;
  const [, record, , more = ""] =
    /^(stores|keyspaces|buckets|settings|features|secrets|postgres\.pools|apps)\.([^.]+)(.*)$/.exec(path) ?? [];
  if (record === undefined) return path;
  const entry = at(path.slice(0, path.length - more.length)) as Loose;
  return `${record} ${record === "secrets" ? entry.origin : ""}${more.replace(/\.\d+$/, ".0")}`;
}

function at(path: string): unknown {
  return path.split(".").reduce<unknown>((value, step) => (value as Loose)[step], whole);
}

function wrongValues(value: unknown): readonly unknown[] {
  if (typeof value === "number") return [undefined, 0, 1.5, -1];
  if (typeof value === "string") return [undefined, "", 7];
  if (Array.isArray(value)) return [undefined, [], "x"];
  return [undefined, "x"];
}

/** Broken rules, and values next to them that keep the rule: "accepted". */
const RULES: readonly (readonly [path: string, ...values: unknown[]])[] = [
  ["name", "a", "ab", "a".repeat(20), "a".repeat(21), "1a", "Ab", "a_b", "-a"],
  ["extra", 1],
  [
    "postgres.database",
    "postgres",
    "template0",
    "template1",
    "defaultdb",
    "_dodb",
    "pg_x",
    "x-y",
    "1a",
    "a".repeat(63),
    "a".repeat(64),
    "_a",
  ],
  ["postgres.schemas", ["information_schema"], ["a", "b", "a"], ["pg_toast"], ["A"]],
  [
    "postgres.roles.runtime",
    "postgres",
    "doadmin",
    "public",
    "none",
    "current_user",
    "current_role",
    "session_user",
    "shipyard_owner",
    "pg_x",
  ],
  ["postgres.extensions", ["uuid-ossp"], ["Vector"], ["1a"], ["a".repeat(64)]],
  ["postgres.pools.ab", { mode: "transaction", wish: 1 }],
  ["postgres.pools.Abc", { mode: "session", wish: 1 }],
  ["buckets.a", {}],
  ["buckets.a-", {}],
  ["buckets.ab", {}],
  ["keyspaces.Two", { store: "state", database: 9, durable: true }],
  ["keyspaces.two", { store: "state", database: 0, durable: true }],
  ["keyspaces.answers", { store: "cache", database: 127, durable: true }],
  ["keyspaces.answers.database", 127, 128],
  ["secrets.a_b", { origin: "generated", length: 32 }],
  ["secrets.jwtSecret.length", 31, 32],
  [`features.${"a".repeat(41)}`, { purpose: "x" }],
  ["apps.A", whole.apps.portal],
  ["apps.yard.name", "a", "ab", "a".repeat(24), "a".repeat(25), "shipyard-portal"],
  ["apps.yard.domain", "https://a.dev", "a", "a.d", "ab.de", "-a.dev", "shipyard.example.com/x"],
  ["apps.portal.domain", "shipyard.example.com"],
  ["stores.db", whole.stores.state],
  ["stores.admin", whole.stores.state],
  ["stores.owner", whole.stores.state],
  ["stores.a_b", whole.stores.state],
  ["apps.yard.components.state", media],
  ["apps.yard.components.db", media],
  ["apps.yard.components.a_b", media],
  ["apps.yard.components.portal", media],
  ["apps.yard.components.api", undefined, media],
  ["apps.portal.components.api", api],
  ...["frontend", "api", "nightly"].flatMap((name) => [
    [`apps.yard.components.${name}.source.dir`, "web", "/a b", " web", "//web"] as const,
    [`apps.yard.components.${name}.source.repo`, "shipyard", "a/b/c", "https://github.com/a/b"] as const,
  ]),
  ["apps.yard.components.api.routes", ["/", "/api"], ["api"], ["/api", "/api"]],
  ["apps.yard.components.api.health.path", "health"],
  ["apps.yard.components.api.health.timeoutSeconds", 10, 11],
  ["apps.yard.components.api.port", 65_535, 65_536],
  ["apps.yard.components.api.checks.probes.0.path", "/api", "/", "/other", "api"],
  ["apps.yard.components.api.checks.probes.1.lists.table", "docks", "other.docks", "public.docks.x", "x.public.docks", "public."],
  ["apps.yard.components.api.checks.probes.0.status.0", 99, 600],
  ["apps.yard.components.api.checks.probes.1.lists.values.slug", "x"],
  ["apps.yard.components.nightly.checks", {}],
  ["checklist.0.checks", ["deployment", "health"], ["weather"]],
  ["targets.2.path", "/", "api"],
  ["alerts.slack.webhook", "jwtSecret", "hook"],
  ["alerts.cpu", 100, 101],
  ["backups.postgres.hourUtc", 23, 24],
  ["backups.keyspaces", { days: 1 }, { days: 0 }, {}],
  ...["a", "A-B", "1A", "A1", "_"].map((key) => [`apps.yard.components.api.env.${key}`, env.plain("x")] as const),
  ["apps.yard.components.api.env.X", { ...env.database("url"), scope: "BUILD_TIME" }, { ...env.app("url"), scope: "BUILD_TIME" }],
  ["apps.yard.components.api.env.X", { ...env.setting("plainId"), scope: "RUN_AND_BUILD_TIME" }],
  ["apps.yard.components.api.env.X", { ...env.secret("jwtSecret"), scope: "RUN_AND_BUILD_TIME" }],
  ["apps.yard.components.frontend.env.X", env.plain("x"), { ...env.plain("x"), scope: "RUN_AND_BUILD_TIME" }],
  ...[
    "5432",
    "6432",
    "6379",
    "6380",
    "25060",
    "25061",
    "25062",
    "54321",
    "x5432",
    "host:5432/x",
    "15432",
    "a${b}",
    "redis://x",
    "xredis://x",
  ].map((value) => ["apps.yard.components.api.env.X", env.plain(value)] as const),
  ["apps.yard.components.api.env.PASSWORD", env.plain("x")],
  ["apps.yard.components.api.env.X", env.plain("postgresql://a:b@c/d")],
  ["apps.yard.components.api.env.NODE_TLS_REJECT_UNAUTHORIZED", env.plain("1")],
  ["apps.yard.components.api.env.TLS_REJECT_UNAUTHORIZED_X", env.plain("1")],
  ["apps.yard.components.api.env.PGSSLMODE", env.plain("require"), env.plain("verify-full"), env.database("host")],
  ["apps.yard.components.api.env.PGSSLMODE_X", env.plain("require")],
  ["apps.yard.components.api.env.X", env.plain("x?sslmode=require"), env.plain("x?a=b&ssl=true"), env.plain("x?ssl=verify-full&a=b")],
  ["apps.yard.components.api.source.runCommand", undefined],
  ["apps.yard.components.media.env.FILE", env.caFile()],
  ["apps.portal.components.portal.env.FILE", env.caFile()],
  ["apps.yard.components.api.env.PLAIN_FILES", env.bucket("plain", "cdnUrl"), env.bucket("files", "name"), env.bucket("none", "name")],
  ["apps.yard.components.api.env.POOL_MAX", env.budget(5, 5), env.budget(5, 6)],
  ["apps.yard.components.api.env.X", env.database("host", { driver: "x" }), env.database("url", { pool: "shipyard_pool", replica: true })],
  ["apps.yard.components.api.env.X", env.store("queue"), env.where("cache", env.store("queue")), env.store("none"), env.keyspace("none")],
  [
    "apps.yard.components.api.env.X",
    env.secret("none"),
    env.setting("none"),
    env.database("url", { pool: "none" }),
    env.where("none", env.plain("x")),
  ],
  [
    "apps.yard.components.api.env.X",
    env.keyspace("answers"),
    env.secret("googleClientSecret"),
    env.setting("googleClientId"),
    env.bucket("files", "name"),
  ],
  ["apps.yard.components.api.feature", "queue", "none"],
  ["apps.yard.components.media.env.X", env.where("media", env.plain("x"))],
  ["stores.state.feature", "none", "media"],
  ["stores.spare", whole.stores.cache],
  ["keyspaces.spare", { store: "none", database: 3, durable: false }, { store: "queue", database: 3, durable: false }],
  ["buckets.spare", { feature: "none" }],
  ["secrets.spare", { origin: "operator", purpose: "x", feature: "none" }, { origin: "operator", purpose: "x" }],
  ["settings.spare", { purpose: "x", feature: "none" }],
  ["features.spare", { purpose: "x" }],
  ["postgres.pools.spare", { mode: "statement", wish: 1 }],
  ...["buckets", "settings", "postgres.sizing"].map((path) => [path, undefined] as const),
];

/** Names that are valid but for the character before or after them. */
const AROUND: readonly (readonly [path: string, value: unknown])[] = [
  ...["!ab", "ab!"].flatMap((name) => [
    ["name", name] as const,
    [`buckets.${name}`, {}] as const,
    [`keyspaces.${name}`, { store: "state", database: 9, durable: true }] as const,
    [`apps.${name}`, whole.apps.portal] as const,
    ["postgres.database", name] as const,
    ["postgres.schemas", [name]] as const,
    ["postgres.roles.backup", name] as const,
    ["postgres.extensions", [name]] as const,
    [`postgres.pools.${name}c`.replace("!c", "c!"), { mode: "session", wish: 1 }] as const,
    ["apps.yard.name", name] as const,
    [`stores.${name}`, whole.stores.state] as const,
    [`apps.yard.components.${name}`, media] as const,
    [`apps.yard.components.api.env.${name.toUpperCase()}`, env.plain("x")] as const,
  ]),
  ...["!a.dev", "a.dev!"].map((domain) => ["apps.yard.domain", domain] as const),
  ...["!a/b", "a/b!"].map((repo) => ["apps.yard.components.api.source.repo", repo] as const),
];

it("prints these refusals", () => {
  const lines = new Map<string, string>();
  const add = (title: string, check: () => unknown) => lines.set(title, messageOf(check));
  add("nothing changed", () => checkSystem(whole));
  const seen = new Set<string>();
  for (const { path, value, form } of placesOf(whole)) {
    if (seen.has(form)) continue;
    seen.add(form);
    for (const wrong of wrongValues(value))
      add(`${path} = ${JSON.stringify(wrong) ?? "(removed)"}`, () => checkSystem(changed(path, wrong)));
  }
  for (const [path, ...values] of [...RULES, ...AROUND])
    for (const value of values)
      add(
        `${path} = ${value === whole.stores.state || value === media || value === api ? "(another)" : (JSON.stringify(value) ?? "(removed)")}`,
        () => checkSystem(changed(path, value)),
      );
  for (const given of [null, 7, [], {}, { name: "" }, { name: 7 }])
    add(`a definition that is ${JSON.stringify(given)}`, () => checkSystems([drydock, given]));
  const second = (change: object) => ({ ...structuredClone(drydock), ...change });
  const postgres = (change: object) => second({ postgres: { ...drydock.postgres, ...change } });
  const apps = (change: object) => second({ apps: { dock: { ...drydock.apps.dock, ...change } } });
  for (const [what, other] of Object.entries({
    none: second({}),
    name: second({ name: "shipyard" }),
    database: postgres({ database: "shipyard" }),
    role: postgres({ roles: { ...drydock.postgres.roles, backup: "shipyard" } }),
    "the user of a rotation": postgres({ roles: { ...drydock.postgres.roles, backup: "shipyard_b" } }),
    pool: postgres({ pools: { shipyard_pool: { mode: "session", wish: 1 } } }),
    app: apps({ name: "shipyard" }),
    domain: apps({ domain: "shipyard.example.com" }),
  }))
    add(`two systems that share: ${what}`, () => checkSystems([whole, other]));
  const texts = Object.fromEntries(lines);
  expect(texts).toEqual(readExpected(new URL("testing/refusals.txt", import.meta.url), texts));
});
