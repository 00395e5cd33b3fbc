/** The archives and exports of JSON files in all copies, what killed runs left of them, and the removal of those that are not kept. */
import { type ArchiveManifest, archiveManifestSchema, archivePrefix, JSON_KINDS, type JsonKind } from "./json-archive.ts";
import { takeLease } from "./lease.ts";
import { formatTime } from "./names.ts";
import { LEFTOVER_MS } from "./prune.ts";
import type { Repository, Unusable } from "./repository.ts";
import { decideRetention, type RetentionPolicy } from "./retention.ts";
import { openSigned } from "./signature.ts";
import { MAX_READ_BYTES, type ObjectStore, type StoredObject } from "./store/object-store.ts";

export interface JsonSet {
  readonly system: string;
  readonly kind: JsonKind;
}

export interface StoredFiles extends JsonSet {
  /** The time in the name: "20261203T020000Z". */
  readonly id: string;
  readonly manifest: ArchiveManifest;
  /** Those that have the manifest and every file. */
  readonly copies: readonly ObjectStore[];
  /** Of the encrypted files. */
  readonly bytes: number;
}

export interface JsonInventory {
  /** The oldest first. */
  readonly stored: readonly StoredFiles[];
  /** Objects without a manifest: of a run that did not finish. */
  readonly leftovers: readonly (StoredObject & { readonly copy: ObjectStore })[];
  /** Manifests that cannot be trusted, and files that are missing. */
  readonly refused: readonly Unusable[];
}

const KEY = new RegExp(`^([a-z0-9][a-z0-9-]{0,62})/(${JSON_KINDS.join("|")})/(\\d{8}T\\d{6}Z)/(manifest\\.json|SHA256SUMS|files/.+)$`, "s");

/** @param set only these; all by default */
export async function readJsonInventory(repository: Repository, set?: JsonSet): Promise<JsonInventory> {
  const groups = await groupCopies(repository, set);
  const stored: StoredFiles[] = [];
  const leftovers: JsonInventory["leftovers"][number][] = [];
  const refused: Unusable[] = [];
  for (const prefix of groups.keys()) {
    const read = await readFilesOf(prefix, groups.get(prefix)!, repository);
    leftovers.push(...read.leftovers);
    refused.push(...read.refused);
    if (read.stored !== undefined) stored.push(read.stored);
  }
  stored.sort((one, other) => Date.parse(one.manifest.at) - Date.parse(other.manifest.at));
  return { stored, leftovers, refused };
}

/** The newest that every copy has whole: it reads one manifest of each copy, where an inventory reads all. */
export async function findNewestFiles(repository: Repository, set: JsonSet): Promise<StoredFiles | undefined> {
  const groups = await groupCopies(repository, set);
  // An id is a time.
  for (const prefix of [...groups.keys()].sort().reverse()) {
    const { stored } = await readFilesOf(prefix, groups.get(prefix)!, repository);
    if (stored?.copies.length === repository.copies.length) return stored;
  }
  return undefined;
}

type Groups = ReadonlyMap<string, ReadonlyMap<ObjectStore, readonly StoredObject[]>>;

interface ReadFiles extends Pick<JsonInventory, "leftovers" | "refused"> {
  readonly stored: StoredFiles | undefined;
}

async function readFilesOf(
  prefix: string,
  group: ReadonlyMap<ObjectStore, readonly StoredObject[]>,
  { verifyKeys }: Repository,
): Promise<ReadFiles> {
  const leftovers: ReadFiles["leftovers"][number][] = [];
  const refused: Unusable[] = [];
  let stored: StoredFiles | undefined;
  const key = `${prefix}manifest.json`;
  for (const [copy, objects] of group) {
    const listed = objects.find((object) => object.key === key);
    const content = listed === undefined ? undefined : await readManifest(copy, listed);
    if (content === undefined) {
      leftovers.push(...objects.map((object) => ({ ...object, copy })));
      continue;
    }
    const opened = "problem" in content ? content : openArchiveManifest(content.text, prefix, verifyKeys);
    if ("problem" in opened) {
      refused.push({ copy, key, reason: opened.problem });
      continue;
    }
    const { manifest } = opened;
    if (stored !== undefined && JSON.stringify(stored.manifest) !== JSON.stringify(manifest)) {
      refused.push({ copy, key, reason: "it differs from the one in another copy" });
      continue;
    }
    const names = new Set(objects.map((object) => object.key));
    const missing = manifest.files.find(({ path }) => !names.has(`${prefix}files/${path}`));
    if (missing !== undefined) refused.push({ copy, key: `${prefix}files/${missing.path}`, reason: "a file of the manifest is missing" });
    const { system, kind, at } = manifest;
    stored = {
      ...{ system, kind, manifest, id: formatTime(new Date(at)) },
      copies: [...(stored?.copies ?? []), ...(missing === undefined ? [copy] : [])],
      bytes: objects.reduce((sum, object) => sum + (object.key.startsWith(`${prefix}files/`) ? object.bytes : 0), 0),
    };
  }
  return { stored, leftovers, refused };
}

