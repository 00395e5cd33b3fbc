/** A dashboard for Grafana: what `slipway metrics` exports, one row for databases, one for stores, one for backups. */
import type { Dashboard, DataSourceRef, GridPos, Panel, RowPanel } from "@grafana/schema";
import { metricName } from "./openmetrics.ts";

interface PanelOptions {
  readonly title: string;
  readonly description: string;
  readonly expr: string;
  readonly legend: string;
  readonly unit: string;
  readonly kind?: "timeseries" | "stat";
}

const PANELS: readonly { readonly row: string; readonly panels: readonly PanelOptions[] }[] = [
  {
    row: "Overview",
    panels: [
      {
        title: "Examined",
        description: "0: it could not be examined.",
        expr: metricName("up"),
        legend: "{{subject}}",
        unit: "none",
        kind: "stat",
      },
      {
        title: "Findings",
        description: "Of slipway doctor.",
        expr: `sum by (subject, severity) (${metricName("findings")}{severity!="info"})`,
        legend: "{{subject}} {{severity}}",
        unit: "none",
      },
    ],
  },
  {
    row: "Databases",
    panels: [
      {
        title: "Connections",
        description: "In use, of those that clients can open.",
        expr: `${metricName("connections")} / ${metricName("connections_limit")}`,
        legend: "{{subject}}",
        unit: "percentunit",
      },
      {
        title: "Connection budget",
        description: "Of the role that the application uses.",
        expr: `${metricName("role_connections")} / ${metricName("role_connections_budget")}`,
        legend: "{{role}}",
        unit: "percentunit",
      },
      { title: "Size", description: "On the disk.", expr: metricName("database_bytes"), legend: "{{subject}}", unit: "bytes" },
      {
        title: "Pages from memory",
        description: "Less than 99 %: the memory is too small for the data that is read.",
        expr: metricName("cache_hit_ratio"),
        legend: "{{subject}}",
        unit: "percentunit",
      },
      {
        title: "Standbys",
        description: "How far they are behind.",
        expr: metricName("standby_lag_bytes"),
        legend: "{{standby}}",
        unit: "bytes",
      },
      {
        title: "Certificates",
        description: "How long they are valid.",
        expr: `${metricName("certificate_expiry_timestamp_seconds")} - time()`,
        legend: "{{subject}}",
        unit: "s",
      },
    ],
  },
  {
    row: "Stores",
    panels: [
      {
        title: "Memory",
        description: "Of its limit.",
        expr: `${metricName("memory_bytes")} / ${metricName("memory_limit_bytes")}`,
        legend: "{{subject}}",
        unit: "percentunit",
      },
      {
        title: "Evicted keys",
        description: "A state store must evict none.",
        expr: `rate(${metricName("evicted_keys_total")}[5m])`,
        legend: "{{subject}}",
        unit: "ops",
      },
      { title: "Keys", description: "By database.", expr: metricName("keys"), legend: "{{subject}} {{database}}", unit: "none" },
    ],
  },
  {
    row: "Backups",
    panels: [{ title: "Age", description: "Of the newest one.", expr: metricName("backup_age_seconds"), legend: "{{set}}", unit: "s" }],
  },
];

const WIDTH = 24;
const PANEL_WIDTH = 8;
const PANEL_HEIGHT = 8;

/** For the import of Grafana 9 and newer, which asks for the data source. */
export function createDashboard(): Dashboard & { readonly __inputs: readonly object[] } {
  let y = 0;
  let id = 0;
  const panels = PANELS.flatMap(({ row, panels }) => {
    const head: RowPanel = { id: ++id, type: "row", title: row, collapsed: false, gridPos: { x: 0, y, w: WIDTH, h: 1 }, panels: [] };
    const placed = panels.map((panel, index) => {
      const column = index % (WIDTH / PANEL_WIDTH);
      const line = Math.floor(index / (WIDTH / PANEL_WIDTH));
      return createPanel(++id, panel, { x: column * PANEL_WIDTH, y: y + 1 + line * PANEL_HEIGHT, w: PANEL_WIDTH, h: PANEL_HEIGHT });
    });
    y += 1 + Math.ceil(panels.length / (WIDTH / PANEL_WIDTH)) * PANEL_HEIGHT;
    return [head, ...placed];
  });
  return {
    __inputs: [{ name: "DS_PROMETHEUS", label: "Prometheus", type: "datasource", pluginId: "prometheus", pluginName: "Prometheus" }],
    uid: "slipway",
    title: "slipway",
    description: "What slipway doctor measures: databases, stores and backups.",
    tags: ["slipway"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    timezone: "utc",
    time: { from: "now-24h", to: "now" },
    refresh: "1m",
    templating: { list: [] },
    annotations: { list: [] },
    panels,
  };
}

function createPanel(id: number, { title, description, expr, legend, unit, kind = "timeseries" }: PanelOptions, gridPos: GridPos): Panel {
  const datasource: DataSourceRef = { type: "prometheus", uid: "${DS_PROMETHEUS}" };
  return {
    ...{ id, type: kind, title, description, gridPos, datasource },
    targets: [{ refId: "A", datasource, expr, legendFormat: legend }],
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options:
      kind === "stat"
        ? { reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false }, colorMode: "value", graphMode: "none" }
        : { legend: { showLegend: true, displayMode: "list", placement: "bottom" } },
  };
}
