import { expect, it } from "vitest";
import { Secret } from "../engine/plan.ts";
import { harbour, settingsFrom } from "../settings/testing/fixture.ts";
import { env, type System } from "../systems/definition.ts";
import { Network } from "./network.ts";
import { Postgres } from "./postgres.ts";
import { Secrets } from "./secrets.ts";
import { recorded } from "./testing/recorded.ts";
import { Valkey } from "./valkey.ts";
import { resolveWiring } from "./wiring.ts";

const { api } = harbour.apps.web!.components;
const system: System = {
  ...harbour,
  apps: {
    web: {
      name: "harbour",
      components: {
        api: {
          ...api!,
          env: {
            LOG_LEVEL: env.plain("info"),
            JWT_SECRET: env.secret("jwtSecret"),
            DB_HOST: env.database("host"),
            DB_PASSWORD: env.database("password"),
            REDIS_URL: env.keyspace("sessions"),
            CACHE_URL: env.keyspace("answers"),
            REPLICA_URL: env.database("url", { replica: true }),
            GOOGLE_CLIENT_ID: env.where("google", env.setting("googleClientId")),
          },
        },
      },
    },
  },
};

/** Variable, declared secret, alias of the attached database, and value. */
async function wiring(postDeploy: Readonly<Record<string, unknown>>) {
  const { outputs } = await recorded(() => {
    const stack = settingsFrom({ postDeploy, ...(postDeploy.mode === "job" ? { allowedSources: [] } : {}) }, { systems: [system] });
    const [settings] = stack.systems;
    const network = new Network("net", { region: "nyc3", cidr: "10.20.0.0/20" });
    const cluster = { network, region: "nyc3", size: "db-s-1vcpu-2gb" };
    const databases = { harbour: { users: Object.values(system.postgres.roles) } };
    const wires = resolveWiring({
      ...{ stack, settings: settings! },
      postgres: new Postgres("orders", { ...cluster, major: "16", databases }),
      stores: { state: new Valkey("store", { ...cluster, class: "state" }) },
      secrets: new Secrets("secrets", { generated: { jwtSecret: { length: 48 } } }),
    });
    return { wires: wires.map(({ reader, source, value }) => [reader.variable, source.secret ?? "", source.binding?.alias ?? "", value]) };
  });
  return outputs.wires;
}

const OWN = [
  ["LOG_LEVEL", "", "", "info"],
  ["JWT_SECRET", "harbour.jwtSecret", "", new Secret("x".repeat(48))],
  ["DB_HOST", "", "db", "private-orders.db.test"],
  ["DB_PASSWORD", "harbour.postgres.runtime", "db", "${db.PASSWORD}"],
  ["REDIS_URL", "harbour-single-valkey", "state", "rediss://${state.USERNAME}:${state.PASSWORD}@private-store.db.test:${state.PORT}/0"],
];

it("gives each variable its source and value, and leaves out those without a store, a replica or a feature", async () => {
  expect(await wiring({ mode: "manual" })).toEqual(OWN);
});

it("gives the post-deploy job the logins of the administrator, the owner and every store", async () => {
  const url = (alias: string) =>
    `postgresql://\${${alias}.USERNAME}:\${${alias}.PASSWORD}@private-orders.db.test:\${${alias}.PORT}/harbour?sslmode=verify-full`;
  expect(await wiring({ mode: "job", image: "ghcr.io/acme/slipway:1.0.0" })).toEqual([
    ...OWN,
    ["SLIPWAY_ADMIN_URL", "shared-postgres.doadmin", "admin", url("admin")],
    ["SLIPWAY_OWNER_URL", "harbour.postgres.owner", "owner", url("owner")],
    ["SLIPWAY_CA", "", "owner", "${owner.CA_CERT}"],
    [
      "SLIPWAY_STORE_STATE_URL",
      "harbour-single-valkey",
      "state",
      "rediss://${state.USERNAME}:${state.PASSWORD}@private-store.db.test:${state.PORT}",
    ],
    ["SLIPWAY_STORE_STATE_CA", "", "state", "${state.CA_CERT}"],
  ]);
});
