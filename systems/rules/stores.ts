/** What the databases of a Valkey can hold together. */
import type { Rule } from "./rule.ts";

/** Two keyspaces in one database would read each other's keys. */
export const numbersUnique: Rule = ({ keyspaces }, report) => {
  const taken = new Map<string, string>();
  for (const [name, { store, database }] of Object.entries(keyspaces)) {
    const place = `${store}/${database}`;
    const other = taken.get(place);
    if (other === undefined) taken.set(place, name);
    else
      report({
        path: `keyspaces.${name}.database`,
        given: `${database}, which "${other}" has in the store "${store}"`,
        allowed: "a number that no other keyspace of the store has, 0 to 127",
        mend: `Give "${name}" another number, or another store.`,
      });
  }
};

/** Eviction is a matter of the whole server: what must not be lost cannot stand beside what may be. */
export const durableOnState: Rule = ({ keyspaces, stores }, report) => {
  for (const [name, { store, durable }] of Object.entries(keyspaces)) {
    if (!durable || stores[store]?.class !== "cache") continue;
    report({
      path: `keyspaces.${name}.store`,
      given: `durable keys in "${store}", a cache, which drops keys when it is full`,
      allowed: "a store of class state",
      mend: `Move "${name}" to a store of class state, or say durable: false if its keys may be lost.`,
    });
  }
};
