/** The statements and notices of the roles step for databases in every state, in testing/plans.txt. No server is needed. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { readExpected } from "../../tests/expected.ts";
import type { CurrentState, Grant, Membership, RoleAttributes, RoleSetting } from "./current-state.ts";
import { rolesPlan } from "./index.ts";
import { planRoles } from "./plan.ts";
import type { RoleKind, RolesOptions } from "./privileges.ts";
import { findDrift, identity, pending, trigger } from "./step.ts";

const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" } as const;
const options: RolesOptions = {
  connection: { url: "postgresql://doadmin@localhost/shop", ca: "" },
  database: "shop",
  schemas: ["public", "templates"],
  extensions: ["uuid-ossp", "vector"],
  roles,
  statementTimeoutSeconds: 30,
};

const ATTRIBUTES: RoleAttributes = {
  superuser: false,
  bypassRls: false,
  createDb: false,
  createRole: false,
  replication: false,
  login: true,
  inherit: true,
  connectionLimit: -1,
  validUntil: null,
  changeable: true,
};

const to = (grantee: string, ...privileges: readonly string[]): Grant[] => privileges.map((privilege) => ({ grantee, privilege }));
const rolesWith = (kind: RoleKind, changes: Partial<RoleAttributes>) =>
  new Map(Object.entries(roles).map(([other, name]) => [name, other === kind ? { ...ATTRIBUTES, ...changes } : ATTRIBUTES]));

const inSchema = [
  ...to(roles.owner, "CREATE", "USAGE"),
  ...to(roles.runtime, "USAGE"),
  ...to(roles.readonly, "USAGE"),
  ...to(roles.backup, "USAGE"),
];
const rows = [...to(roles.runtime, "SELECT", "INSERT", "UPDATE", "DELETE"), ...to(roles.readonly, "SELECT"), ...to(roles.backup, "SELECT")];
const numbers = [...to(roles.runtime, "SELECT", "USAGE"), ...to(roles.readonly, "SELECT"), ...to(roles.backup, "SELECT")];
const calls = to(roles.runtime, "EXECUTE");
const setting = (role: string, name: string, value: string, more: Partial<RoleSetting> = {}): RoleSetting => ({
  ...{ role, name, value, everywhere: false, resettable: true },
  ...more,
});
const declaredSettings = [
  ...Object.values(roles).map((role) => setting(role, "search_path", "public, templates, pg_temp")),
  setting(roles.runtime, "statement_timeout", "30s"),
  setting(roles.runtime, "idle_in_transaction_session_timeout", "60s"),
];

/** As the step leaves a database. */
const done: CurrentState = {
  extensions: new Set(options.extensions),
  schemas: new Map([
    ["public", inSchema],
    ["templates", inSchema],
    ["slipway", [...to(roles.owner, "CREATE", "USAGE"), ...to(roles.backup, "USAGE")]],
  ]),
  objects: [],
  displaced: [],
  defaults: new Map([
    ...["public", "templates"].flatMap((schema): [string, Grant[]][] => [
      [`${schema} table`, rows],
      [`${schema} sequence`, numbers],
      [`${schema} function`, calls],
    ]),
    ["slipway table", to(roles.backup, "SELECT")],
    ["slipway sequence", to(roles.backup, "SELECT")],
    [" function", to(roles.owner, "EXECUTE")],
  ]),
  database: [
    ...to(roles.owner, "CONNECT", "TEMPORARY"),
    ...[roles.runtime, roles.readonly, roles.backup].flatMap((role) => to(role, "CONNECT")),
  ],
  shared: false,
  defaultDatabase: undefined,
  otherLogins: [],
  roles: rolesWith("owner", {}),
  settings: declaredSettings,
  memberships: [],
  readerObjects: [],
  largeObjects: [],
  administrator: "doadmin",
  major: 17,
  hidden: [],
};

const table = { kind: "table", schema: "public", reference: "public.items", grants: rows, hasAcl: true } as const;
const call = { kind: "function", schema: "public", reference: "public.total()", grants: calls, hasAcl: true } as const;
const membership = (member: string, role: string, more: Partial<Membership> = {}): Membership => ({
  ...{ member, role, grantor: "doadmin", admin: false, full: true, memberManages: false, revocable: true },
  ...more,
});
const withoutSetting = (name: string, ...instead: readonly RoleSetting[]) => [
  ...declaredSettings.filter((one) => one.name !== name),
  ...instead,
];

