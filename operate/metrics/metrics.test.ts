/** What is exported, of a real database and a real store, read back by a parser of OpenMetrics' text format. */

import { BigValueColorMode, BigValueGraphMode, LegendDisplayMode } from "@grafana/schema";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStore, type TestStore } from "../../postdeploy/keyspaces/testing/store.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { diagnose } from "../doctor/doctor.ts";
import type { Examination } from "../doctor/finding.ts";
import { createDashboard } from "./dashboard.ts";
import { CONTENT_TYPE, formatMetrics } from "./openmetrics.ts";
import { alertRules, formatRules } from "./rules.ts";
import { serveMetrics } from "./serve.ts";

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** As strict as the specification for what is used here: families are contiguous, described before their samples, and the text ends with # EOF. */
function parse(text: string): readonly Sample[] {
  expect(text.endsWith("\n# EOF\n")).toBe(true);
  const samples: Sample[] = [];
  const seen = new Set<string>();
  let family = "";
  let type = "";
  for (const line of text.split("\n").slice(0, -2)) {
    const [, kind, name = "", rest = ""] = /^# (TYPE|UNIT|HELP) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === "TYPE") {
      expect(seen.has(name), name).toBe(false);
      seen.add(name);
      [family, type] = [name, rest];
      expect(["gauge", "counter"]).toContain(type);
    } else if (kind !== undefined) {
      expect(name).toBe(family);
      if (kind === "UNIT") expect(family.endsWith(`_${rest}`)).toBe(true);
    } else {
      const [, sample = "", labels = "", value = ""] = /^([a-z_]+)\{(.*)\} (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line) ?? [];
      expect(sample, line).toBe(type === "counter" ? `${family}_total` : family);
      const pairs = [...labels.matchAll(/([a-z]+)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
      expect(pairs.map(([pair]) => pair).join(""), line).toBe(labels);
      samples.push({
        name: sample,
        labels: Object.fromEntries(pairs.map(([, label, content]) => [label!, content!])),
        value: Number(value),
      });
    }
  }
  return samples;
}

describe("the figures of a database and a store", () => {
  let postgres: TestServer;
  let store: TestStore;
  beforeAll(async () => {
    postgres = await startServer({ settings: { max_connections: "40" } });
    store = await startStore("metrics");
  });
  afterAll(async () => {
    await store?.stop();
    await postgres?.stop();
  });

  it("are those that the servers report, with one sample for each", async () => {
    await store.command(["SET", "a", "1"], 3);
    const declared = {
      ...{
        system: "shop",
        database: "postgres",
        schemas: ["public"],
        extensions: [],
        statementTimeoutSeconds: 30,
        slowStatementMs: undefined,
      },
      roles: { owner: "postgres", runtime: "postgres", readonly: "r", backup: "b" },
    };
    const examinations = await diagnose({
      databases: [{ name: "shop/postgres", connection: { url: postgres.url("postgres") }, declared, budget: { runtime: 7, pools: {} } }],
      stores: [{ name: "shop/valkey-state", address: store.address(), class: "state" }],
    });
    const samples = parse(formatMetrics(examinations));
    const valuesOf = (name: string, labels: Readonly<Record<string, string>>) =>
      samples
        .filter((sample) => sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text))
        .map(({ value }) => value);
    const [database, valkey] = [{ subject: "shop/postgres" }, { subject: "shop/valkey-state" }];
    expect([valuesOf("slipway_up", database), valuesOf("slipway_up", valkey)]).toEqual([[1], [1]]);
    expect(valuesOf("slipway_connections_limit", database)).toEqual([37]);
    expect(valuesOf("slipway_role_connections_budget", { ...database, role: "postgres" })).toEqual([7]);
    const [size] = await postgres.sql("SELECT pg_database_size('postgres')::int AS bytes");
    expect(valuesOf("slipway_database_bytes", database)).toEqual([size!.bytes]);
    expect(valuesOf("slipway_keys", { ...valkey, database: "3" })).toEqual([1]);
    expect(valuesOf("slipway_memory_bytes", valkey)[0]).toBeGreaterThan(500_000);
    expect(valuesOf("slipway_refused_connections_total", valkey)).toEqual([0]);
    expect(valuesOf("slipway_certificate_expiry_timestamp_seconds", valkey)[0]).toBeGreaterThan(Date.now() / 1000);
    expect(new Set(samples.map(({ name, labels }) => JSON.stringify([name, labels]))).size).toBe(samples.length);
  });

  it("of a server that does not answer are that it is down", async () => {
    const [down] = await diagnose({
      databases: [{ name: "shop/postgres", connection: { url: "postgres://u@127.0.0.1:1/shop" } }],
      stores: [],
    });
    expect(parse(formatMetrics([down!]))).toContainEqual({ name: "slipway_up", labels: { subject: "shop/postgres" }, value: 0 });
  });
});

const examinationOf = (name: string, figures: NonNullable<Examination["facts"][number]["figures"]>): Examination => ({
  ...{ name, at: "", findings: [], unchecked: [] },
  facts: [{ name: "x", value: "y", figures }],
});

