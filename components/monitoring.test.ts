import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Secret } from "../engine/plan.ts";
import { Monitoring, type MonitoringArgs } from "./monitoring.ts";
import { find, listed, MOMENTS, recorded, refusal } from "./testing/recorded.ts";

const HOOK = "https://hooks.slack.test/T/B/secret";
const ARGS: MonitoringArgs = {
  emails: ["ops@example.com"],
  slack: { channel: "#alerts", url: HOOK },
  databases: [
    { name: "orders", id: pulumi.output("pg-id"), engine: "pg" },
    { name: "sessions", id: "valkey-id", engine: "valkey" },
  ],
  uptime: [{ name: "api", target: "https://api.example.com/health", latencyMs: 500 }],
  cpu: 80,
  memory: 85,
  disk: 75,
};
const RECIPIENTS = { emails: ["ops@example.com"], slacks: [{ channel: "#alerts", url: new Secret(HOOK) }] };

const make = (args: MonitoringArgs) => () => void new Monitoring("watch", args);

describe.each(MOMENTS)("monitoring, %s", (moment) => {
  it("watches nodes, endpoints and certificates", async () => {
    const { plan } = await recorded(make(ARGS), moment);
    expect(listed(plan).sort()).toEqual([
      "MonitorAlert watch-orders-cpu",
      "MonitorAlert watch-orders-disk",
      "MonitorAlert watch-orders-memory",
      "MonitorAlert watch-sessions-cpu",
      "MonitorAlert watch-sessions-memory",
      "Monitoring watch",
      "UptimeAlert watch-api-certificate",
      "UptimeAlert watch-api-down",
      "UptimeAlert watch-api-latency",
      "UptimeCheck watch-api",
    ]);
  });

  it("asks for exactly this, and hides the webhook in it", async () => {
    const { plan } = await recorded(make(ARGS), moment);
    expect(find(plan, "MonitorAlert watch-orders-disk").inputs).toEqual({
      type: "v1/dbaas/alerts/disk_utilization_alerts",
      description: "orders: disk over 75 %",
      compare: "GreaterThan",
      value: 75,
      window: "5m",
      entities: ["pg-id"],
      enabled: true,
      alerts: RECIPIENTS,
    });
    expect(find(plan, "MonitorAlert watch-sessions-cpu").inputs).toMatchObject({
      type: "v1/dbaas/alerts/cpu_alerts",
      value: 80,
      entities: ["valkey-id"],
    });
    expect(find(plan, "MonitorAlert watch-sessions-memory").inputs).toMatchObject({
      type: "v1/dbaas/alerts/memory_utilization_alerts",
      value: 85,
    });
    expect(find(plan, "UptimeCheck watch-api").inputs).toEqual({
      name: "watch-api",
      target: "https://api.example.com/health",
      type: "https",
      regions: ["eu_west", "us_east"],
      enabled: true,
    });
    const { checkId: _, ...latency } = find(plan, "UptimeAlert watch-api-latency").inputs;
    expect(latency).toEqual({
      name: "watch-api-latency",
      type: "latency",
      threshold: 500,
      comparison: "greater_than",
      period: "5m",
      notifications: [RECIPIENTS],
    });
    expect(find(plan, "UptimeAlert watch-api-down").inputs).toMatchObject({ type: "down", notifications: [RECIPIENTS] });
    expect(find(plan, "UptimeAlert watch-api-certificate").inputs).toMatchObject({
      type: "ssl_expiry",
      threshold: 14,
      comparison: "less_than",
    });
  });

  it("hides the webhook also where it is known later", async () => {
    const { plan } = await recorded(make({ ...ARGS, slack: { channel: "#alerts", url: pulumi.output(HOOK) } }), moment);
    expect(find(plan, "UptimeAlert watch-api-down").inputs.notifications).toEqual([RECIPIENTS]);
  });
});

describe("monitoring", () => {
  it("writes e-mails only, where there is no Slack", async () => {
    const { slack: _, ...args } = ARGS;
    const { plan } = await recorded(make({ ...args, emails: ["ops@example.com", "ops@example.com"] }));
    expect(find(plan, "UptimeAlert watch-api-down").inputs.notifications).toEqual([{ emails: ["ops@example.com"] }]);
  });

  it("creates nothing where there is no recipient, and logs a warning", async () => {
    const { slack: _, ...args } = ARGS;
    const { plan, outputs } = await recorded(() => ({ watching: new Monitoring("watch", { ...args, emails: [] }).watching }));
    expect(listed(plan)).toEqual(["Monitoring watch"]);
    expect(outputs.watching).toBe(false);
    expect(plan.messages).toMatchObject([{ severity: "warning", text: "emails and slack name no recipient, so no alert is created." }]);
  });

  it("watches the load where a figure is given", async () => {
    const { plan } = await recorded(make({ ...ARGS, load: 2 }));
    expect(find(plan, "MonitorAlert watch-sessions-load").inputs).toMatchObject({ type: "v1/dbaas/alerts/load_15_alerts", value: 2 });
  });

  it("lets a transform have the last word", async () => {
    const { plan } = await recorded(
      make({
        ...ARGS,
        transform: { database: { window: "10m" }, check: { enabled: false }, endpoint: (args) => Object.assign(args, { period: "15m" }) },
      }),
    );
    expect(find(plan, "MonitorAlert watch-orders-cpu").inputs.window).toBe("10m");
    expect(find(plan, "UptimeCheck watch-api").inputs.enabled).toBe(false);
    expect(find(plan, "UptimeAlert watch-api-down").inputs.period).toBe("15m");
  });

  it.each([
    ["an e-mail that is none", { emails: ["ops"] }, 'emails[0] is "ops". Allowed: an email address.'],
    ["a channel without a name", { slack: { channel: "", url: HOOK } }, "slack.channel: it is empty."],
    ["more than everything", { cpu: 100 }, "cpu is 100. Allowed: whole per cent, 1 to 99."],
    ["a figure that comes back as another", { memory: 33.3 }, "memory is 33.3."],
    ["no load", { load: 0 }, "load is 0. Allowed: more than 0."],
    ["a certificate's last moment", { certificateDays: 0 }, "certificateDays is 0."],
    [
      "an endpoint without TLS",
      { uptime: [{ ...ARGS.uptime[0]!, target: "http://api.example.com" }] },
      'uptime[0].target is "http://api.example.com". Allowed: an https:// address.',
    ],
    ["no patience", { uptime: [{ ...ARGS.uptime[0]!, latencyMs: 0 }] }, "uptime[0].latencyMs is 0."],
    [
      "a region that does not watch",
      { uptime: [{ ...ARGS.uptime[0]!, regions: ["mars"] }] },
      "uptime[0].regions is [mars]. Allowed: one or more of us_east",
    ],
    ["two endpoints of one name", { uptime: [ARGS.uptime[0]!, ARGS.uptime[0]!] }, 'uptime[1].name is "api": another one has this name.'],
    [
      "two databases of one name",
      { databases: [ARGS.databases[0]!, ARGS.databases[0]!] },
      'databases[1].name is "orders": another one has this name.',
    ],
  ])("refuses %s", async (_, args, text) => {
    expect(await refusal(make({ ...ARGS, ...args }))).toContain(`watch: ${text}`);
  });
});
