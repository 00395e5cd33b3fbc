/** The Valkey stores of a system: the declared keys and scripts. */
import { existsSync } from "node:fs";
import { verify } from "../../postdeploy/keyspaces/index.ts";
import type { StoreAddress } from "../../postdeploy/keyspaces/wire/target.ts";
import type { System } from "../../systems/definition.ts";
import type { Check } from "./check.ts";
import { describeFailure } from "./database.ts";

const PATIENCE_MS = 10_000;

export async function checkKeyspaces(
  system: System,
  addresses: ReadonlyMap<string, StoreAddress>,
  folder: string,
): Promise<readonly Check[]> {
  const about = { kind: "keyspaces", subject: `${system.name}/keyspaces` } as const;
  const declared = Object.keys(system.keyspaces).length;
  if (declared === 0 || !existsSync(folder)) return [{ ...about, outcome: "skipped", evidence: "this system declares no keyspace" }];
  if (addresses.size === 0) return [{ ...about, outcome: "skipped", evidence: "this stack has no store" }];
  const stores = Object.fromEntries([...addresses].map(([name, address]) => [name, { ...address, class: system.stores[name]?.class }]));
  try {
    const found = await verify({ folder, system: system.name, stores, patienceMs: PATIENCE_MS, sharedStores: true });
    return found.map(({ keyspace, store, unchanged, tally, scripts, problems }): Check => {
      const subject = `${system.name}/${store}: keyspace ${keyspace}`;
      const isSame = unchanged && tally.kept + tally.conflicting === 0;
      if (isSame) return { ...about, subject, outcome: "passed", evidence: "every declared key and script is there" };
      const differing = Object.values(tally.changes).reduce((sum, count) => sum + count, tally.kept + tally.conflicting);
      const what = [
        ...(differing > 0 ? [`${differing} keys differ or are missing`] : []),
        ...(scripts.length > 0 ? [`scripts ${scripts.join(", ")} are missing`] : []),
        ...problems,
      ];
      const command = `slipway keyspaces verify --system ${system.name}`;
      return { ...about, subject, outcome: "failed", evidence: what.join("; ") || "it differs", next: { text: "See which.", command } };
    });
  } catch (error) {
    return [{ ...about, ...describeFailure(error) }];
  }
}