const STATES: Readonly<Record<string, Partial<CurrentState>>> = {
  "as the step leaves it": {},
  "nothing but the roles": { extensions: new Set(), schemas: new Map(), defaults: new Map(), database: [], settings: [] },
  "one extension is missing": { extensions: new Set(["vector"]) },
  "a schema has too few and too many grants": {
    schemas: new Map([...done.schemas, ["public", [...to(roles.owner, "USAGE"), ...to(roles.runtime, "CREATE", "USAGE")]]]),
  },
  "the ledger's schema is open": { schemas: new Map([...done.schemas, ["slipway", inSchema]]) },
  "PUBLIC connects": { database: [...done.database, ...to("", "CONNECT", "TEMPORARY")] },
  "PUBLIC connects to a shared database": { shared: true, database: [...done.database, ...to("", "CONNECT")] },
  "roles have too many privileges on the database": {
    database: [...done.database, ...to(roles.runtime, "CREATE"), ...to("other", "CREATE")],
  },
  "PUBLIC connects to the default database": { defaultDatabase: to("", "CONNECT", "TEMPORARY"), otherLogins: ["monitor", "a b"] },
  "PUBLIC connects to the default database, which nothing else uses": { defaultDatabase: to("", "CONNECT") },
  "a role connects to the default database": { defaultDatabase: [...to(roles.runtime, "CONNECT"), ...to(roles.owner, "CONNECT")] },
  "new functions are open": { defaults: new Map([...done.defaults, [" function", to("", "EXECUTE")]]) },
  "new functions are open to PUBLIC and to their owner": {
    defaults: new Map([...done.defaults, [" function", [...to("", "EXECUTE"), ...to(roles.owner, "EXECUTE")]]]),
  },
  "new functions are open to PUBLIC for another privilege": {
    defaults: new Map([...done.defaults, [" function", [...to("", "USAGE"), ...to("x", "EXECUTE")]]]),
  },
  "defaults differ": {
    defaults: new Map([...done.defaults, ["public table", to(roles.readonly, "SELECT", "INSERT")], ["slipway table", rows]]),
  },
  "objects as they should be": {
    objects: [
      table,
      { ...table, kind: "sequence", reference: "public.items_id_seq", grants: numbers },
      call,
      { ...table, schema: "slipway", reference: "slipway.ledger", grants: to(roles.backup, "SELECT") },
    ],
  },
  "objects with too many and too few grants": {
    objects: [
      {
        ...table,
        grants: [...to(roles.runtime, "SELECT", "TRUNCATE"), ...to(roles.readonly, "SELECT", "DELETE"), ...to(roles.owner, "SELECT")],
      },
      { ...table, kind: "sequence", reference: "public.items_id_seq", grants: to("", "USAGE") },
      { ...table, schema: "slipway", reference: "slipway.ledger", grants: [...rows, ...to("", "SELECT", "INSERT")] },
    ],
  },
  "a function that every role may call by default": { objects: [{ ...call, grants: [...calls, ...to("", "EXECUTE")], hasAcl: false }] },
  "a function that a migration opened": { objects: [{ ...call, grants: [...calls, ...to("", "EXECUTE")] }] },
  "a table that a migration opened": { objects: [{ ...table, grants: [...rows, ...to("", "SELECT")] }] },
  ...Object.fromEntries(
    (
      [
        { createDb: true },
        { createRole: true },
        { replication: true },
        { login: false },
        { inherit: false },
        { connectionLimit: 0 },
        { validUntil: "2026-01-01" },
        { bypassRls: true },
        { createDb: true, login: false },
        { createDb: true, changeable: false },
      ] as const
    ).flatMap((changes) =>
      (["runtime", "backup"] as const).map((kind) => [`${kind} has ${JSON.stringify(changes)}`, { roles: rolesWith(kind, changes) }]),
    ),
  ),
  "roles have members": {
    memberships: [
      membership("app", roles.runtime),
      membership("app", roles.owner, { admin: true, grantor: "other" }),
      membership(roles.runtime, "pg_read_all_data", { revocable: false }),
      membership("doadmin2", roles.owner, { memberManages: true }),
      membership("doadmin2", "other", { memberManages: true, admin: true }),
    ],
  },
  "roles have members on Postgres 15": { major: 15, memberships: [membership("app", roles.runtime)] },
  "roles have members on Postgres 16": { major: 16, memberships: [membership("app", roles.runtime)] },
  "a member passed its membership on": {
    memberships: [
      membership("c", roles.owner, { grantor: "b", revocable: false }),
      membership("b", roles.owner, { grantor: "a", revocable: false, admin: true }),
      membership("a", roles.owner, { admin: true }),
      membership("d", roles.owner, { grantor: "c", revocable: false }),
      membership("e", roles.runtime, { grantor: "a", revocable: false }),
    ],
  },
  "a member without the right passed nothing on": {
    memberships: [membership("a", roles.owner), membership("b", roles.owner, { grantor: "a", revocable: false })],
  },
  "no setting": { settings: [] },
  "settings with quotes": {
    settings: withoutSetting(
      "search_path",
      ...Object.values(roles).map((role) => setting(role, "search_path", '"public", templates, pg_temp')),
    ),
  },
  "settings have other values": { settings: withoutSetting("statement_timeout", setting(roles.runtime, "statement_timeout", "0")) },
  "a declared setting is everywhere": {
    settings: withoutSetting("statement_timeout", setting(roles.runtime, "statement_timeout", "30s", { everywhere: true })),
  },
  "undeclared settings": {
    settings: [
      ...declaredSettings,
      setting(roles.runtime, "work_mem", "1GB"),
      setting(roles.runtime, "candlefish.organization_id", "7", { everywhere: true }),
      setting(roles.owner, "statement_timeout", "5s"),
      setting(roles.backup, "log_statement", "all", { resettable: false }),
      setting(roles.readonly, "seed", "0.5", { resettable: false }),
      setting(roles.readonly, "transaction_isolation", "serializable", { resettable: false }),
      setting("", "a.b c", "x y"),
      setting("another", "work_mem", "1GB"),
    ],
  },
  "objects are displaced": {
    displaced: [
      { type: "MATERIALIZED VIEW", reference: "public.totals", role: "doadmin", given: true },
      { type: "TABLE", reference: "public.foreign", role: "doadmin", given: false },
      { type: "FUNCTION", reference: "public.f()", role: "doadmin", given: false },
      { type: "TABLE", reference: "public.x", role: roles.runtime, given: false },
    ],
  },
  "row-level security hides rows": { hidden: ["public.items", "public.notes"] },
  "row-level security hides nothing from a role with BYPASSRLS": {
    hidden: ["public.items"],
    roles: rolesWith("backup", { bypassRls: true }),
  },
  "other roles own objects": {
    readerObjects: [
      ...Array.from({ length: 10 }, (_, index) => ({ role: roles.runtime, object: `table public.t${index}` })),
      ...Array.from({ length: 11 }, (_, index) => ({ role: roles.backup, object: `table public.b${index}` })),
    ],
    largeObjects: [{ role: roles.runtime, count: 3 }],
  },
  "a role is missing": { roles: new Map([...done.roles].slice(2)) },
  "a role is a superuser": { roles: rolesWith("readonly", { superuser: true }) },
};

