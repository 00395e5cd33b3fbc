/** What an export consists of: keys of every type, large ones in parts. */

export const TYPES = ["string", "list", "set", "hash", "zset", "stream"] as const;
export type Type = (typeof TYPES)[number];

/** A stream entry is two items: its id, and its fields and values. */
export type Item = Buffer | readonly Buffer[];

/** A complete value, or a part of one. Field and value, or member and score, are consecutive items. */
export interface Part {
  readonly items: readonly Item[];
  /** The fields of a hash that expire, with the time in milliseconds. */
  readonly fieldExpiry?: readonly (readonly [Buffer, number])[];
}

export interface StreamGroup {
  readonly name: Buffer;
  readonly lastDelivered: string;
  /** null if the server does not know it, or not of this version. */
  readonly entriesRead: number | null;
}

export interface StreamState {
  readonly lastId: string;
  readonly groups: readonly StreamGroup[];
  /** Servers of version 7 and newer report these two. */
  readonly entriesAdded?: number;
  readonly maxDeletedId?: string;
  /** The number of entries that consumers received and did not acknowledge. An import cannot restore which consumer received them. */
  readonly pending: number;
}

export interface Key {
  readonly database: number;
  readonly key: Buffer;
  readonly type: Type;
  /** Milliseconds since 1970. */
  readonly expiresAt?: number;
}

export type KeyRecord = Key & Part & { readonly kind: "key"; readonly stream?: StreamState };
export type StartRecord = Key & { readonly kind: "start" };
export type PartRecord = Part & { readonly kind: "part" };
export interface EndRecord {
  readonly kind: "end";
  /** A client changed the key while its parts were read. */
  readonly changed: boolean;
  readonly stream?: StreamState;
}

/** Parts belong to the last start; end completes it. */
export type ValueRecord = KeyRecord | StartRecord | PartRecord | EndRecord;

export interface FunctionLibrary {
  readonly name: string;
  readonly code: Buffer;
}
