import { createHash, randomBytes, randomInt, randomUUID } from "node:crypto";

export const newId = (): string => randomUUID();

/** Returns the same id for the same name, for objects without a record of their own. */
export function nameId(name: string): string {
  const hex = createHash("sha1").update(name).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const LETTERS_AND_CAPITALS = `${LETTERS}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;

const draw = (alphabet: string, length: number) => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");

/** Like DigitalOcean's passwords: letters and digits only, so that a URL needs no escaping. */
export const newPassword = (): string => `AVNS_${draw(LETTERS_AND_CAPITALS, 19)}`;

/** The random suffix of an app's address. */
export const newSuffix = (): string => draw(LETTERS, 5);

export const newSpacesAccessKey = (): string => `DO${draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 18)}`;
export const newSpacesSecretKey = (): string => randomBytes(32).toString("base64url");
