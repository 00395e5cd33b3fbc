/** Unique values in place of secrets in a recorded run: a text that contains one got it from its origin. */
import { createHash } from "node:crypto";
import type { PlannedResource, Source } from "../../engine/plan.ts";

/** Where a secret comes from. */
export interface Origin {
  /** The same in every run: "config slipway:stripe", or a resource's URN. */
  readonly id: string;
  /** "the setting slipway:stripe", "RandomPassword shop-jwt". */
  readonly what: string;
  readonly kind: "config" | "generated" | "provider";
  readonly urn?: string;
  readonly source?: Source;
}

export class Canaries {
  readonly #seed: string;
  readonly #origins = new Map<string, Origin>();

  readonly #length: number;

  /** @param seed another seed creates other values @param length of a value whose length the program does not choose */
  constructor(seed: string, length = 32) {
    this.#seed = seed;
    this.#length = length;
  }

  /** By value. */
  get origins(): ReadonlyMap<string, Origin> {
    return this.#origins;
  }

  /** @param part distinguishes several values of one origin */
  create(origin: Origin, length = this.#length, part = ""): string {
    const value = lettersOf(`${this.#seed}\0${origin.id}\0${part}`, length);
    this.#origins.set(value, origin);
    return value;
  }
}

export function originOf({ type, name, urn, source }: PlannedResource): Origin {
  const kind = type.startsWith("random:") || type.startsWith("tls:") ? "generated" : "provider";
  return { id: urn, what: `${type.slice(type.lastIndexOf(":") + 1)} ${name}`, kind, urn, ...(source && { source }) };
}

export function settingOrigin(key: string): Origin {
  return { id: `config ${key}`, what: `the setting ${key}`, kind: "config" };
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Letters and digits, because every password rule allows them and no encoding changes them. */
function lettersOf(text: string, length: number): string {
  const letters: string[] = [];
  for (let block = 0; letters.length < length; block++)
    for (const byte of createHash("sha512").update(`${text}\0${block}`).digest()) letters.push(LETTERS[byte % LETTERS.length]!);
  return letters.slice(0, length).join("");
}
