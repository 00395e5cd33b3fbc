/** What can be rotated in one system of a stack. */
import { otherSlot, userIn } from "../../catalog/alternate-user.ts";
import { rotateCommand, rotateKeysCommand } from "../../catalog/credential-age.ts";
import { ROLE_KINDS, type SystemSettings } from "../../settings/settings.ts";
import type { Subject } from "./subject.ts";

export interface RotationPlan {
  readonly system: string;
  readonly title: string;
  readonly roles: readonly {
    readonly role: string;
    readonly active: string;
    readonly next: string;
    readonly since?: string;
    readonly retiring?: string;
    /** Whether apps of the stack log in as it. */
    readonly hasApps: boolean;
    /** Pools that a first rotation opens to both users. */
    readonly pools: readonly string[];
    readonly command: string;
  }[];
  readonly generated: readonly string[];
  readonly generatedSince: string;
  /** Of the stack: buckets whose keys the apps use. */
  readonly buckets: readonly string[];
  readonly keysSince: string;
  readonly keysCommand: string;
  readonly operator: readonly { readonly secret: string; readonly key: string; readonly purpose: string }[];
  /** Clusters of Valkey. */
  readonly stores: readonly { readonly cluster: string; readonly stores: readonly string[] }[];
}

/** @param flags What a printed command needs: "-s prod". */
export function planOf(
  { system, credentials, operatorSecrets, rotated, stores, buckets }: SystemSettings,
  { flags, settings }: Pick<Subject, "flags" | "settings">,
): RotationPlan {
  const { roles, pools } = system.postgres;
  return {
    system: system.name,
    title: system.title,
    roles: ROLE_KINDS.map((kind) => {
      const { active, since, retiring } = credentials[kind] ?? { active: "a" };
      return {
        role: kind,
        active: userIn(active, roles[kind]),
        next: userIn(otherSlot(active), roles[kind]),
        ...(since !== undefined && { since }),
        ...(retiring !== undefined && { retiring: userIn(retiring, roles[kind]) }),
        hasApps: kind === "runtime",
        pools: kind === "runtime" && credentials.runtime === undefined ? Object.keys(pools) : [],
        command: rotateCommand({ flags, system: system.name, role: kind }),
      };
    }),
    generated: Object.entries(system.secrets)
      .filter(([, { origin }]) => origin === "generated")
      .map(([name]) => name),
    generatedSince: rotated,
    buckets: Object.values(buckets).map(({ name }) => name),
    keysSince: settings.keysRotated,
    keysCommand: rotateKeysCommand(flags),
    operator: Object.entries(operatorSecrets).map(([secret, key]) => {
      const { purpose } = system.secrets[secret] as { readonly purpose: string };
      return { secret, key, purpose };
    }),
    stores: [...new Set(Object.values(stores))].map((cluster) => ({
      cluster,
      stores: Object.keys(stores).filter((store) => stores[store] === cluster),
    })),
  };
}
