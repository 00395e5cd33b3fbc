/** The backups in all copies: what their signed manifests and records say, and what does not belong to any. */
import type { KeyObject } from "node:crypto";
import { hostname } from "node:os";
import { z } from "zod";
import { Failure } from "../postdeploy/connect/failure.ts";
import { ARCHIVE_KEY } from "./json-archive.ts";
import { type Manifest, manifestSchema } from "./manifest.ts";
import { type DataSet, formatDataSet, formatTime, keyOf, parseKey, prefixOf } from "./names.ts";
import { openSigned, type SigningKey, signContent } from "./signature.ts";
import { MAX_READ_BYTES, type ObjectStore, type StoredObject, TOO_LARGE } from "./store/object-store.ts";

export interface Repository {
  /** The first one is the primary copy; the others are off-site. */
  readonly copies: readonly [ObjectStore, ...ObjectStore[]];
  /** Those whose signatures count. */
  readonly verifyKeys: readonly KeyObject[];
}

const recordSchema = z.strictObject({
  /** Every byte was read and compared, or the backup was restored and compared. */
  kind: z.enum(["verified", "rehearsed"]),
  system: z.string(),
  part: z.string(),
  id: z.string(),
  /** SHA-256 of the stored data: of these bytes the record speaks. */
  sha256: z.string(),
  at: z.iso.datetime(),
  seconds: z.number(),
  copy: z.string(),
  host: z.string(),
  tool: z.string(),
  server: z.string().optional(),
});
export type BackupRecord = z.infer<typeof recordSchema>;

export interface Backup {
  readonly set: DataSet;
  readonly id: string;
  readonly manifest: Manifest;
  /** The copies with the manifest, and with data of the right size. */
  readonly copies: readonly ObjectStore[];
  /** Why it must not be removed: the text given to `keep`. */
  readonly hold?: string;
  readonly records: readonly BackupRecord[];
}

/** An object that no backup consists of. */
export interface Unusable {
  readonly copy: ObjectStore;
  readonly key: string;
  readonly reason: string;
}

export interface Inventory {
  /** The oldest first. */
  readonly backups: readonly Backup[];
  /** Data, records and holds without a manifest: backups that were not finished, or that a killed prune has half removed. */
  readonly leftovers: readonly (StoredObject & { readonly copy: ObjectStore; readonly id: string; readonly set: DataSet })[];
  /** Manifests and records that cannot be trusted, and data that is missing or has another size. */
  readonly refused: readonly Unusable[];
  /** Objects that slipway did not write. */
  readonly foreign: readonly Unusable[];
}

/** @param set only these; all by default */
export async function readInventory({ copies, verifyKeys }: Repository, set?: DataSet): Promise<Inventory> {
  const backups = new Map<string, { -readonly [K in keyof Backup]: Backup[K] } & { text: string }>();
  const leftovers: Inventory["leftovers"][number][] = [];
  const refused: Unusable[] = [];
  const foreign: Unusable[] = [];
  for (const copy of copies) {
    const groups = new Map<string, { set: DataSet; id: string; objects: StoredObject[] }>();
    for await (const object of copy.list(set ? prefixOf(set) : "")) {
      const parsed = parseKey(object.key);
      if (parsed === undefined) {
        if (!/\/lease\.json$/.test(object.key) && !ARCHIVE_KEY.test(object.key))
          foreign.push({ copy, key: object.key, reason: "slipway did not write it" });
        continue;
      }
      const { system, part, id } = parsed;
      const at = formatBackup({ set: { system, part }, id });
      const group = groups.get(at) ?? { set: { system, part }, id, objects: [] };
      groups.set(at, group);
      group.objects.push(object);
    }
    for (const [at, { set: of, id, objects }] of groups) {
      const find = (kind: Parameters<typeof keyOf>[2]) => objects.find(({ key }) => key === keyOf(of, id, kind));
      const manifestKey = keyOf(of, id, "manifest.json");
      const listed = find("manifest.json");
      const stored = listed && (await readText(copy, listed));
      if (!stored) {
        leftovers.push(...objects.map((object) => ({ ...object, copy, id, set: of })));
        continue;
      }
      const opened = "problem" in stored ? stored : openManifest(stored.text, { set: of, id, verifyKeys });
      if ("problem" in opened) {
        refused.push({ copy, key: manifestKey, reason: opened.problem });
        continue;
      }
      const { manifest } = opened;
      const data = find("data");
      const text = JSON.stringify(manifest);
      const known = backups.get(at) ?? { set: of, id, manifest, text, copies: [], records: [] };
      if (known.text !== text) {
        refused.push({ copy, key: manifestKey, reason: "it differs from the one in another copy" });
        continue;
      }
      backups.set(at, known);
      const keep = find("keep.json");
      if (keep) {
        const held = (await readText(copy, keep)) ?? { text: "" };
        if ("problem" in held) refused.push({ copy, key: keep.key, reason: held.problem });
        known.hold ??= parseHold("problem" in held ? "" : held.text);
      }
      if (data === undefined || data.bytes !== manifest.data.bytes)
        refused.push({
          copy,
          key: keyOf(of, id, "data"),
          reason:
            data === undefined ? "the data of the manifest is missing" : `it has ${data.bytes} bytes instead of ${manifest.data.bytes}`,
        });
      else known.copies = [...known.copies, copy];
      for (const object of objects.filter(({ key }) => key.includes("/records/"))) {
        const text = (await readText(copy, object)) ?? { text: "" };
        const record = "problem" in text ? text : openRecord(text.text, { manifest, verifyKeys });
        if ("problem" in record) refused.push({ copy, key: object.key, reason: record.problem });
        else known.records = [...known.records.filter(({ at: time, kind }) => time !== record.at || kind !== record.kind), record];
      }
    }
  }
  const list = [...backups.values()].map(({ text: _, records, ...backup }) => ({
    ...backup,
    records: [...records].sort((one, other) => (one.at < other.at ? -1 : 1)),
  }));
  return { backups: list.sort((one, other) => compareTimes(one, other)), leftovers, refused, foreign };
}

