/**
 * Every secret of a platform by its name: the resource or setting that it comes from, and the variables that may hold it, according to the wiring. The
 * platform publishes this list as an output, so that the audit and the preview can compare it with the App specs.
 */
import type * as pulumi from "@pulumi/pulumi";
import { USER_SLOTS, userIn } from "../catalog/alternate-user.ts";
import { rotateCommand, rotateKeysCommand } from "../catalog/credential-age.ts";
import { SIGNING_KEY } from "../settings/operator.ts";
import { NAMESPACE } from "../settings/problems.ts";
import type { RoleKind } from "../settings/settings.ts";
import { SECRET_NAME } from "./names.ts";
import type { Deployed } from "./outputs.ts";
import type { SystemDeployment } from "./system.ts";
import type { Reader, Wire } from "./wiring.ts";

export interface DeclaredSecret extends SecretOrigin {
  readonly readers: readonly Reader[];
}

interface SecretOrigin {
  /** `shop.jwtSecret`, `shop.postgres.runtime`, `shop-state-valkey`. */
  readonly secret: string;
  /** The resource that creates it. */
  readonly urn?: pulumi.Output<string>;
  /** The whole key of the setting that an operator types. */
  readonly config?: string;
  /** The day since which the apps use it, and the command that rotates it. Absent for what was never rotated. */
  readonly since?: string;
  readonly rotate?: string;
}

export function declaredSecrets({
  deployments,
  backups,
  scheduled,
}: Pick<Deployed, "deployments" | "backups" | "scheduled">): DeclaredSecret[] {
  const { key, offsiteKey } = backups?.nodes ?? {};
  const age = deployments[0] === undefined ? {} : keyAge(deployments[0]);
  const origins = [
    ...deployments.flatMap((deployment) => [...ownSecrets(deployment), ...logins(deployment), ...bucketKeys(deployment)]),
    ...(key === undefined ? [] : [{ secret: SECRET_NAME.backups("primary"), urn: key.urn, ...age }]),
    ...(offsiteKey === undefined ? [] : [{ secret: SECRET_NAME.backups("offsite"), urn: offsiteKey.urn, ...age }]),
    ...(scheduled === undefined ? [] : [{ secret: SECRET_NAME.signingKey, config: `${NAMESPACE}:${SIGNING_KEY.key}` }]),
  ];
  // Systems on one cluster share its secrets: each is listed once, with the readers of all systems.
  return [...new Map(origins.map((origin) => [origin.secret, origin])).values()].map((origin) => ({
    ...origin,
    readers: deployments.flatMap((deployment) => readersOf(origin.secret, deployment)),
  }));
}

/** Grouped by store: one cluster can hold several. */
function readersOf(secret: string, { wiring, stores }: SystemDeployment): Reader[] {
  const storeIndex = ({ source }: Wire) => Object.keys(stores).indexOf(source.binding?.alias ?? "");
  return wiring
    .filter(({ source }) => source.secret === secret)
    .toSorted((a, b) => storeIndex(a) - storeIndex(b))
    .map(({ reader }) => reader);
}

function ownSecrets({ settings: { system, operatorSecrets }, secrets }: SystemDeployment): SecretOrigin[] {
  return [
    ...Object.entries(secrets.nodes.generated).map(([secret, { urn }]) => ({ secret: SECRET_NAME.own(system.name, secret), urn })),
    ...Object.entries(operatorSecrets).map(([secret, config]) => ({ secret: SECRET_NAME.own(system.name, secret), config })),
  ];
}

function logins({ stack, settings, postgres, stores }: SystemDeployment): SecretOrigin[] {
  const { name, postgres: needs } = settings.system;
  const { users, pools, cluster } = postgres.nodes;
  return [
    ...Object.entries(needs.roles).flatMap(([kind, role]) =>
      USER_SLOTS.flatMap((slot) => {
        const user = users[userIn(slot, role)];
        if (user === undefined) return [];
        const { active, since } = settings.credentials[kind as RoleKind] ?? {};
        const rotate = rotateCommand({ flags: `-s ${stack.stack}`, system: name, role: kind });
        return [{ secret: SECRET_NAME.role(name, kind, slot), urn: user.urn, ...(active === slot && since && { since, rotate }) }];
      }),
    ),
    // A pool repeats its user's password.
    ...Object.keys(needs.pools).map((pool) => ({ secret: SECRET_NAME.pool(name, pool), urn: pools[pool]!.urn })),
    { secret: SECRET_NAME.admin(settings.cluster), urn: cluster.urn },
    ...Object.entries(stores).map(([store, { nodes }]) => ({ secret: SECRET_NAME.store(settings.stores[store]!), urn: nodes.cluster.urn })),
  ];
}

function bucketKeys(deployment: SystemDeployment): SecretOrigin[] {
  const { settings, buckets } = deployment;
  return Object.entries(buckets).map(([bucket, { nodes }]) => ({
    secret: SECRET_NAME.bucket(settings.system.name, bucket),
    urn: nodes.key.urn,
    ...keyAge(deployment),
  }));
}

/** The keys of all buckets of a stack are rotated together. */
const keyAge = ({ stack: { stack, keysRotated } }: SystemDeployment): Pick<SecretOrigin, "since" | "rotate"> =>
  keysRotated === "never" ? {} : { since: keysRotated, rotate: rotateKeysCommand(`-s ${stack}`) };
