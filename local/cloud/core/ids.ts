import { createHash, randomBytes, randomInt, randomUUID } from "node:crypto";

export const newId = (): string => randomUUID();

/** The same id for the same name, for what has no record of its own. */
export function nameId(name: string): string {
  const hex = createHash("sha1").update(name).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const LETTERS_AND_CAPITALS = `${LETTERS}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;

const draw = (alphabet: string, length: number) => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");

/** Letters and digits only, as DigitalOcean makes them, so that a password never needs escaping in a URL. */
export const newPassword = (): string => `AVNS_${draw(LETTERS_AND_CAPITALS, 19)}`;

/** The five letters that keep two apps' addresses apart. */
export const newSuffix = (): string => draw(LETTERS, 5);

export const newSpacesAccessKey = (): string => `DO${draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 18)}`;
export const newSpacesSecretKey = (): string => randomBytes(32).toString("base64url");