const compareTimes = (one: Backup, other: Backup): number =>
  one.manifest.startedAt < other.manifest.startedAt || (one.manifest.startedAt === other.manifest.startedAt && one.id < other.id) ? -1 : 1;

interface Expected {
  readonly set: DataSet;
  readonly id: string;
  readonly verifyKeys: readonly KeyObject[];
}

/** A manifest that was moved to another place, or replaced by one of another key, is none. */
export function openManifest(
  text: string,
  { set, id, verifyKeys }: Expected,
): { readonly manifest: Manifest } | { readonly problem: string } {
  const signed = openSigned(text, verifyKeys);
  if ("problem" in signed) return signed;
  const parsed = manifestSchema.safeParse(signed.content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { problem: `it has another format than this version of slipway reads (${issue?.path.join(".")}: ${issue?.message})` };
  }
  const manifest = parsed.data;
  if (manifest.id !== id || manifest.system !== set.system || manifest.part !== set.part)
    return { problem: `it belongs to ${manifest.system}/${manifest.part}/${manifest.id}` };
  return { manifest };
}

function openRecord(
  text: string,
  { manifest, verifyKeys }: { readonly manifest: Manifest; readonly verifyKeys: readonly KeyObject[] },
): BackupRecord | { readonly problem: string } {
  const signed = openSigned(text, verifyKeys);
  if ("problem" in signed) return signed;
  const parsed = recordSchema.safeParse(signed.content);
  if (!parsed.success) return { problem: "it has another format than this version of slipway reads" };
  const { id, system, part, sha256 } = parsed.data;
  return id === manifest.id && system === manifest.system && part === manifest.part && sha256 === manifest.data.sha256
    ? parsed.data
    : { problem: `it is about other data (${system}/${part}/${id})` };
}

/**
 * Manifests, records and holds are small. One object that is not must not fill the memory of its reader, nor hide all other backups.
 * @returns undefined if it was removed after it was listed
 */
async function readText(
  copy: ObjectStore,
  { key, bytes }: Pick<StoredObject, "key" | "bytes">,
): Promise<{ readonly text: string } | { readonly problem: string } | undefined> {
  const problem = `it has ${bytes} bytes, more than slipway writes under this name. Look at it, and remove it`;
  if (bytes > MAX_READ_BYTES) return { problem };
  try {
    const stored = await copy.read(key);
    return stored && { text: stored.body.toString("utf8") };
  } catch (error) {
    // It grew after it was listed.
    if (error instanceof Failure && error.code === TOO_LARGE) return { problem: error.message };
    throw error;
  }
}

function parseHold(text: string): string {
  try {
    return String((JSON.parse(text) as { reason?: unknown }).reason);
  } catch {
    // A hold that cannot be read is a hold.
    return "unreadable";
  }
}

type NewRecord = Pick<BackupRecord, "kind" | "seconds" | "copy" | "tool" | "server">;

/** Writes a signed record about a backup to every copy. */
export async function writeRecord(
  { copies }: Repository,
  { set, id, manifest }: Backup,
  record: NewRecord,
  key: SigningKey,
): Promise<void> {
  const at = new Date();
  const about = { ...set, id, sha256: manifest.data.sha256, at: at.toISOString(), host: hostname() };
  const text = signContent(recordSchema.parse({ ...record, ...about }), key);
  for (const copy of copies) await copy.write(keyOf(set, id, `records/${formatTime(at)}-${record.kind}.json`), text);
}

export async function writeHold({ copies }: Repository, { set, id }: Pick<Backup, "set" | "id">, reason: string): Promise<void> {
  const text = JSON.stringify({ reason, since: new Date().toISOString() });
  for (const copy of copies) await copy.write(keyOf(set, id, "keep.json"), text);
}

export async function removeHold({ copies }: Repository, { set, id }: Pick<Backup, "set" | "id">): Promise<void> {
  for (const copy of copies) await copy.remove(keyOf(set, id, "keep.json"));
}

export const formatBackup = ({ set, id }: Pick<Backup, "set" | "id">): string => `${formatDataSet(set)}/${id}`;

/** Each set of data has backups, a retention and a rehearsal of its own. */
export function groupBySet(backups: readonly Backup[]): Backup[][] {
  const groups = new Map<string, Backup[]>();
  for (const backup of backups) {
    const name = formatDataSet(backup.set);
    groups.set(name, [...(groups.get(name) ?? []), backup]);
  }
  return [...groups.values()];
}

/** The manifest of the newest backup in the primary copy: one list and one read, where an inventory reads every manifest. */
export async function findNewest({ copies: [primary], verifyKeys }: Repository, set: DataSet): Promise<Manifest | undefined> {
  const manifests: (StoredObject & { readonly id: string })[] = [];
  for await (const object of primary.list(prefixOf(set))) {
    const parsed = parseKey(object.key);
    if (parsed?.kind === "manifest.json") manifests.push({ ...object, id: parsed.id });
  }
  // An id begins with the time.
  for (const { id, ...object } of manifests.sort((one, other) => (one.id < other.id ? 1 : -1))) {
    const stored = await readText(primary, object);
    const opened = stored && "text" in stored ? openManifest(stored.text, { set, id, verifyKeys }) : undefined;
    if (opened && "manifest" in opened) return opened.manifest;
  }
  return undefined;
}
