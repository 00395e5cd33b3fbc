/** PagerDuty's Events API v2: an incident for each critical problem, resolved when the problem is over. */
import { createHash } from "node:crypto";
import { type Alert, describe, headline } from "./alert.ts";
import { type Channel, post } from "./channel.ts";

const EVENTS = "https://events.pagerduty.com/v2/enqueue";
/** The limits of the API. */
const LONGEST_SUMMARY = 1024;

export function openPagerDuty(routingKey: string, url: string = EVENTS): Channel {
  return {
    name: "PagerDuty",
    accepts: ({ problem }) => problem.severity === "critical",
    async send(alerts) {
      // One after the other: it accepts one event in a request, and limits their rate.
      for (const alert of alerts) await post(url, eventOf(alert, routingKey));
    },
  };
}

function eventOf(alert: Alert, routingKey: string): object {
  const { event, problem, source, at } = alert;
  const dedup_key = createHash("sha256").update(`${source} ${problem.id}`).digest("hex");
  if (event === "ended") return { routing_key: routingKey, event_action: "resolve", dedup_key };
  return {
    routing_key: routingKey,
    event_action: "trigger",
    dedup_key,
    client: "slipway",
    payload: {
      summary: headline(alert).slice(0, LONGEST_SUMMARY),
      source,
      severity: "critical",
      timestamp: at,
      component: problem.subject,
      custom_details: { evidence: describe(alert).join("\n") },
    },
  };
}
