/** What stands in for a value that only Pulumi's passphrase or the provider of its secrets could open. */
import { createHash } from "node:crypto";

const SHAPE = /^standin-[a-z0-9-]+-[0-9a-f]{32}$/;

/** The same for the same key, different for every other; long enough for a password, and made of letters every schema allows. */
export function standIn(key: string): string {
  const name = key
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `standin-${name.slice(0, 60)}-${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;
}

export function isStandIn(text: string): boolean {
  return SHAPE.test(text);
}

/** What a program made up because it was asked to (`--placeholders`): it names what is missing, and opens nothing. */
export function isMadeUp(text: string): boolean {
  return /^placeholder:\S+$/.test(text);
}