function textOf(options: RolesOptions, ledger: string, state: CurrentState): string {
  try {
    const { statements, notices } = planRoles(options, ledger, state);
    return [...statements, ...notices.map((notice) => `notice: ${notice}`)].join("\n");
  } catch (error) {
    const { code, exitCode, message } = error as Error & { code?: string; exitCode?: number };
    return `refused: ${JSON.stringify({ code, exitCode })} ${message}`;
  }
}

describe("the roles step", () => {
  it("plans these statements and notices", () => {
    const texts: Record<string, string> = Object.fromEntries(
      Object.entries(STATES).map(([title, changes]) => [title, textOf(options, "slipway", { ...done, ...changes })]),
    );
    texts["another ledger"] = textOf(options, "migrations", done);
    texts["one schema, no extension"] = textOf({ ...options, schemas: ["templates"], extensions: [] }, "slipway", {
      ...done,
      settings: [],
    });
    for (const change of [{ database: "a\u0000b" }, { schemas: [""] }, { roles: { ...roles, owner: "" } }])
      texts[`refuses ${JSON.stringify(change)}`] = textOf({ ...options, ...(change as Partial<RolesOptions>) }, "slipway", done);
    expect(texts).toEqual(readExpected(new URL("testing/plans.txt", import.meta.url), texts));
  });

  const inputs = { ...options, url: "postgresql://doadmin:secret@db.test:25060/shop", ca: "x", users: "digest" };

  it("is pending where something that it applies has changed", () => {
    expect(pending(inputs, { ...inputs, ca: "y", url: "postgresql://other" })).toBe("nothing");
    const changes = { database: "x", schemas: ["x"], extensions: [], roles: { owner: "x" }, statementTimeoutSeconds: 1, users: "other" };
    for (const [key, value] of Object.entries(changes))
      expect(pending(inputs, { ...inputs, [key]: value }), key).toMatch(/^rights of .+ in /);
    expect(pending({}, inputs)).toBe("rights of shop_owner, shop, shop_readonly, shop_backup in shop");
    expect(trigger).toBe("users");
  });

  it("is another one where the database or its server is, and not for another password or certificate", () => {
    const of = (change: object) => JSON.stringify(identity({ ...inputs, ...change }));
    expect(of({ ca: "y", users: "other", url: "postgresql://doadmin:other@db.test:25060/shop" })).toBe(of({}));
    for (const change of [{ url: "postgresql://doadmin:secret@other.test:25060/shop" }, { database: "x" }, { roles: {} }, { schemas: [] }])
      expect(of(change)).not.toBe(of({}));
    for (const change of [{ extensions: [] }, { statementTimeoutSeconds: 1 }]) expect(of(change)).not.toBe(of({}));
  });

  it("finds no drift where the server cannot be reached", async () => {
    expect(await findDrift({ ...inputs, url: "postgresql://doadmin:secret@127.0.0.1:1/shop" })).toEqual([]);
  });

  it("waits for a server that does not reply no longer than the caller allows", async () => {
    const silent = createServer((socket) => void socket.on("error", () => {}));
    onTestFinished(() => void silent.close());
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const url = `postgresql://doadmin:secret@127.0.0.1:${(silent.address() as AddressInfo).port}/shop`;
    const start = performance.now();
    await expect(rolesPlan({ ...options, connection: { url, ca: "" } }, { connectTimeoutMs: 50 })).rejects.toThrow(
      "no reply from 127.0.0.1",
    );
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
