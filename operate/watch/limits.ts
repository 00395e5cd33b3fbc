/** Compares what the API and the checks measured with the limits of a definition's alerts. */
import { withSession } from "../../postdeploy/connect/session.ts";
import type { Problem } from "../alerts/alert.ts";
import { formatBytes } from "../doctor/finding.ts";
import type { ApiClient } from "../recover/api.ts";
import type { Check } from "../verify/check.ts";
import { type DeployedApp, findApps } from "../verify/deployed-app.ts";
import { lastLines, readLog } from "../verify/log.ts";
import type { VerifySubject } from "../verify/verify.ts";

export async function findExceededLimits(subject: VerifySubject, checks: readonly Check[]): Promise<readonly Problem[]> {
  const { latency } = subject.system.alerts;
  const slow = checks.flatMap(({ kind, subject: request, milliseconds }): Problem[] =>
    kind === "health" && milliseconds !== undefined && milliseconds > latency
      ? [
          {
            id: `limit latency ${request}`,
            severity: "warning",
            subject: `${request} is slow`,
            evidence: `${milliseconds} ms, above ${latency} ms`,
            next: "slipway doctor",
          },
        ]
      : [],
  );
  return [...slow, ...(await findFullDisk(subject)), ...(await findBusyComponents(subject))];
}

interface ComponentHealth {
  readonly name: string;
  readonly cpu_usage_percent?: number;
  readonly memory_usage_percent?: number;
  readonly replicas_desired?: number;
  readonly replicas_ready?: number;
}

async function findBusyComponents({ api, system, suffix }: VerifySubject): Promise<readonly Problem[]> {
  const apps = (await findApps(api, system, suffix)).flatMap(({ app }) => app ?? []);
  const { cpu, memory } = system.alerts;
  const found = apps.map(async (app) => {
    const { app_health } = ((await api.get(`/v2/apps/${app.id}/health`)) ?? {}) as {
      app_health?: { components?: readonly ComponentHealth[] };
    };
    const components = (app_health?.components ?? []).map(async (component) => {
      const subject = `${app.name}/${component.name}`;
      return [
        ...(await findRestarts(api, app, component.name, subject)),
        ...above(subject, "CPU", component.cpu_usage_percent, cpu),
        ...above(subject, "memory", component.memory_usage_percent, memory),
        ...missingReplicas(subject, component),
      ];
    });
    return (await Promise.all(components)).flat();
  });
  return (await Promise.all(found)).flat();
}

const HOUR_MS = 3_600_000;

/** App Platform keeps the log of instances that ended by themselves. A line begins with its time, after the name of the component at DigitalOcean. */
async function findRestarts(api: ApiClient, { id, active }: DeployedApp, component: string, subject: string): Promise<readonly Problem[]> {
  const log = active === undefined ? undefined : await readLog({ api, app: id, deployment: active.id }, component, "RUN_RESTARTED");
  const times = [...(log ?? "").matchAll(/^(?:\S+ )?(\d{4}-\d\d-\d\dT[\d:.]+Z) /gm)].map(([, time]) => Date.parse(time!));
  const recent = new Set(times.filter((time) => Date.now() - time < HOUR_MS));
  if (recent.size === 0) return [];
  return [
    {
      id: `limit restarts ${subject}`,
      severity: "warning",
      subject: `${subject}: restarts`,
      evidence: `it ended by itself and was started again within the last hour: ${lastLines(log!).at(-1)}`,
      next: "doctl apps logs ID --type run_restarted",
    },
  ];
}

function above(subject: string, what: string, percent: number | undefined, limit: number): Problem[] {
  if (percent === undefined || percent <= limit) return [];
  return [
    {
      id: `limit ${what} ${subject}`,
      severity: "warning",
      subject: `${subject}: ${what}`,
      evidence: `${Math.round(percent)} % of its ${what} is in use, above ${limit} %`,
      next: "See what it does, or give it a larger size or more instances.",
    },
  ];
}

function missingReplicas(subject: string, { replicas_desired = 0, replicas_ready = replicas_desired }: ComponentHealth): Problem[] {
  if (replicas_ready >= replicas_desired) return [];
  return [
    {
      id: `limit instances ${subject}`,
      severity: "critical",
      subject: `${subject}: instances`,
      evidence: `${replicas_ready} of ${replicas_desired} instances are ready: the others have crashed or do not start`,
      next: "doctl apps logs ID",
    },
  ];
}

/** Tables, indexes and WAL of every database of the cluster. */
async function findFullDisk({ api, system, database }: VerifySubject): Promise<readonly Problem[]> {
  if (database === undefined) return [];
  const { database: cluster } = ((await api.get(`/v2/databases/${database.cluster}`)) ?? {}) as {
    database?: { name: string; storage_size_mib?: number | string };
  };
  const capacity = Number(cluster?.storage_size_mib ?? Number.NaN) * 2 ** 20;
  if (!(capacity > 0)) return [];
  let used: number;
  try {
    // Without the databases of the provider, which this role may not read.
    const [row] = await withSession(database.owner, { application: "slipway watch" }, (session) =>
      session.query<{ bytes: string }>(
        "SELECT coalesce(sum(pg_database_size(oid)), 0) AS bytes FROM pg_database WHERE has_database_privilege(oid, 'CONNECT')",
      ),
    );
    used = Number(row!.bytes);
  } catch {
    // The check of the migrations, which connects in the same way, reports it.
    return [];
  }
  const { disk } = system.alerts;
  const percent = (used / capacity) * 100;
  if (percent <= disk) return [];
  return [
    {
      id: `limit disk ${cluster!.name}`,
      severity: "critical",
      subject: `${cluster!.name}: disk`,
      evidence: `${formatBytes(used)} of ${formatBytes(capacity)} are in use, above ${disk} %: a full disk makes the cluster read-only`,
      next: "Give the cluster more storage in the stack's settings, and deploy: pulumi up",
    },
  ];
}
