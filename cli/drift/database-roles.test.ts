import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlannedResource } from "../../engine/plan.ts";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import type { ApiClient, Json } from "../../operate/recover/api.ts";
import { compareRoles } from "../../operate/recover/database-roles.ts";
import { TYPES } from "../../operate/recover/kinds.ts";
import { isRolesDrift } from "../../operate/recover/roles-drift.ts";
import type { State } from "../../operate/recover/state.ts";
import { applyRoles } from "../../postdeploy/roles/index.ts";
import { formatRoles } from "./text.ts";

const CLUSTER = "22222222-0000-4000-8000-000000000002";
const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" } as const;
const users = Object.values(roles).map((name) => ({ name, password: `pw_${name}_0123456789`, replication: false }));
const declared = { database: "shop", schemas: ["public"], extensions: [], roles, statementTimeoutSeconds: 30 };

const urn = (type: string, name: string) => `urn:pulumi:qa::shop::${type}::${name}`;
const STEP = "pulumi-nodejs:dynamic/slipway:Roles";
const plan = {
  resources: [
    { urn: urn(STEP, "roles"), type: STEP, propertyDependencies: { url: [urn(TYPES.user, "doadmin"), urn(TYPES.cluster, "orders")] } },
  ] as unknown as readonly PlannedResource[],
};
const resource = { custom: true, protect: false, incomplete: false };
const state: State = {
  resources: [
    { ...resource, urn: urn(TYPES.cluster, "orders"), type: TYPES.cluster, id: CLUSTER, outputs: {} },
    { ...resource, urn: urn(STEP, "roles"), type: STEP, id: "shop/roles", outputs: { system: "shop", ...declared } },
  ],
  pending: [],
};

describe("the roles in a database", () => {
  const home = temporaryHome();
  const backing = openServers({ home, fsync: false });
  let endpoint: Endpoint;
  let api: ApiClient;

  beforeAll(async () => {
    endpoint = await backing.startCluster(postgresCluster("drift", { version: "15", databases: ["defaultdb", "shop"], users }));
    api = apiWith({ host: "localhost", port: endpoint.port, user: "doadmin", password: "AVNS_doadmin" });
    const url = `postgresql://doadmin:AVNS_doadmin@localhost:${endpoint.port}/shop`;
    await applyRoles({ ...declared, connection: { url, ca: endpoint.ca } });
  });
  afterAll(async () => {
    await backing.close();
    await removeHome(home);
  });

  /** As DigitalOcean replies for the cluster. */
  function apiWith(connection: Json): ApiClient {
    const replies: Readonly<Record<string, Json>> = {
      [`/v2/databases/${CLUSTER}`]: { database: { connection } },
      [`/v2/databases/${CLUSTER}/ca`]: { ca: { certificate: Buffer.from(endpoint.ca).toString("base64") } },
    };
    const list = async () => users;
    return { get: async (path) => replies[path], list, listIfSupported: list };
  }
  const as = (name: string, sql: string) => query(endpoint, sql, { user: name, password: `pw_${name}_0123456789`, database: "shop" });
  const compare = async () => (await compareRoles({ plan, state, api }))[0]!;
  const text = async () => formatRoles([await compare()], "-s qa", { columns: 400, style: { bold: (one: string) => one } } as never);

  it("are as declared after the roles step", async () => {
    const found = await compare();
    expect(found).toEqual({ system: "shop", database: "shop", cluster: CLUSTER, statements: [], notices: [], rejected: [] });
    expect(isRolesDrift(found)).toBe(false);
    expect(await text()).toBe("Database shop of shop: the roles are as declared");
  });

  it("differ after a role changed its settings and its password, and the output says how to repair it without a password", async () => {
    await as("shop", "ALTER ROLE shop SET local_preload_libraries = 'nothing'");
    await as("shop_readonly", "ALTER ROLE shop_readonly PASSWORD 'mine'");
    const found = await compare();
    expect(isRolesDrift(found)).toBe(true);
    expect(found.statements).toEqual(['ALTER ROLE "shop" RESET "local_preload_libraries"']);
    expect(found.rejected).toEqual(["shop_readonly"]);
    const shown = await text();
    expect(shown).toContain("Undeclared setting of shop in all databases: local_preload_libraries = nothing.");
    expect(shown).toContain(`Reset it: doctl databases user reset ${CLUSTER} shop_readonly. Then: slipway recover -s qa --yes`);
    expect(shown).toContain('    ALTER ROLE "shop" RESET "local_preload_libraries"');
    expect(shown).not.toMatch(/pw_|AVNS_/);
  });

  it("are not compared where the database cannot be reached or the token may not read passwords, and the output says why", async () => {
    const unreachable = apiWith({ host: "localhost", port: 1, user: "doadmin", password: "AVNS_doadmin" });
    expect((await compareRoles({ plan, state, api: unreachable }))[0]).toMatchObject({
      statements: [],
      unread: expect.stringContaining("no server listens on localhost:1"),
    });
    const hidden = apiWith({ host: "localhost", port: endpoint.port, user: "doadmin", password: "" });
    expect((await compareRoles({ plan, state, api: hidden }))[0]!.unread).toContain("database:view_credentials");
  });

  it("are not compared before the roles step has run", async () => {
    expect(await compareRoles({ plan, state: { resources: state.resources.slice(0, 1), pending: [] }, api })).toEqual([]);
  });
});
