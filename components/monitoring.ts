/**
 * Who is woken, and by what: nodes of databases that run full, endpoints that are down or slow, certificates that expire.
 *
 * Cost: the list price of each uptime check; alerts cost nothing. An e-mail address must be a verified one of the team, or DigitalOcean refuses it.
 * Without a recipient nothing is created, and a warning is logged.
 */

import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { printable } from "../catalog/problem.ts";
import { type Check, throwIfProblems } from "./errors.ts";
import { child, MONITORING } from "./names.ts";
import { refuseAdvice } from "./outputtext.ts";
import { type Transform, transformed } from "./transform.ts";

export interface MonitoringArgs {
  /** Verified e-mail addresses of the team. */
  emails: readonly string[];
  /** A Slack channel and the webhook that posts there, which is a secret. @default none */
  slack?: { readonly channel: string; readonly url: pulumi.Input<string> };
  /** Clusters to watch; the name appears in the message. */
  databases: readonly WatchedDatabase[];
  /** HTTPS endpoints to ask from outside. */
  uptime: readonly WatchedEndpoint[];
  /** Per cent of a node's CPU, memory and disk. */
  cpu: number;
  memory: number;
  disk: number;
  /** Load average over 15 minutes; it is meaningful only in relation to the node's number of CPUs. @default no alert */
  load?: number;
  /** Days before a certificate's end. @default 14 */
  certificateDays?: number;
  /** The way around an opinion of this component. */
  transform?: {
    database?: Transform<digitalocean.MonitorAlertArgs>;
    check?: Transform<digitalocean.UptimeCheckArgs>;
    endpoint?: Transform<digitalocean.UptimeAlertArgs>;
  };
}

export interface WatchedDatabase {
  readonly name: string;
  readonly id: pulumi.Input<string>;
  /** Valkey keeps its keys in memory, so its disk is not watched. */
  readonly engine: "pg" | "valkey";
}

export interface WatchedEndpoint {
  readonly name: string;
  /** @example "https://api.example.com/health" */
  readonly target: pulumi.Input<string>;
  /** An alert is sent when it is slower than this for five minutes. */
  readonly latencyMs: number;
  /** From where it is asked. @default ["us_east", "eu_west"] */
  readonly regions?: readonly string[];
}

/** Two, so that trouble on the way is not taken for trouble at the end. */
const REGIONS = ["us_east", "eu_west"];
const ALL_REGIONS = ["us_east", "us_west", "eu_west", "se_asia"];

type Condition = Pick<digitalocean.UptimeAlertArgs, "type" | "threshold" | "comparison" | "period">;

export class Monitoring extends pulumi.ComponentResource {
  /** False where no recipient is named, and so nothing is watched. */
  readonly watching: boolean;
  readonly nodes: {
    readonly databases: readonly digitalocean.MonitorAlert[];
    readonly checks: Readonly<Record<string, digitalocean.UptimeCheck>>;
    readonly endpoints: readonly digitalocean.UptimeAlert[];
  };

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super(MONITORING, name, {}, opts);
    const parent = this;
    refuseAdvice(this, args);
    throwIfProblems(this, problemsOf(args));
    const { cpu, memory, disk, load, certificateDays = 14, transform = {} } = args;
    const emails = [...new Set(args.emails)];
    // The provider wants a list where there is one of each at most.
    const slacks = args.slack === undefined ? [] : [{ channel: args.slack.channel, url: pulumi.secret(args.slack.url) }];
    const recipients = { ...(emails.length === 0 ? {} : { emails }), ...(slacks.length === 0 ? {} : { slacks }) };

    this.watching = Object.keys(recipients).length > 0;
    if (!this.watching) void pulumi.log.warn("emails and slack name no recipient, so no alert is created.", this);
    const databases = this.watching ? args.databases.flatMap(watchDatabase) : [];
    const checks = this.watching ? args.uptime.map(createCheck) : [];
    const endpoints = checks.flatMap(([endpoint, check]) => watchEndpoint(endpoint, check));

    this.nodes = { databases, checks: Object.fromEntries(checks.map(([endpoint, check]) => [endpoint.name, check])), endpoints };
    this.registerOutputs({ watching: this.watching });

    function watchDatabase(database: WatchedDatabase): digitalocean.MonitorAlert[] {
      return [
        createAlert(database, "cpu", "cpu_alerts", cpu, `CPU over ${cpu} %`),
        createAlert(database, "memory", "memory_utilization_alerts", memory, `memory over ${memory} %`),
        ...(database.engine === "pg" ? [createAlert(database, "disk", "disk_utilization_alerts", disk, `disk over ${disk} %`)] : []),
        ...(load === undefined ? [] : [createAlert(database, "load", "load_15_alerts", load, `load over ${load}`)]),
      ];
    }

