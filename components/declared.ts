/**
 * Every secret of a platform by its name: with which resource or setting it is born, and which variables may hold it, as the definitions say.
 * It stands among the platform's outputs, so that an audit can hold what is wired against what was meant.
 */
import type * as pulumi from "@pulumi/pulumi";
import type { Env } from "../systems/definition.ts";
import type { Berth, Platform } from "./platform.ts";
import { isOn, isPresent, type Wires } from "./wiring.ts";

export interface DeclaredSecret {
  /** `candlefish.jwtSecret`, `candlefish.postgres.runtime`, `candlefish-state-valkey`. */
  readonly secret: string;
  /** The resource that it comes with. */
  readonly urn?: pulumi.Output<string>;
  /** The whole key of the setting that an operator types. */
  readonly config?: string;
  readonly readers: readonly Reader[];
}

export interface Reader {
  /** The app's name at DigitalOcean. */
  readonly app: string;
  readonly component: string;
  readonly variable: string;
}

export function declaredSecrets({ berths, backups }: Pick<Platform, "berths" | "backups">): DeclaredSecret[] {
  const { key, offsiteKey } = backups?.nodes ?? {};
  return merged([
    ...berths.flatMap((berth) => [...ownSecrets(berth), ...logins(berth), ...stores(berth)]),
    ...(key === undefined ? [] : [{ secret: "backups.primary", urn: key.urn, readers: [] }]),
    ...(offsiteKey === undefined ? [] : [{ secret: "backups.offsite", urn: offsiteKey.urn, readers: [] }]),
  ]);
}

function ownSecrets({ settings: { system, operatorSecrets }, secrets, wires }: Berth): DeclaredSecret[] {
  const readers = (secret: string) => readersOf(wires, (env) => env.from === "secret" && env.secret === secret);
  return [
    ...Object.entries(secrets.nodes.generated).map(([secret, { urn }]) => ({
      secret: `${system.name}.${secret}`,
      urn,
      readers: readers(secret),
    })),
    ...Object.entries(operatorSecrets).map(([secret, config]) => ({
      secret: `${system.name}.${secret}`,
      config,
      readers: readers(secret),
    })),
  ];
}

function logins({ settings: { system, cluster }, postgres, wires }: Berth): DeclaredSecret[] {
  const { runtime, owner } = system.postgres.roles;
  const apps = readersOf(wires, (env) => env.from === "database" && (env.part === "url" || env.part === "password"));
  const byRole: Readonly<Record<string, readonly Reader[]>> = { [runtime]: apps, [owner]: jobReaders(wires, "SLIPWAY_OWNER_URL") };
  return [
    ...Object.entries(system.postgres.roles).map(([kind, role]) => ({
      secret: `${system.name}.postgres.${kind}`,
      urn: postgres.nodes.users[role]!.urn,
      readers: byRole[role] ?? [],
    })),
    // The password of a pool is its user's.
    ...Object.keys(system.postgres.pools).map((pool) => ({
      secret: `${system.name}.postgres.pool.${pool}`,
      urn: postgres.nodes.pools[pool]!.urn,
      readers: [],
    })),
    { secret: `${cluster}-postgres.doadmin`, urn: postgres.nodes.cluster.urn, readers: jobReaders(wires, "SLIPWAY_ADMIN_URL") },
  ];
}

function stores({ settings, stores: valkeys, wires }: Berth): DeclaredSecret[] {
  const { keyspaces } = settings.system;
  return Object.entries(valkeys).map(([store, valkey]) => ({
    secret: `${settings.stores[store]}-valkey`,
    urn: valkey.nodes.cluster.urn,
    readers: [
      ...readersOf(wires, (env) => {
        if (env.from !== "store" || (env.part !== "url" && env.part !== "password")) return false;
        return ("store" in env ? env.store : keyspaces[env.keyspace]!.store) === store;
      }),
      ...jobReaders(wires, `SLIPWAY_STORE_${store.toUpperCase().replaceAll("-", "_")}_URL`),
    ],
  }));
}

function readersOf(wires: Wires, holds: (env: Env) => boolean): Reader[] {
  const { settings, suffix } = wires;
  return Object.values(settings.system.apps).flatMap((app) =>
    Object.entries(app.components)
      .filter(([, { feature }]) => isOn(feature, settings))
      .flatMap(([component, { env }]) =>
        Object.entries(env)
          .filter(([, value]) => holds(value) && isPresent(value, wires))
          .map(([variable]) => ({ app: `${app.name}${suffix}`, component, variable })),
      ),
  );
}

function jobReaders({ postDeploy, settings, suffix }: Wires, variable: string): Reader[] {
  if (postDeploy.mode !== "job") return [];
  return Object.values(settings.system.apps)
    .filter(({ components }) => "api" in components)
    .map((app) => ({ app: `${app.name}${suffix}`, component: "post-deploy", variable }));
}

/** What several systems share is one secret, with the readers of all. */
function merged(secrets: readonly DeclaredSecret[]): DeclaredSecret[] {
  const byName = new Map<string, DeclaredSecret>();
  for (const one of secrets) {
    const before = byName.get(one.secret);
    byName.set(one.secret, before === undefined ? one : { ...before, readers: [...before.readers, ...one.readers] });
  }
  return [...byName.values()];
}