/** @returns undefined if it was removed after it was listed */
async function readManifest(
  copy: ObjectStore,
  { key, bytes }: StoredObject,
): Promise<{ readonly text: string } | { readonly problem: string } | undefined> {
  if (bytes > MAX_READ_BYTES)
    return { problem: `it has ${bytes} bytes, more than slipway writes under this name. Look at it, and remove it` };
  const content = await copy.read(key);
  return content && { text: content.body.toString("utf8") };
}

async function groupCopies({ copies }: Repository, set: JsonSet | undefined): Promise<Groups> {
  const groups = new Map<string, Map<ObjectStore, readonly StoredObject[]>>();
  for (const copy of copies)
    for (const [prefix, objects] of await groupObjects(copy, set)) groups.set(prefix, (groups.get(prefix) ?? new Map()).set(copy, objects));
  return groups;
}

async function groupObjects(copy: ObjectStore, set: JsonSet | undefined): Promise<ReadonlyMap<string, readonly StoredObject[]>> {
  const groups = new Map<string, StoredObject[]>();
  for await (const object of copy.list(set === undefined ? "" : `${set.system}/${set.kind}/`)) {
    const [, system, kind, id] = KEY.exec(object.key) ?? [];
    if (id === undefined) continue;
    const prefix = archivePrefix(system!, kind as JsonKind, id);
    const group = groups.get(prefix);
    if (group === undefined) groups.set(prefix, [object]);
    else group.push(object);
  }
  return groups;
}

/** A manifest that was moved to another place, or that another key signed, is none. */
function openArchiveManifest(
  text: string,
  prefix: string,
  verifyKeys: Repository["verifyKeys"],
): { readonly manifest: ArchiveManifest } | { readonly problem: string } {
  const signed = openSigned(text, verifyKeys);
  if ("problem" in signed) return signed;
  const parsed = archiveManifestSchema.safeParse(signed.content);
  if (!parsed.success) return { problem: "it has another format than this version of slipway reads" };
  const { system, kind, at } = parsed.data;
  const own = archivePrefix(system, kind, formatTime(new Date(at)));
  return own === prefix ? { manifest: parsed.data } : { problem: `it belongs to ${own}` };
}

export const formatStored = ({ system, kind, id }: Pick<StoredFiles, "system" | "kind" | "id">): string => `${system}/${kind}/${id}`;

export interface PruneJsonOptions {
  readonly repository: Repository;
  readonly set: JsonSet;
  readonly policy: RetentionPolicy;
  readonly now?: Date;
}

/**
 * Removes those that the policy does not keep, and what killed runs left. The manifest goes first: a prune that is killed leaves objects without one,
 * which the next prune removes.
 *
 * @returns what was removed
 */
export async function pruneJsonFiles({ repository, set, policy, now = new Date() }: PruneJsonOptions): Promise<readonly StoredFiles[]> {
  const lease = await takeLease(repository.copies[0], { system: set.system, part: set.kind }, "a prune");
  try {
    const { stored, leftovers } = await readJsonInventory(repository, set);
    // One that no copy has whole does not count as the one of a day.
    const candidates = stored
      .filter(({ copies }) => copies.length > 0)
      .map((one) => ({ id: one.id, startedAt: new Date(one.manifest.at), verified: false, one }));
    const removed = decideRetention(candidates, policy, now).flatMap(({ backup, reasons }) => (reasons.length === 0 ? [backup.one] : []));
    for (const one of removed) {
      await lease.confirm();
      for (const copy of repository.copies) await removeFiles(copy, archivePrefix(one.system, one.kind, one.id));
    }
    for (const { copy, key, modifiedAt } of leftovers) {
      if (now.getTime() - modifiedAt.getTime() <= LEFTOVER_MS) continue;
      await lease.confirm();
      await copy.remove(key);
    }
    return removed;
  } finally {
    await lease.release();
  }
}

async function removeFiles(copy: ObjectStore, prefix: string): Promise<void> {
  await copy.remove(`${prefix}manifest.json`);
  const rest: string[] = [];
  for await (const { key } of copy.list(prefix)) rest.push(key);
  for (const key of rest) await copy.remove(key);
}
