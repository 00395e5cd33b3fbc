import { createHash } from "node:crypto";
import { z } from "zod";
import { type AlertSpec, componentsOf } from "./app-spec.ts";
import type { App } from "./apps.ts";

export const DestinationsAsk = z.object({
  emails: z.array(z.string()).optional(),
  slack_webhooks: z.array(z.object({ url: z.string(), channel: z.string() })).optional(),
});

/** The alerts of an app are those in its spec. Each one's id follows from what it is, so that a new spec keeps who is told. */
export function alertsOf(app: Pick<App, "id" | "spec" | "destinations">) {
  const written: { spec: AlertSpec; component?: string }[] = [
    ...(app.spec.alerts ?? []).map((spec) => ({ spec })),
    ...componentsOf(app.spec).flatMap(({ component }) => (component.alerts ?? []).map((spec) => ({ spec, component: component.name }))),
  ];
  return written.map(({ spec, component }) => {
    const id = idOf(`${app.id} ${component ?? ""} ${spec.rule}`);
    const { emails = [], slack_webhooks = [] } = app.destinations[id] ?? {};
    return { id, ...(component && { component_name: component }), spec, emails, slack_webhooks, phase: "ACTIVE", progress: { steps: [] } };
  });
}

function idOf(text: string): string {
  const hex = createHash("sha1").update(text).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}
