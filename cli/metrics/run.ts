/** Runs `slipway metrics`. */
import { once } from "node:events";
import { DEFAULT_LIMITS } from "../../backup/status.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import { diagnose } from "../../operate/doctor/doctor.ts";
import type { Examination } from "../../operate/doctor/finding.ts";
import { createDashboard } from "../../operate/metrics/dashboard.ts";
import { formatMetrics } from "../../operate/metrics/openmetrics.ts";
import { alertRules, formatRules } from "../../operate/metrics/rules.ts";
import { serveMetrics } from "../../operate/metrics/serve.ts";
import { findSubjects } from "../doctor/subjects.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { MetricsOptions } from "./flags.ts";

const PORT = 9464;
const FRESH_MS = 15_000;
const LOOPBACK = /^(127(\.\d+){3}|localhost|::1)$/;
const TOKEN = "SLIPWAY_METRICS_TOKEN";

/** @returns the exit code. */
export async function metrics(options: MetricsOptions, terminal: Terminal, workspace?: Workspace): Promise<number> {
  const chosen = [options.once, options.rules, options.dashboard].filter((one) => one === true).length;
  if (chosen > 1) throw new UsageError("Print what? Use one of --once, --rules and --dashboard.");
  if (options.rules) terminal.print(formatRules(alertRules({ backupHours: DEFAULT_LIMITS.maxAgeHours })));
  else if (options.dashboard) terminal.print(JSON.stringify(createDashboard(), null, 2));
  else if (options.once) terminal.print(formatMetrics(await examine(options, workspace)));
  else await serve(options, terminal, workspace);
  return DONE;
}

async function examine(options: MetricsOptions, workspace: Workspace | undefined): Promise<readonly Examination[]> {
  // What is deployed may change between two requests.
  const { databases, stores, readBackups } = await findSubjects(options, workspace);
  return [...(await diagnose({ databases, stores })), ...(await readBackups())];
}

async function serve(options: MetricsOptions, terminal: Terminal, workspace: Workspace | undefined): Promise<void> {
  const { host = "127.0.0.1", port = PORT, fresh = FRESH_MS } = options;
  const token = process.env[TOKEN] || undefined;
  if (token === undefined && !LOOPBACK.test(host))
    throw new UsageError(
      `Other machines reach ${host}, and the metrics name databases and roles. Set ${TOKEN} to a token that Prometheus sends.`,
    );
  // A mistake in the flags is reported now, and not to the first request.
  await findSubjects(options, workspace);
  const server = await serveMetrics({
    host,
    port,
    token,
    freshMs: fresh,
    examine: () => examine(options, workspace),
    onError: terminal.log,
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE" && error.code !== "EACCES" && error.code !== "EADDRNOTAVAIL") throw error;
    throw new UsageError(`${host}:${port} cannot be used (${error.code}). Choose another one: slipway metrics --port 0`);
  });
  terminal.log(`Serving ${server.url}. End it with Ctrl-C.`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await server.close();
}
