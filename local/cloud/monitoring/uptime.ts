import { z } from "zod";
import { orNotFound } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";

const REGIONS = ["us_east", "us_west", "eu_west", "se_asia"] as const;

interface Check extends z.infer<typeof CreateCheckRequest> {
  readonly id: string;
  readonly alerts: readonly UptimeAlert[];
  readonly createdAt: number;
}

interface UptimeAlert extends z.infer<typeof CreateUptimeAlertRequest> {
  readonly id: string;
}

export const Notifications = z.object({
  email: z
    .array(z.email())
    .optional()
    .transform((emails) => emails ?? []),
  slack: z
    .array(z.object({ channel: z.string(), url: z.string() }))
    .optional()
    .transform((slack) => slack ?? []),
});

export const CreateCheckRequest = z.object({
  name: z.string().min(1),
  type: z.enum(["ping", "http", "https"]),
  target: z.string().min(1),
  regions: z
    .array(z.enum(REGIONS))
    .optional()
    .transform((regions) => regions ?? [...REGIONS]),
  enabled: z.boolean().default(true),
});
export const UpdateCheckRequest = CreateCheckRequest.partial();

export const CreateUptimeAlertRequest = z.object({
  name: z.string().min(1),
  type: z.enum(["latency", "down", "down_global", "ssl_expiry"]),
  threshold: z.number().int().optional(),
  comparison: z.enum(["greater_than", "less_than"]).or(z.literal("")).optional(),
  period: z.enum(["2m", "3m", "5m", "10m", "15m", "30m", "1h"]),
  notifications: Notifications,
});
export const UpdateUptimeAlertRequest = CreateUptimeAlertRequest.partial();

const checks = (cloud: Cloud) => cloud.store.collection<Check>("uptime-checks");

export const listChecks = (cloud: Cloud) => checks(cloud).all().map(view);
export const readCheck = (cloud: Cloud, id: string) => view(find(cloud, id));

export function createCheck(cloud: Cloud, request: z.infer<typeof CreateCheckRequest>) {
  const check: Check = { id: newId(), ...request, alerts: [], createdAt: cloud.now() };
  checks(cloud).put(check.id, check);
  return view(check);
}

export function updateCheck(cloud: Cloud, id: string, change: z.infer<typeof UpdateCheckRequest>) {
  const changed: Check = { ...find(cloud, id), ...definedFields(change) };
  checks(cloud).put(id, changed);
  return view(changed);
}

export function deleteCheck(cloud: Cloud, id: string): void {
  find(cloud, id);
  checks(cloud).delete(id);
}

/** No target is probed: every enabled check reports UP. */
export function readCheckState(cloud: Cloud, id: string) {
  const { regions, enabled, createdAt } = find(cloud, id);
  const state = { status: enabled ? "UP" : "CHECKING", status_changed_at: formatTimestamp(createdAt), thirty_day_uptime_percentage: 100 };
  return { regions: Object.fromEntries(regions.map((region) => [region, state])) };
}

export const listUptimeAlerts = (cloud: Cloud, check: string): readonly UptimeAlert[] => find(cloud, check).alerts;

export const readUptimeAlert = (cloud: Cloud, check: string, id: string): UptimeAlert =>
  orNotFound(find(cloud, check).alerts.find((alert) => alert.id === id));

export function createUptimeAlert(cloud: Cloud, check: string, request: z.infer<typeof CreateUptimeAlertRequest>): UptimeAlert {
  const owner = find(cloud, check);
  const alert = { id: newId(), ...normalizeAlert(request) };
  checks(cloud).put(check, { ...owner, alerts: [...owner.alerts, alert] });
  return alert;
}

export function updateUptimeAlert(cloud: Cloud, check: string, id: string, change: z.infer<typeof UpdateUptimeAlertRequest>): UptimeAlert {
  const changed = normalizeAlert({ ...readUptimeAlert(cloud, check, id), ...definedFields(change) });
  const owner = find(cloud, check);
  checks(cloud).put(check, { ...owner, alerts: owner.alerts.map((alert) => (alert.id === id ? changed : alert)) });
  return changed;
}

export function deleteUptimeAlert(cloud: Cloud, check: string, id: string): void {
  readUptimeAlert(cloud, check, id);
  const owner = find(cloud, check);
  checks(cloud).put(check, { ...owner, alerts: owner.alerts.filter((alert) => alert.id !== id) });
}

const find = (cloud: Cloud, id: string): Check => orNotFound(checks(cloud).get(id));

const view = ({ alerts: _, createdAt: __, ...check }: Check) => check;

/** A `down` alert has no comparison; the Terraform provider sends "" for it. */
const normalizeAlert = <T extends { comparison?: string | undefined }>({ comparison, ...alert }: T) =>
  ({ ...alert, ...(comparison && { comparison }) }) as T;

/** Drops undefined fields, so that a partial update keeps the current values. */
const definedFields = <T extends object>(change: T) =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
