/** What a backup contains. A restore is compared with it, so it is complete: what it does not name must not be there. */
import { z } from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
/** Sums of 64-bit hashes are larger than what a number of JSON holds. */
const checksum = z.string().regex(/^-?\d+$/);
const time = z.iso.datetime();

export const schemaObject = z.strictObject({ kind: z.string(), name: z.string(), definition: z.string() });

const postgres = z.strictObject({
  database: z.string(),
  server: z.strictObject({ major: z.int(), version: z.string() }),
  client: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  /** "c", "i" for ICU, "b" for the built-in provider. */
  provider: z.string(),
  locale: z.string().nullable(),
  extensions: z.array(z.strictObject({ name: z.string(), version: z.string(), schema: z.string() })),
  /** Those that own or may use something in the database, without passwords. */
  roles: z.array(z.strictObject({ name: z.string(), attributes: z.array(z.string()), memberOf: z.array(z.string()) })),
  tables: z.array(z.strictObject({ name: z.string(), rows: count, checksum })),
  sequences: z.array(z.strictObject({ name: z.string(), value: z.string(), increment: z.string(), called: z.boolean() })),
  largeObjects: z.strictObject({ count, checksum }),
  /** Every table, column, index, constraint, policy, function, trigger, owner and grant. */
  schema: z.array(schemaObject),
  /** SHA-256 of `schema`. */
  fingerprint: sha256,
});

const valkey = z.strictObject({
  /** "valkey 8.1.1" */
  server: z.string(),
  /** The export is not a point in time; keys that changed while they were read are not part of a checksum. */
  databases: z.array(z.strictObject({ database: count, keys: count, expiring: count, changed: count, checksum: z.string() })),
  functions: z.array(z.string()),
});

export const manifestSchema = z.strictObject({
  format: z.literal(1),
  id: z.string(),
  system: z.string(),
  part: z.string(),
  /** Which server it was read from; absent where the server does not say it. */
  origin: z.string().optional(),
  startedAt: time,
  finishedAt: time,
  tool: z.string(),
  /** Of the lease under which it was written; a later writer has a higher one. */
  generation: count,
  data: z.strictObject({
    /** "zstd": of the archive as a whole; "pg_dump": the archive has compressed its tables itself. */
    compression: z.enum(["zstd", "pg_dump"]),
    encryption: z.literal("age"),
    recipients: z.array(z.string()).min(1),
    /** Of the stored object. */
    bytes: count,
    sha256,
    /** Of the archive in it. */
    plainBytes: count,
    plainSha256: sha256,
  }),
  postgres: postgres.optional(),
  valkey: valkey.optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Compression = Manifest["data"]["compression"];
export type PostgresContents = z.infer<typeof postgres>;
export type ValkeyContents = z.infer<typeof valkey>;
