import type { Account } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import type { Store } from "../store/store.ts";

/** Reads the account, or creates it on the first start. */
export function openAccount(store: Store): Account {
  const accounts = store.collection<Account>("account");
  const existing = accounts.get("account");
  if (existing) return existing;
  const created = { uuid: newId(), email: "you@slipway.test", team: { uuid: newId(), name: "Local" } };
  accounts.put("account", created);
  return created;
}

export const viewAccount = ({ uuid, email, team }: Account) => ({
  uuid,
  email,
  name: team.name,
  email_verified: true,
  status: "active",
  status_message: "",
  droplet_limit: 25,
  floating_ip_limit: 3,
  team,
});
