import { z } from "zod";
import { notFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { nameId } from "../core/ids.ts";
import { type App, type Destinations, findApp, putApp } from "./app.ts";
import { type AlertSpec, componentsOf } from "./spec.ts";

export const AlertDestinationsRequest = z.object({
  emails: z.array(z.string()).optional(),
  slack_webhooks: z.array(z.object({ url: z.string(), channel: z.string() })).optional(),
});

/** Lists the alerts in an app's spec. Ids are derived from component and rule, so destinations survive an update of the spec. */
export function alertsOf(app: Pick<App, "id" | "spec" | "destinations">) {
  const declared: { spec: AlertSpec; component?: string }[] = [
    ...(app.spec.alerts ?? []).map((spec) => ({ spec })),
    ...componentsOf(app.spec).flatMap(({ component }) => (component.alerts ?? []).map((spec) => ({ spec, component: component.name }))),
  ];
  return declared.map(({ spec, component }) => {
    const id = nameId(`${app.id} ${component ?? ""} ${spec.rule}`);
    const { emails = [], slack_webhooks = [] } = app.destinations[id] ?? {};
    return { id, ...(component && { component_name: component }), spec, emails, slack_webhooks, phase: "ACTIVE", progress: { steps: [] } };
  });
}

export function setDestinations(cloud: Cloud, id: string, alertId: string, destinations: Destinations) {
  const app = findApp(cloud, id);
  if (!alertsOf(app).some((alert) => alert.id === alertId)) throw notFound("alert not found");
  for (const email of destinations.emails)
    if (!z.email().safeParse(email).success) throw unprocessable(`"${email}" is not an email address`);
  const changed = { ...app, destinations: { ...app.destinations, [alertId]: destinations } };
  putApp(cloud, changed);
  return alertsOf(changed).find((alert) => alert.id === alertId)!;
}
