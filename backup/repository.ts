/** The backups in all copies: what their signed manifests and records say, and what does not belong to any. */
import type { KeyObject } from "node:crypto";
import { hostname } from "node:os";
import { z } from "zod";
import { type Manifest, manifestSchema } from "./manifest.ts";
import { type DataSet, formatDataSet, formatTime, keyOf, parseKey, prefixOf } from "./names.ts";
import { openSigned, type SigningKey, signContent } from "./signature.ts";
import type { ObjectStore, StoredObject } from "./store/object-store.ts";

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
        if (!/\/lease\.json$/.test(object.key)) foreign.push({ copy, key: object.key, reason: "slipway did not write it" });
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
      const stored = find("manifest.json") && (await copy.read(manifestKey));
      if (!stored) {
        leftovers.push(...objects.map((object) => ({ ...object, copy, id, set: of })));
        continue;
      }
      const opened = openManifest(stored.body.toString("utf8"), { set: of, id, verifyKeys });
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
      if (keep) known.hold ??= await readHold(copy, keep.key);
      if (data === undefined || data.bytes !== manifest.data.bytes)
        refused.push({
          copy,
          key: keyOf(of, id, "data"),
          reason:
            data === undefined ? "the data of the manifest is missing" : `it has ${data.bytes} bytes instead of ${manifest.data.bytes}`,
        });
      else known.copies = [...known.copies, copy];
      for (const { key } of objects.filter((object) => object.key.includes("/records/"))) {
        const record = openRecord((await copy.read(key))?.body.toString("utf8") ?? "", { manifest, verifyKeys });
        if ("problem" in record) refused.push({ copy, key, reason: record.problem });
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

async function readHold(copy: ObjectStore, key: string): Promise<string> {
  try {
    return String((JSON.parse(String((await copy.read(key))?.body)) as { reason?: unknown }).reason);
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
  const ids: string[] = [];
  for await (const { key } of primary.list(prefixOf(set))) {
    const parsed = parseKey(key);
    if (parsed?.kind === "manifest.json") ids.push(parsed.id);
  }
  // An id begins with the time.
  for (const id of ids.sort().reverse()) {
    const stored = await primary.read(keyOf(set, id, "manifest.json"));
    const opened = stored && openManifest(stored.body.toString("utf8"), { set, id, verifyKeys });
    if (opened && "manifest" in opened) return opened.manifest;
  }
  return undefined;
}
