/** What doctor measured, in the text format of OpenMetrics 1.0. */
import type { Examination, Figure } from "../doctor/finding.ts";

export const CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

interface Family {
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly unit?: string;
}

/** Without the prefix. A figure that is not listed here is an error, so that none is exported without a description. */
const FAMILIES: Readonly<Record<string, Family>> = {
  up: { type: "gauge", help: "Whether the database, the store or the place of the backups could be examined." },
  findings: { type: "gauge", help: "Findings of slipway doctor, by their severity." },
  uptime_seconds: { type: "gauge", help: "Since the start of the server.", unit: "seconds" },
  clock_offset_seconds: { type: "gauge", help: "How far the server's clock is ahead of that of the examining machine.", unit: "seconds" },
  certificate_expiry_timestamp_seconds: { type: "gauge", help: "When the certificate of the server expires.", unit: "seconds" },
  database_bytes: { type: "gauge", help: "Size of the database on the disk.", unit: "bytes" },
  cache_hit_ratio: { type: "gauge", help: "Share of pages that were found in shared buffers.", unit: "ratio" },
  connections: { type: "gauge", help: "Connections in use." },
  connections_limit: { type: "gauge", help: "Connections that clients can open." },
  role_connections: { type: "gauge", help: "Connections of the role that the application uses." },
  role_connections_budget: { type: "gauge", help: "Connections that the settings of the stack allocate to that role." },
  standby_lag_bytes: { type: "gauge", help: "How far a standby is behind.", unit: "bytes" },
  memory_bytes: { type: "gauge", help: "Memory that a store uses.", unit: "bytes" },
  memory_limit_bytes: { type: "gauge", help: "Memory at which a store evicts keys or refuses writes.", unit: "bytes" },
  evicted_keys_total: { type: "counter", help: "Keys that a store evicted since its start." },
  refused_connections_total: { type: "counter", help: "Connections that a store refused since its start." },
  keys: { type: "gauge", help: "Keys of a database of a store." },
  backup_age_seconds: { type: "gauge", help: "Age of the newest backup.", unit: "seconds" },
  backup_copies: { type: "gauge", help: "Copies of the newest backup." },
};

const PREFIX = "slipway_";

export function formatMetrics(examinations: readonly Examination[]): string {
  const samples = examinations.flatMap((examination) => figuresOf(examination).map((figure) => ({ figure, subject: examination.name })));
  const unknown = samples.find(({ figure }) => FAMILIES[figure.name] === undefined);
  if (unknown !== undefined) throw new Error(`operate/metrics/openmetrics.ts does not describe the figure ${unknown.figure.name}`);
  const lines = Object.entries(FAMILIES).flatMap(([name, family]) => {
    const own = samples.filter(({ figure }) => figure.name === name);
    return own.length === 0 ? [] : [...describeFamily(name, family), ...own.map(({ figure, subject }) => formatSample(figure, subject))];
  });
  return [...lines, "# EOF", ""].join("\n");
}

function figuresOf({ facts, findings }: Examination): readonly Figure[] {
  // Where nothing could be read, there is no fact.
  const up: Figure = { name: "up", value: facts.length > 0 ? 1 : 0 };
  const counts = (["error", "warning", "info"] as const).map(
    (severity): Figure => ({
      name: "findings",
      value: findings.filter((finding) => finding.severity === severity).length,
      labels: { severity },
    }),
  );
  return [up, ...counts, ...facts.flatMap(({ figures = [] }) => figures)];
}

/** The name of a counter's family has no "_total". */
function describeFamily(name: string, { type, help, unit }: Family): readonly string[] {
  const family = `${PREFIX}${name.replace(/_total$/, "")}`;
  return [`# TYPE ${family} ${type}`, ...(unit === undefined ? [] : [`# UNIT ${family} ${unit}`]), `# HELP ${family} ${help}`];
}

function formatSample({ name, value, labels = {} }: Figure, subject: string): string {
  const all = Object.entries({ subject, ...labels }).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${PREFIX}${name}{${all.join(",")}} ${value}`;
}

const escapeLabel = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');

export const metricName = (figure: keyof typeof FAMILIES): string => `${PREFIX}${figure}`;
