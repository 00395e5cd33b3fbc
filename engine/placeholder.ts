/** Placeholders for config values that are encrypted, which only Pulumi's passphrase or secrets provider can decrypt. */
import { createHash } from "node:crypto";

const SHAPE = /^placeholder-[a-z0-9-]+-[0-9a-f]{32}$/;

/** Each key has its own placeholder: long enough for a password, and made of characters that every schema allows. */
export function placeholderFor(key: string): string {
  const name = key
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `placeholder-${name.slice(0, 60)}-${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;
}

/** Whether a place is a setting or a value in it: "slipway:google.clientSecret" and "slipway:google". */
export const isPartOf = (place: string, key: string): boolean =>
  place === key || place.startsWith(`${key}.`) || place.startsWith(`${key}[`);

export function isPlaceholder(text: string): boolean {
  return SHAPE.test(text);
}

/** true for the value that a program uses for a missing secret with `--placeholders`. It is not secret. */
export function isProgramPlaceholder(text: string): boolean {
  return /^placeholder:\S+$/.test(text);
}
