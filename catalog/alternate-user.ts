/**
 * The two users of a database role: the declared one, and an alternate that is a member of it. A rotation moves the applications from one to the other, so
 * that no credential changes while something uses it.
 */

export type UserSlot = "a" | "b";

export const USER_SLOTS = ["a", "b"] as const satisfies readonly UserSlot[];

const SUFFIX = "_b";

/** Of a role whose alternate has a valid name as well. Postgres cuts names to 63 bytes. */
export const MOST_ROLE_CHARACTERS = 63 - SUFFIX.length;

/** "shop_app_b" */
export const alternateOf = (role: string): string => `${role}${SUFFIX}`;

/** The user in a slot: "a" is the declared one. */
export const userIn = (slot: UserSlot, role: string): string => (slot === "b" ? alternateOf(role) : role);

export const otherSlot = (slot: UserSlot): UserSlot => (slot === "a" ? "b" : "a");