it("a label keeps any text, and a figure without a description is refused", () => {
  const hostile = 'a"b\\c\nd} 1\nslipway_up{x="';
  const [sample] = parse(formatMetrics([examinationOf(hostile, [])])).filter(({ name }) => name === "slipway_up");
  expect(JSON.parse(`"${sample!.labels.subject}"`)).toBe(hostile);
  expect(() => formatMetrics([examinationOf("x", [{ name: "weather", value: 1 }])])).toThrow(/does not describe the figure weather/);
});

describe("the alert rules and the dashboard", () => {
  const everyName = [
    ...formatMetrics([
      examinationOf(
        "x",
        [
          "uptime_seconds",
          "clock_offset_seconds",
          "certificate_expiry_timestamp_seconds",
          "database_bytes",
          "cache_hit_ratio",
          "connections",
          "connections_limit",
          "role_connections",
          "role_connections_budget",
          "standby_lag_bytes",
          "memory_bytes",
          "memory_limit_bytes",
          "evicted_keys_total",
          "refused_connections_total",
          "keys",
          "backup_age_seconds",
          "backup_copies",
        ].map((name) => ({ name, value: 1 })),
      ),
    ]).matchAll(/^(slipway_\w+)\{/gm),
  ].map(([, name]) => name!);

  it("use only metrics that are exported", () => {
    const dashboard = JSON.stringify(createDashboard());
    for (const text of [dashboard, formatRules(alertRules({ backupHours: 26 }))]) {
      const used = new Set([...text.matchAll(/\bslipway_[a-z_]+/g)].map(([name]) => name));
      expect(used.size).toBeGreaterThan(8);
      expect([...used].filter((name) => !everyName.includes(name))).toEqual([]);
    }
  });

  it("have the limits of doctor, and a severity and a summary each", () => {
    const rules = alertRules({ backupHours: 26 });
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    const { groups } = JSON.parse(formatRules(rules)) as {
      groups: { rules: { expr: string; labels: object; annotations: { summary: string } }[] }[];
    };
    expect(groups[0]!.rules.map(({ expr }) => expr)).toEqual(
      expect.arrayContaining(["slipway_role_connections > 0.8 * slipway_role_connections_budget", "slipway_backup_age_seconds > 93600"]),
    );
    for (const { labels, annotations } of groups[0]!.rules)
      expect([labels, annotations.summary]).toEqual([
        { severity: expect.stringMatching(/^(critical|warning)$/) },
        expect.stringMatching(/.{10}/),
      ]);
  });

  // The type check compares the rest with Grafana's schema, which leaves the options of a panel open.
  it("of the dashboard, panels have options that Grafana's schema lists", () => {
    const panels = (createDashboard().panels ?? []).filter(({ type }) => type !== "row") as readonly {
      readonly type: string;
      readonly options: object;
    }[];
    const enumerations: Record<string, readonly string[]> = {
      colorMode: Object.values(BigValueColorMode),
      graphMode: Object.values(BigValueGraphMode),
      displayMode: Object.values(LegendDisplayMode),
    };
    const found = panels.flatMap(({ options }) => Object.entries({ ...options, ...(options as { legend?: object }).legend }));
    const values = found.filter(([name]) => name in enumerations);
    expect(values.length).toBeGreaterThanOrEqual(panels.length);
    for (const [name, value] of values) expect(enumerations[name]).toContain(value);
  });

  it("of the dashboard, no two panels overlap, and each has an id of its own", () => {
    const { panels } = createDashboard() as { panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[] };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});

describe("the endpoint", () => {
  const start = (freshMs: number, examine: () => Promise<readonly Examination[]>, onError: (message: string) => void = () => {}) =>
    serveMetrics({ ...{ host: "127.0.0.1", port: 0, token: "s3cret", freshMs }, examine, onError });
  const get = (url: string, { token = "s3cret", method = "GET" } = {}) =>
    fetch(url, { method, headers: { authorization: `Bearer ${token}` } });

  it("examines once for requests at the same time and shortly after, and requires the token", async () => {
    let examined = 0;
    const server = await start(3_600_000, async () => {
      examined++;
      return [examinationOf("x", [])];
    });
    try {
      expect([(await fetch(server.url)).status, (await get(server.url, { token: "wrong" })).status]).toEqual([401, 401]);
      expect(examined).toBe(0);
      const answers = await Promise.all(Array.from({ length: 20 }, () => get(server.url)));
      expect(answers.map(({ status, headers }) => [status, headers.get("content-type")])).toEqual(answers.map(() => [200, CONTENT_TYPE]));
      expect((await get(server.url)).status).toBe(200);
      expect(examined).toBe(1);
      expect((await get(server.url.replace("/metrics", "/"))).status).toBe(404);
      expect((await get(server.url, { method: "POST" })).status).toBe(405);
    } finally {
      await server.close();
    }
  });

  it("answers 503 for an examination that failed, reports why, and examines again for the next request", async () => {
    let fails = true;
    const errors: string[] = [];
    const server = await start(
      3_600_000,
      async () => {
        if (fails) throw new Error("no network");
        return [examinationOf("x", [])];
      },
      (message) => errors.push(message),
    );
    try {
      expect((await get(server.url)).status).toBe(503);
      expect(errors).toEqual(["no network"]);
      fails = false;
      expect((await get(server.url)).status).toBe(200);
    } finally {
      await server.close();
    }
  });
});
