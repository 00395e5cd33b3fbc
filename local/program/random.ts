/** The `random` provider: passwords and ids, generated once. */
import { randomBytes, randomInt } from "node:crypto";
import type { ResourceType } from "../../engine/cloud-provider.ts";
import type { Plain } from "../../engine/state.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const DIGITS = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

export const randomPassword: ResourceType = {
  replaces: ["*"],
  create: async (inputs) => ({ id: "none", outputs: { result: generatePassword(inputs) } }),
  delete: async () => {},
};

export const randomId: ResourceType = {
  replaces: ["*"],
  create: async ({ byteLength, prefix = "" }) => {
    const bytes = randomBytes(Number(byteLength));
    const id = bytes.toString("base64url");
    const forms = {
      hex: bytes.toString("hex"),
      dec: String(BigInt(`0x${bytes.toString("hex")}`)),
      b64Std: bytes.toString("base64"),
      b64Url: id,
    };
    return { id, outputs: Object.fromEntries(Object.entries(forms).map(([form, text]) => [form, `${prefix}${text}`])) };
  },
  delete: async () => {},
};

function generatePassword({
  length,
  lower = true,
  upper = true,
  numeric = true,
  special = true,
  overrideSpecial = SPECIAL,
}: Plain): string {
  const alphabet = [lower && LOWER, upper && UPPER, numeric && DIGITS, special && overrideSpecial].filter(Boolean).join("");
  return Array.from({ length: Number(length) }, () => alphabet[randomInt(alphabet.length)]).join("");
}
