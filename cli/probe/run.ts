/** Runs `slipway probe`. */
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stableJson } from "../../engine/mask.ts";
import { openJsonLines, readJsonLines } from "../../operate/json-lines.ts";
import { journalFile, type PhaseEntry } from "../../operate/phase/journal.ts";
import { type Probed, removeRows, startProbe } from "../../operate/probe/probe.ts";
import { findTarget } from "../../operate/probe/target.ts";
import { isGood, probeHtml } from "../../report/html/probe.ts";
import type { ProbeReport } from "../../report/probe.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { openStackSystem } from "../shared/stack-system.ts";
import { withStopSignal } from "../shared/stop-signal.ts";
import type { Terminal } from "../shared/terminal.ts";
import { type ProbeOptions, TOKEN_VARIABLE } from "./flags.ts";
import { formatProbe } from "./text.ts";

const DEFAULT_FOR_MS = 60_000;
const DEFAULT_RATE = 100;
const CLIENTS = 4;
const ROWS_EACH = 6;
/** A write, and a read of it and of an earlier one. */
const REQUESTS_OF_A_STEP = 3;

/** @returns the exit code. */
export async function probe(options: ProbeOptions, terminal: Terminal): Promise<number> {
  const rate = parseRate(options.rate);
  const html = options.html === undefined ? undefined : path.resolve(options.html);
  const token = process.env[TOKEN_VARIABLE];
  if (!token) throw new UsageError(`Set ${TOKEN_VARIABLE} to a token with which the app accepts requests that write.`);
  const { system, stack, home, openAccount } = await openStackSystem(options, "probe", {
    has: declaresTraffic,
    lacks: "declares no requests that a probe may send: checks.traffic of a service",
  });
  const account = await openAccount();
  const { service, url, traffic } = (await findTarget(account.api, system, account.suffix))!;
  if (url === undefined) throw new UsageError(`${service} has no active deployment, so there is nothing to probe. Deploy the stack first.`);

  const rowsFile = path.join(home.state, "probe", `${stack}-${system.name}.jsonl`);
  const before = readJsonLines<string>(rowsFile);
  if (before.length > 0) terminal.log(`Remove ${before.length} rows that an earlier probe has left`);
  const stillLeft = await removeRows({ url, traffic, token }, before);
  rmSync(rowsFile, { force: true });
  const rows = openJsonLines<string>(rowsFile);
  for (const id of stillLeft) rows.append(id);
  const running = startProbe({
    ...{ url, traffic, token, clients: CLIENTS, rowsEach: ROWS_EACH, everyMs: (CLIENTS * REQUESTS_OF_A_STEP * 1000) / rate },
    onCreated: rows.append,
  });
  terminal.log(`Write and read at ${url} for ${(options.for ?? DEFAULT_FOR_MS) / 1000} s`);
  await withStopSignal((signal) => sleep(options.for ?? DEFAULT_FOR_MS, undefined, { signal }).catch(() => {}));
  const probed = await running.stop();
  const left = [...stillLeft, ...probed.left];
  rows.close();
  rmSync(rowsFile, { force: true });
  if (left.length > 0) keep(rowsFile, left);

  const report: ProbeReport = { service, ...probed, left, events: readEvents(journalFile(home.state, stack, system.name), probed) };
  if (html !== undefined) {
    writeFileSync(html, probeHtml(report));
    terminal.log(`Wrote ${html}`);
  }
  terminal.print(options.json ? stableJson({ system: system.name, stack, ...report }) : formatProbe(report, terminal));
  return isGood(report) ? DONE : FAILED;
}

const declaresTraffic = (system: Parameters<typeof findTarget>[1]): boolean =>
  Object.values(system.apps).some(({ components }) =>
    Object.values(components).some((component) => component.kind === "service" && component.checks?.traffic !== undefined),
  );

function parseRate(text: string | undefined): number {
  const rate = Number(text ?? DEFAULT_RATE);
  if (Number.isInteger(rate) && rate >= 1 && rate <= 10_000) return rate;
  throw new UsageError(`--rate takes a whole number of requests a second, 1 to 10000, not "${text}".`);
}

function keep(file: string, ids: readonly string[]): void {
  const lines = openJsonLines<string>(file);
  for (const id of ids) lines.append(id);
  lines.close();
}

/** Changes of phase that this project made meanwhile. */
function readEvents(file: string, { startedAt, endedAt }: Probed): ProbeReport["events"] {
  return readJsonLines<PhaseEntry>(file)
    .filter(({ at }) => at >= startedAt && at <= endedAt)
    .map(({ kind, from, to, at }) => ({
      at,
      title: kind === "began" ? `the change from ${from} to ${to} began` : `the services report ${to}`,
    }));
}
