/** Passwords that are made once and kept. */
import { randomInt } from "node:crypto";
import type { Plain } from "../../engine/state.ts";
import type { ResourceType } from "../../engine/world.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const DIGITS = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

export const randomPassword: ResourceType = {
  replaces: ["*"],
  create: async (inputs) => ({ id: "none", outputs: { result: password(inputs) } }),
  delete: async () => {},
};

function password({ length, lower = true, upper = true, numeric = true, special = true, overrideSpecial = SPECIAL }: Plain): string {
  const alphabet = [lower && LOWER, upper && UPPER, numeric && DIGITS, special && overrideSpecial].filter(Boolean).join("");
  return Array.from({ length: Number(length) }, () => alphabet[randomInt(alphabet.length)]).join("");
}
