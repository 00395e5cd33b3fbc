/** What lives in a keyspace: a name with <holes>, the type of what fits it, how long it may live, and who answers for it. */
import type { Type } from "./entry.ts";

export interface Pattern {
  /** "session:<id>" */
  readonly text: string;
  readonly type: Type;
  /** The longest time to live in milliseconds; 0 for ever. */
  readonly ttl: number;
  readonly ttlText: string;
  readonly owner: string;
  readonly purpose: string;
  /** Its values are shown to nobody. */
  readonly secret: boolean;
  matches(key: string): boolean;
}

export function createMatcher(text: string): (key: string) => boolean {
  if (!text.includes("<")) return (key) => key === text;
  const expression = new RegExp(
    `^${text
      .split(/<[^>]*>/)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join("[^]+")}$`,
  );
  return (key) => expression.test(key);
}
