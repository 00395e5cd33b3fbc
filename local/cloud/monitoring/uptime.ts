import { z } from "zod";
import { notFound } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { stamp } from "../core/time.ts";

const REGIONS = ["us_east", "us_west", "eu_west", "se_asia"] as const;

interface Check extends z.infer<typeof CheckAsk> {
  readonly id: string;
  readonly alerts: readonly UptimeAlert[];
  readonly createdAt: number;
}

interface UptimeAlert extends z.infer<typeof UptimeAlertAsk> {
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

export const CheckAsk = z.object({
  name: z.string().min(1),
  type: z.enum(["ping", "http", "https"]),
  target: z.string().min(1),
  regions: z
    .array(z.enum(REGIONS))
    .optional()
    .transform((regions) => regions ?? [...REGIONS]),
  enabled: z.boolean().default(true),
});
export const CheckChange = CheckAsk.partial();

export const UptimeAlertAsk = z.object({
  name: z.string().min(1),
  type: z.enum(["latency", "down", "down_global", "ssl_expiry"]),
  threshold: z.number().int().optional(),
  comparison: z.enum(["greater_than", "less_than"]).or(z.literal("")).optional(),
  period: z.enum(["2m", "3m", "5m", "10m", "15m", "30m", "1h"]),
  notifications: Notifications,
});
export const UptimeAlertChange = UptimeAlertAsk.partial();

const checks = (cloud: Cloud) => cloud.store.kind<Check>("uptime-checks");

export const listChecks = (cloud: Cloud) => checks(cloud).all().map(view);
export const readCheck = (cloud: Cloud, id: string) => view(find(cloud, id));

export function createCheck(cloud: Cloud, ask: z.infer<typeof CheckAsk>) {
  const check: Check = { id: newId(), ...ask, alerts: [], createdAt: cloud.now() };
  checks(cloud).put(check.id, check);
  return view(check);
}

export function updateCheck(cloud: Cloud, id: string, change: z.infer<typeof CheckChange>) {
  const changed: Check = { ...find(cloud, id), ...without(change) };
  checks(cloud).put(id, changed);
  return view(changed);
}

export function deleteCheck(cloud: Cloud, id: string): void {
  find(cloud, id);
  checks(cloud).delete(id);
}

/** Nothing is probed: a check that is switched on says that its target is up. */
export function readCheckState(cloud: Cloud, id: string) {
  const { regions, enabled, createdAt } = find(cloud, id);
  const state = { status: enabled ? "UP" : "CHECKING", status_changed_at: stamp(createdAt), thirty_day_uptime_percentage: 100 };
  return { regions: Object.fromEntries(regions.map((region) => [region, state])) };
}

export const listUptimeAlerts = (cloud: Cloud, check: string): readonly UptimeAlert[] => find(cloud, check).alerts;

export function readUptimeAlert(cloud: Cloud, check: string, id: string): UptimeAlert {
  const alert = find(cloud, check).alerts.find((alert) => alert.id === id);
  if (!alert) throw notFound();
  return alert;
}

export function createUptimeAlert(cloud: Cloud, check: string, ask: z.infer<typeof UptimeAlertAsk>): UptimeAlert {
  const holder = find(cloud, check);
  const alert = { id: newId(), ...tidy(ask) };
  checks(cloud).put(check, { ...holder, alerts: [...holder.alerts, alert] });
  return alert;
}

export function updateUptimeAlert(cloud: Cloud, check: string, id: string, change: z.infer<typeof UptimeAlertChange>): UptimeAlert {
  const changed = tidy({ ...readUptimeAlert(cloud, check, id), ...without(change) });
  const holder = find(cloud, check);
  checks(cloud).put(check, { ...holder, alerts: holder.alerts.map((alert) => (alert.id === id ? changed : alert)) });
  return changed;
}

export function deleteUptimeAlert(cloud: Cloud, check: string, id: string): void {
  readUptimeAlert(cloud, check, id);
  const holder = find(cloud, check);
  checks(cloud).put(check, { ...holder, alerts: holder.alerts.filter((alert) => alert.id !== id) });
}

function find(cloud: Cloud, id: string): Check {
  const check = checks(cloud).get(id);
  if (!check) throw notFound();
  return check;
}

const view = ({ alerts: _, createdAt: __, ...check }: Check) => check;

/** A `down` alert has neither threshold nor comparison; the Terraform provider sends "" for the latter. */
const tidy = <T extends { comparison?: string | undefined }>({ comparison, ...alert }: T) =>
  ({ ...alert, ...(comparison && { comparison }) }) as T;

/** Fields that were not sent stay as they are. */
const without = <T extends object>(change: T) =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
