/** One operation on backups, in a process of its own that a test kills. Its arguments are JSON: see ./kill.ts. */

import { planPrune, prune } from "../prune.ts";
import { readInventory } from "../repository.ts";
import { parseSigningKey } from "../signature.ts";
import { openFolder } from "../store/folder.ts";
import { openStore } from "../store/location.ts";
import { backUp, restoreInto, SET } from "./fixture.ts";

export interface Work {
  readonly operation: "create" | "prune" | "restore";
  /** Folders, or S3 addresses. */
  readonly copies: readonly string[];
  readonly storeKey?: string;
  readonly url: string;
  readonly identity: string;
  readonly recipient: string;
  readonly signingKey: string;
  readonly database?: string;
}

const {
  operation,
  copies,
  storeKey,
  url,
  identity,
  recipient,
  signingKey: text,
  database = "restored",
} = JSON.parse(process.argv[2]!) as Work;
const signingKey = parseSigningKey(text);
const stores = await Promise.all(copies.map((copy) => (storeKey ? openStore({ url: copy, key: storeKey }) : openFolder(copy))));
const repository = {
  copies: [stores[0]!, ...stores.slice(1)] as const,
  verifyKeys: [signingKey.publicKey],
  signingKey,
  identity,
  recipient,
};
const policy = { daily: 1, weekly: 0, monthly: 0, yearly: 0, verified: 0 };
const options = { repository, policyOf: () => policy, now: new Date(Date.now() + 72 * 3_600_000) };

if (operation === "create") await backUp(repository, { url });
else if (operation === "prune") await prune(options);
else {
  const { backups } = await readInventory(repository, SET);
  await restoreInto(repository, backups.at(-1)!, { server: { url }, database });
}
await planPrune(options);
