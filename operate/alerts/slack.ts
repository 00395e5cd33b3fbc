/** Slack's incoming webhooks: one message for all alerts of a round. */
import { type Alert, describe, headline } from "./alert.ts";
import { type Channel, post } from "./channel.ts";

/** Slack cuts longer messages. */
const MOST_CHARACTERS = 3500;

export function openSlack(webhook: string): Channel {
  return {
    name: "Slack",
    accepts: () => true,
    send: (alerts) => post(webhook, { text: textOf(alerts) }),
  };
}

function textOf(alerts: readonly Alert[]): string {
  const text = alerts.map((alert) => [`*${escapeMarks(headline(alert))}*`, ...describe(alert).map(escapeMarks)].join("\n")).join("\n\n");
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;
}

/** So that a text of a server mentions no channel and makes no link. */
const escapeMarks = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
