/** Rules for keyspaces in the same store. */
import { printable } from "../../catalog/problem.ts";
import type { Rule } from "./rule.ts";

/** Two keyspaces in one database would read each other's keys. */
export const numbersUnique: Rule = ({ keyspaces }, report) => {
  const taken = new Map<string, string>();
  for (const [name, { store, database }] of Object.entries(keyspaces)) {
    const key = `${store}/${database}`;
    const other = taken.get(key);
    if (other === undefined) taken.set(key, name);
    else
      report({
        path: `keyspaces.${name}.database`,
        given: String(database),
        problem: `the keyspace "${other}" has this number in the store "${store}"`,
        allowed: "a number that no other keyspace of the store has, 0 to 127",
        fix: `Give "${name}" another number, or another store.`,
      });
  }
};

/** Eviction is a policy of the whole server, so durable keys cannot share one with a cache. */
export const durableOnState: Rule = ({ keyspaces, stores }, report) => {
  for (const [name, { store, durable }] of Object.entries(keyspaces)) {
    if (!durable || stores[store]?.class !== "cache") continue;
    report({
      path: `keyspaces.${name}.store`,
      given: printable(store),
      problem: "the keyspace is durable, and this store is a cache, which evicts keys when it is full",
      allowed: "a store of class state",
      fix: `Move "${name}" to a store of class state, or write durable: false if its keys may be lost.`,
    });
  }
};
