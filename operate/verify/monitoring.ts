/** Whether alerts exist for the clusters and the address of a system, and whether they reach a recipient. */
import type { System } from "../../systems/definition.ts";
import type { ApiClient, Json } from "../recover/api.ts";
import type { Check } from "./check.ts";
import type { DeployedApp } from "./deployed-app.ts";

interface Recipients {
  readonly emails: readonly string[];
  readonly channels: readonly string[];
}

export async function checkMonitoring(
  api: ApiClient,
  system: System,
  apps: readonly DeployedApp[],
  clusters: readonly string[],
): Promise<Check> {
  const about = { kind: "monitoring", subject: `${system.name}/alerts` } as const;
  const [policies, checks] = await Promise.all([api.list("/v2/monitoring/alerts", "policies"), api.list("/v2/uptime/checks", "checks")]);
  const own = policies.filter(
    ({ entities, enabled }) => enabled !== false && clusters.some((id) => (entities as string[] | null)?.includes(id)),
  );
  const hosts = apps.flatMap(({ url }) => (url === undefined ? [] : [new URL(url).host]));
  const watched = checks.filter(
    ({ target, enabled }) => enabled !== false && URL.canParse(String(target)) && hosts.includes(new URL(String(target)).host),
  );
  const endpoints = (await Promise.all(watched.map(({ id }) => api.list(`/v2/uptime/checks/${id}/alerts`, "alerts")))).flat();
  const found = [...own.map(({ alerts }) => recipientsOf(alerts)), ...endpoints.map(({ notifications }) => recipientsOf(notifications))];
  if (found.length === 0)
    return {
      ...about,
      outcome: "unproved",
      evidence: "no alert watches its clusters or its address",
      next: {
        text: "Name recipients in the stack's settings, and deploy.",
        command: "pulumi config set --path 'slipway:alertEmails[0]' oncall@example.com",
      },
    };
  const silent = found.filter(({ emails, channels }) => emails.length + channels.length === 0).length;
  const reached = [...new Set(found.flatMap(({ emails, channels }) => [...emails, ...channels]))];
  const evidence = `${own.length} alerts on its clusters and ${endpoints.length} on its address reach ${reached.join(", ") || "no recipient"}`;
  if (silent > 0)
    return {
      ...about,
      outcome: "failed",
      evidence: `${evidence}; ${silent} of them have no recipient`,
      next: { text: "Deploy what the program declares.", command: "pulumi up" },
    };
  const { slack } = system.alerts;
  if (slack !== undefined && !reached.includes(slack.channel))
    return { ...about, outcome: "unproved", evidence: `${evidence}, and not Slack's ${slack.channel}: this stack has no webhook for it` };
  return { ...about, outcome: "passed", evidence };
}

function recipientsOf(alerts: unknown): Recipients {
  const { email, emails = email, slack, slack_webhooks = slack } = (alerts ?? {}) as Record<string, unknown>;
  return {
    emails: Array.isArray(emails) ? emails.map(String) : [],
    channels: Array.isArray(slack_webhooks) ? (slack_webhooks as Json[]).map(({ channel }) => String(channel)) : [],
  };
}