    function createAlert(database: WatchedDatabase, kind: string, type: string, value: number, words: string): digitalocean.MonitorAlert {
      return new digitalocean.MonitorAlert(
        child(name, database.name, kind),
        transformed<digitalocean.MonitorAlertArgs>(
          {
            type: `v1/dbaas/alerts/${type}`,
            description: `${database.name}: ${words}`,
            compare: "GreaterThan",
            value,
            window: "5m",
            entities: [database.id],
            enabled: true,
            alerts: recipients,
          },
          transform.database,
        ),
        { parent },
      );
    }

    function createCheck(endpoint: WatchedEndpoint): readonly [WatchedEndpoint, digitalocean.UptimeCheck] {
      const check = new digitalocean.UptimeCheck(
        child(name, endpoint.name),
        transformed<digitalocean.UptimeCheckArgs>(
          // Regions are always said: left out, DigitalOcean chooses some, and every preview would show them.
          {
            name: child(name, endpoint.name),
            target: endpoint.target,
            type: "https",
            regions: [...(endpoint.regions ?? REGIONS)].sort(),
            enabled: true,
          },
          transform.check,
        ),
        { parent },
      );
      return [endpoint, check];
    }

    function watchEndpoint(endpoint: WatchedEndpoint, check: digitalocean.UptimeCheck): digitalocean.UptimeAlert[] {
      return [
        createEndpointAlert(endpoint, check, "down", { type: "down", threshold: 1, comparison: "less_than", period: "2m" }),
        createEndpointAlert(endpoint, check, "latency", {
          type: "latency",
          threshold: endpoint.latencyMs,
          comparison: "greater_than",
          period: "5m",
        }),
        createEndpointAlert(endpoint, check, "certificate", {
          type: "ssl_expiry",
          threshold: certificateDays,
          comparison: "less_than",
          period: "1h",
        }),
      ];
    }

    function createEndpointAlert(
      endpoint: WatchedEndpoint,
      check: digitalocean.UptimeCheck,
      kind: string,
      condition: Condition,
    ): digitalocean.UptimeAlert {
      const full = child(name, endpoint.name, kind);
      return new digitalocean.UptimeAlert(
        full,
        transformed<digitalocean.UptimeAlertArgs>(
          { name: full, checkId: check.id, ...condition, notifications: [recipients] },
          transform.endpoint,
        ),
        { parent, deletedWith: check },
      );
    }
  }
}

function problemsOf(args: MonitoringArgs): Check[] {
  const { emails, slack, databases, uptime, load, certificateDays = 14 } = args;
  return [
    ...emails.map((email, index) =>
      /^[^@\s]+@[^@\s]+$/.test(email) ? undefined : { path: `emails[${index}]`, given: printable(email), allowed: "an email address" },
    ),
    slack !== undefined && slack.channel === ""
      ? { path: "slack.channel", problem: "it is empty", fix: 'Name the channel, such as "#alerts".' }
      : undefined,
    ...(["cpu", "memory", "disk"] as const).map((key) => percentProblem(key, args[key])),
    load === undefined || load > 0 ? undefined : { path: "load", given: String(load), allowed: "more than 0" },
    Number.isInteger(certificateDays) && certificateDays >= 1
      ? undefined
      : { path: "certificateDays", given: String(certificateDays), allowed: "whole days, 1 or more" },
    ...duplicateProblems("databases", databases),
    ...duplicateProblems("uptime", uptime),
    ...uptime.flatMap((endpoint, index) => endpointProblems(`uptime[${index}]`, endpoint)),
  ];
}

/** Whole numbers, because DigitalOcean stores 32-bit floats: 33.3 comes back as another number, and every preview would show a change. */
function percentProblem(path: string, value: number): Check {
  return Number.isInteger(value) && value >= 1 && value <= 99
    ? undefined
    : { path, given: String(value), allowed: "whole per cent, 1 to 99" };
}

function duplicateProblems(path: string, named: readonly { readonly name: string }[]): Check[] {
  return named.map(({ name }, index) =>
    named.findIndex((other) => other.name === name) === index
      ? undefined
      : { path: `${path}[${index}].name`, given: printable(name), problem: "another one has this name", fix: "Rename one of them." },
  );
}

function endpointProblems(path: string, { target, latencyMs, regions = REGIONS }: WatchedEndpoint): Check[] {
  return [
    typeof target === "string" && !/^https:\/\/[^\s/]+/.test(target)
      ? { path: `${path}.target`, given: printable(target), allowed: "an https:// address" }
      : undefined,
    Number.isInteger(latencyMs) && latencyMs > 0
      ? undefined
      : { path: `${path}.latencyMs`, given: String(latencyMs), allowed: "whole milliseconds, 1 or more" },
    regions.length > 0 && regions.every((region) => ALL_REGIONS.includes(region))
      ? undefined
      : { path: `${path}.regions`, given: `[${regions.join(", ")}]`, allowed: `one or more of ${ALL_REGIONS.join(", ")}` },
  ];
}
