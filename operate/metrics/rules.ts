/** Alert rules for Prometheus, with the limits that `slipway doctor` uses. */
import { DEFAULT_THRESHOLDS } from "../doctor/finding.ts";
import { metricName } from "./openmetrics.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: "critical" | "warning";
  readonly summary: string;
}

export interface RuleOptions {
  /** Of the newest backup, as `slipway backup status` takes it. */
  readonly backupHours: number;
}

const DAY = 86_400;
const { connectionShare, memoryShare, certificateDays, clockOffsetMs, lagBytes } = DEFAULT_THRESHOLDS;

export function alertRules({ backupHours }: RuleOptions): readonly Rule[] {
  const name = metricName;
  return [
    {
      alert: "SlipwayDown",
      expr: `${name("up")} == 0`,
      for: "2m",
      severity: "critical",
      summary: "{{ $labels.subject }} cannot be examined: see slipway doctor",
    },
    {
      alert: "SlipwayMetricsMissing",
      expr: `absent(${name("up")})`,
      for: "10m",
      severity: "critical",
      summary: "slipway metrics delivers nothing",
    },
    {
      alert: "SlipwayErrors",
      expr: `${name("findings")}{severity="error"} > 0`,
      for: "5m",
      severity: "critical",
      summary: "{{ $labels.subject }} has {{ $value }} errors: see slipway doctor",
    },
    {
      alert: "SlipwayConnections",
      expr: `${name("connections")} / ${name("connections_limit")} > ${connectionShare}`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.subject }} uses {{ $value | humanizePercentage }} of its connections",
    },
    {
      alert: "SlipwayConnectionBudget",
      expr: `${name("role_connections")} > ${connectionShare} * ${name("role_connections_budget")}`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.role }} has {{ $value }} connections, more than 80 % of its budget",
    },
    {
      alert: "SlipwayStoreMemory",
      expr: `${name("memory_bytes")} / ${name("memory_limit_bytes")} > ${memoryShare}`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.subject }} uses {{ $value | humanizePercentage }} of its memory",
    },
    {
      alert: "SlipwayClock",
      expr: `abs(${name("clock_offset_seconds")}) > ${clockOffsetMs / 1000}`,
      for: "5m",
      severity: "warning",
      summary: "The clock of {{ $labels.subject }} is {{ $value }} s off",
    },
    {
      alert: "SlipwayCertificate",
      expr: `${name("certificate_expiry_timestamp_seconds")} - time() < ${certificateDays * DAY}`,
      for: "1h",
      severity: "warning",
      summary: "The certificate of {{ $labels.subject }} expires in {{ $value | humanizeDuration }}",
    },
    {
      alert: "SlipwayStandbyLag",
      expr: `${name("standby_lag_bytes")} > ${lagBytes}`,
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.standby }} is {{ $value | humanize1024 }}B behind",
    },
    {
      alert: "SlipwayBackupAge",
      expr: `${name("backup_age_seconds")} > ${backupHours * 3600}`,
      for: "10m",
      severity: "critical",
      summary: "The newest backup of {{ $labels.set }} is {{ $value | humanizeDuration }} old",
    },
  ];
}

/** As Prometheus reads it. JSON is YAML, and quotes every text. */
export function formatRules(rules: readonly Rule[]): string {
  const group = {
    name: "slipway",
    rules: rules.map(({ alert, expr, for: duration, severity, summary }) => ({
      alert,
      expr,
      for: duration,
      labels: { severity },
      annotations: { summary },
    })),
  };
  return `${JSON.stringify({ groups: [group] }, null, 2)}\n`;
}
