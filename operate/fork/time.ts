/** The time that a fork returns to, compared with what DigitalOcean keeps. */
import { FORK_DAYS } from "../../catalog/limits.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { ApiClient } from "../recover/api.ts";
import type { Cluster } from "./clusters.ts";

const DAY_MS = 86_400_000;

const PATTERN = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i;
const EXAMPLE = "2026-12-01T10:30:00Z, or 2026-12-01T12:30:00+02:00";

/** @returns whole seconds, rounded down, so that nothing after the requested time is included */
export function parsePointInTime(text: string): Date {
  const [, year, month, day, hour, minute, second = "00", zone] = PATTERN.exec(text) ?? [];
  if (zone === undefined) {
    const isZoneMissing = PATTERN.test(`${text}Z`);
    throw wrongTime(text, isZoneMissing ? "has no time zone, so it is ambiguous" : "is not a time in ISO 8601");
  }
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const offset = zone.toUpperCase() === "Z" ? "Z" : `${zone.slice(0, 3)}:${zone.slice(-2)}`;
  const [asUtc, time] = [new Date(`${local}Z`), new Date(`${local}${offset}`)];
  // The 30th of February is read as the 2nd of March.
  if (Number.isNaN(time.getTime()) || asUtc.toISOString().slice(0, 19) !== local) throw wrongTime(text, "does not exist in the calendar");
  return time;
}

const wrongTime = (text: string, what: string) => new Failure("time", 2, `--point-in-time: "${text}" ${what}. Write it so: ${EXAMPLE}`);

/** @throws {Failure} for a time that no fork of this cluster can return to */
export async function checkPointInTime(time: Date, { api, source, now }: { api: ApiClient; source: Cluster; now: Date }): Promise<void> {
  const wanted = formatTime(time);
  if (time > now)
    throw new Failure(
      "time",
      2,
      `--point-in-time: ${wanted} is in the future. It is ${formatTime(now)} now, by the clock of this machine.`,
    );
  const limit = new Date(now.getTime() - FORK_DAYS * DAY_MS);
  if (time < limit)
    throw new Failure(
      "time",
      2,
      `--point-in-time: ${wanted} is more than ${FORK_DAYS} days ago, and DigitalOcean keeps no more. The earliest time is ${formatTime(limit)}. Older data is in slipway's own backups: slipway backup list`,
    );
  const oldest = await readOldestBackup(api, source);
  if (oldest === undefined)
    throw new Failure(
      "no-backup",
      1,
      `DigitalOcean has no backup of ${source.name} yet, and a fork begins with one. It makes one a day. See: doctl databases backups ${source.id}`,
    );
  if (time < oldest)
    throw new Failure(
      "time",
      2,
      `--point-in-time: ${wanted} is before the oldest backup that DigitalOcean has of ${source.name}, of ${formatTime(oldest)}.`,
    );
}

async function readOldestBackup(api: ApiClient, { id }: Cluster): Promise<Date | undefined> {
  const reply = await api.get(`/v2/databases/${id}/backups`);
  const backups = Array.isArray(reply?.backups) ? (reply.backups as readonly { readonly created_at?: unknown }[]) : [];
  const times = backups.map(({ created_at }) => Date.parse(String(created_at))).filter((time) => !Number.isNaN(time));
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

/** As DigitalOcean writes it: whole seconds in UTC. */
export const formatTime = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
