/**
 * The names of a backup's objects:
 *
 *     <system>/<part>/<id>/data            encrypted
 *     <system>/<part>/<id>/manifest.json   written last: without it there is no backup
 *     <system>/<part>/<id>/keep.json       while it must not be removed
 *     <system>/<part>/<id>/records/<time>-<kind>.json
 *     <system>/<part>/lease.json           of the one that writes or removes
 */
import { randomBytes } from "node:crypto";

/** The data that is backed up together: the database of a system, or one of its stores. */
export interface DataSet {
  readonly system: string;
  /** "postgres", or "valkey-<store>". */
  readonly part: string;
}

export type ObjectKind = "data" | "manifest.json" | "keep.json" | `records/${string}.json`;

const NAME = "[a-z0-9][a-z0-9-]{0,62}";
const ID = String.raw`\d{8}T\d{6}Z-[0-9a-f]{8}`;
const KEY = new RegExp(`^(${NAME})/(${NAME})/(${ID})/(data|manifest\\.json|keep\\.json|records/[0-9a-zA-Z-]+\\.json)$`);

export const formatDataSet = ({ system, part }: DataSet): string => `${system}/${part}`;
export const prefixOf = (set: DataSet): string => `${formatDataSet(set)}/`;
export const keyOf = (set: DataSet, id: string, kind: ObjectKind): string => `${formatDataSet(set)}/${id}/${kind}`;
export const leaseKeyOf = (set: DataSet): string => `${formatDataSet(set)}/lease.json`;

/** Sorts by time, for people. What counts is the time in the manifest. */
export function createId(startedAt: Date): string {
  return `${formatTime(startedAt)}-${randomBytes(4).toString("hex")}`;
}

export const formatTime = (time: Date): string => time.toISOString().replace(/[-:]|\.\d+/g, "");

/** @returns undefined for an object that is no part of a backup, and that nothing here may remove */
export function parseKey(key: string): (DataSet & { readonly id: string; readonly kind: ObjectKind }) | undefined {
  const [, system, part, id, kind] = KEY.exec(key) ?? [];
  return system && part && id && kind ? { system, part, id, kind: kind as ObjectKind } : undefined;
}

export const isId = (text: string): boolean => new RegExp(`^${ID}$`).test(text);
