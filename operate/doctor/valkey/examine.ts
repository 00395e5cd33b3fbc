/** Examines one store: connects, reads the facts, tries to write, and compares its keyspaces with their files. */
import { randomBytes } from "node:crypto";
import { printable } from "../../../postdeploy/connect/quote.ts";
import { describeServer, readDatabaseSizes, readInfo, type ServerInfo } from "../../../postdeploy/keyspaces/inspect/server.ts";
import { StoreConnection } from "../../../postdeploy/keyspaces/wire/connection.ts";
import { ErrorReply } from "../../../postdeploy/keyspaces/wire/resp.ts";
import { formatTarget, parseTarget } from "../../../postdeploy/keyspaces/wire/target.ts";
import { certificateFinding, clockFinding, describeOffset, expiryFigure, formatDate } from "../clock.ts";
import {
  type Examination,
  type Figure,
  type Finding,
  formatBytes,
  formatCount,
  formatPercent,
  formatSeconds,
  type Thresholds,
} from "../finding.ts";
import { storeConnectionFinding } from "./connection.ts";
import { examineKeyspaces } from "./keyspaces.ts";
import type { StoreSubject } from "./subject.ts";

export interface ExamineStoreOptions {
  readonly thresholds: Thresholds;
  /** @default Date.now */
  readonly now?: (() => number) | undefined;
  /** @default 5000 */
  readonly connectTimeoutMs?: number | undefined;
}

export async function examineStore(
  subject: StoreSubject,
  { thresholds, now = Date.now, connectTimeoutMs = 5000 }: ExamineStoreOptions,
): Promise<Examination> {
  const { name, address } = subject;
  const at = formatTarget(parseTarget(address));
  const failed = async (error: unknown): Promise<Examination> => ({
    name,
    at,
    facts: [],
    findings: [await storeConnectionFinding(error, address)],
    unchecked: [],
  });
  let connection: StoreConnection;
  try {
    connection = await StoreConnection.open(address, 0, "slipway-doctor", { connectTimeoutMs, replyTimeoutMs: 15_000 });
  } catch (error) {
    return await failed(error);
  }
  try {
    const clock = await readClock(connection, now);
    const info = await readInfo(connection);
    const server = await describeServer(connection, info);
    const sizes = await readDatabaseSizes(connection);
    const refused = await probeWrite(connection, server);
    const keyspaces = await examineKeyspaces(connection, subject, sizes, thresholds);
    const certificate = connection.certificateEnd;
    return {
      name,
      at,
      facts: [
        {
          name: "server",
          value: `${server.software}, up ${formatSeconds(Number(info.get("uptime_in_seconds") ?? 0))}`,
          figures: figuresIn(info, { uptime_seconds: "uptime_in_seconds" }),
        },
        ...(clock === undefined
          ? []
          : [
              {
                name: "time",
                value: `${new Date(clock.time).toISOString().slice(0, 19).replace("T", " ")} UTC, ${describeOffset(clock.offset, clock.error)}`,
                figures: [{ name: "clock_offset_seconds", value: clock.offset / 1000 }],
              },
            ]),
        {
          name: "TLS",
          value: `${connection.protocol}${certificate === undefined ? "" : `, certificate until ${formatDate(certificate)}`}`,
          ...expiryFigure(certificate),
        },
        {
          name: "memory",
          value: describeMemory(server, info),
          figures: [
            { name: "memory_bytes", value: server.usedBytes },
            ...(server.maxBytes > 0 ? [{ name: "memory_limit_bytes", value: server.maxBytes }] : []),
            ...figuresIn(info, { evicted_keys_total: "evicted_keys" }),
          ],
        },
        {
          name: "connections",
          value: `${info.get("connected_clients") ?? "?"} of ${server.maxClients ?? "?"}`,
          figures: [
            ...figuresIn(info, { connections: "connected_clients", refused_connections_total: "rejected_connections" }),
            ...(server.maxClients === undefined ? [] : [{ name: "connections_limit", value: server.maxClients }]),
          ],
        },
        {
          name: "keys",
          value: sizes.map(({ database, keys }) => `${formatCount(keys)} in database ${database}`).join(", ") || "none",
          figures: sizes.map(({ database, keys }) => ({ name: "keys", value: keys, labels: { database: String(database) } })),
        },
        ...keyspaces.facts,
      ],
      findings: [
        ...(clock === undefined ? [] : clockFinding(clock.offset, clock.error, thresholds)),
        ...certificateFinding(certificate, thresholds, now()),
        ...refused,
        ...findServerProblems(subject, server, info, thresholds),
        ...keyspaces.findings,
      ],
      unchecked: [...(info.size === 0 ? ["memory and evictions: the user may not run INFO"] : []), ...keyspaces.unchecked],
    };
  } catch (error) {
    return await failed(error);
  } finally {
    connection.close();
  }
}

/** @param fields The fields of INFO, by the name of the figure. */
function figuresIn(info: ReadonlyMap<string, string>, fields: Readonly<Record<string, string>>): readonly Figure[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const value = Number(info.get(field) ?? Number.NaN);
    return Number.isFinite(value) ? [{ name, value }] : [];
  });
}

async function readClock(connection: StoreConnection, now: () => number) {
  const sent = now();
  const reply = await connection.tryCall("TIME");
  const received = now();
  if (!Array.isArray(reply)) return undefined;
  const time = Number(reply[0]) * 1000 + Number(reply[1]) / 1000;
  return { time, offset: time - (sent + received) / 2, error: (received - sent) / 2 };
}

/** C48: a store that is full, or cannot save, answers PING and refuses writes. */
async function probeWrite(connection: StoreConnection, { usedBytes, maxBytes }: ServerInfo): Promise<Finding[]> {
  const key = `slipway:doctor:${randomBytes(8).toString("hex")}`;
  const pong = await connection.tryCall("PING");
  // The time to live removes the key where this process is killed before it can.
  const reply = await connection.tryCall("SET", key, "1", "PX", "1000");
  if (!(reply instanceof ErrorReply)) {
    await connection.tryCall("DEL", key);
    return [];
  }
  const isFull = reply.code === "OOM";
  return [
    {
      id: "writes-refused",
      severity: "error",
      subject: "writes",
      evidence: `${pong instanceof ErrorReply ? "" : "PING answers, and "}a write is refused: ${printable(reply.message)}${isFull && maxBytes > 0 ? ` (${formatBytes(usedBytes)} of ${formatBytes(maxBytes)} in use)` : ""}`,
      next: isFull
        ? {
            text: "Resize the cluster, or remove keys. On a server of your own, raise its limit until then.",
            valkey: [`CONFIG SET maxmemory ${Math.ceil(usedBytes * 1.5)}`],
          }
        : reply.code === "MISCONF"
          ? { text: "The last snapshot failed. Make room on its disk, then save.", valkey: ["BGSAVE"] }
          : reply.code === "NOREPLICAS"
            ? {
                text: "Too few replicas are connected. Repair them; until then, accept writes without.",
                valkey: ["CONFIG SET min-replicas-to-write 0"],
              }
            : { text: "Use the address of the primary, and a user that may write." },
    },
  ];
}

const KEEPS_KEYS = "noeviction";

function findServerProblems(
  { class: kind }: StoreSubject,
  { eviction, usedBytes, maxBytes, persistent, maxClients }: ServerInfo,
  info: ReadonlyMap<string, string>,
  { memoryShare, connectionShare }: Thresholds,
): Finding[] {
  const number = (name: string) => Number(info.get(name) ?? 0);
  const findings: Finding[] = [];
  const share = maxBytes === 0 ? 0 : usedBytes / maxBytes;
  const refusesWhenFull = eviction === KEEPS_KEYS || eviction === undefined;
  if (kind === "state" && eviction !== undefined && eviction !== KEEPS_KEYS)
    findings.push({
      id: "eviction-policy",
      severity: "error",
      subject: "eviction",
      evidence: `The policy is ${eviction}: when the store is full, it removes keys that must not be lost.`,
      next: {
        text: "At DigitalOcean, the next deployment sets the policy (pulumi up). On a server of your own:",
        valkey: ["CONFIG SET maxmemory-policy noeviction"],
      },
    });
  if (kind === "cache" && eviction === KEEPS_KEYS && maxBytes > 0)
    findings.push({
      id: "eviction-policy",
      severity: "warning",
      subject: "eviction",
      evidence: "The policy is noeviction: a full cache refuses new answers instead of removing old ones.",
      next: {
        text: "At DigitalOcean, the next deployment sets the policy (pulumi up). On a server of your own:",
        valkey: ["CONFIG SET maxmemory-policy allkeys-lru"],
      },
    });
  if (kind === "state" && number("evicted_keys") > 0)
    findings.push({
      id: "keys-evicted",
      severity: "error",
      subject: "eviction",
      evidence: `${formatCount(number("evicted_keys"))} keys were evicted since the start of the server: data of this store was lost.`,
      next: {
        text: "Seed what slipway declares (slipway keyspaces seed), restore the rest from a backup, then count again.",
        valkey: ["CONFIG RESETSTAT"],
      },
    });
  if (refusesWhenFull && share >= memoryShare)
    findings.push({
      id: "memory-near-limit",
      severity: share >= 0.95 ? "error" : "warning",
      subject: "memory",
      evidence: `${formatBytes(usedBytes)} of ${formatBytes(maxBytes)} are in use (${formatPercent(share)}). When it is full, it refuses writes.`,
      next: {
        text: "Resize the cluster (doctl databases resize), or remove keys. On a server of your own:",
        valkey: [`CONFIG SET maxmemory ${Math.ceil(usedBytes * 2)}`],
      },
    });
  if (info.get("rdb_last_bgsave_status") === "err")
    findings.push({
      id: "snapshot-failed",
      severity: "error",
      subject: "persistence",
      evidence: `The last snapshot failed, and ${formatCount(number("rdb_changes_since_last_save"))} changes are not saved: a restart loses them.`,
      next: { text: "Make room on its disk, then save.", valkey: ["BGSAVE"] },
    });
  if (kind === "state" && persistent === false)
    findings.push({
      id: "not-persistent",
      severity: "error",
      subject: "persistence",
      evidence: "It does not save to disk: a restart loses every key.",
      next: {
        text: "At DigitalOcean, set valkey_persistence of the cluster to rdb (pulumi up). On a server of your own:",
        valkey: ['CONFIG SET save "600 1"'],
      },
    });
  if (maxClients !== undefined && number("connected_clients") / maxClients >= connectionShare)
    findings.push({
      id: "connections-near-limit",
      severity: "warning",
      subject: "connections",
      evidence: `${number("connected_clients")} of ${maxClients} connections are in use. Further clients are refused.`,
      next: {
        text: "See which clients have them (CLIENT LIST), and reduce their pools. This closes all but the examination's; clients connect again:",
        valkey: ["CLIENT KILL TYPE normal SKIPME yes"],
      },
    });
  if (number("rejected_connections") > 0)
    findings.push({
      id: "connections-refused",
      severity: "warning",
      subject: "connections",
      evidence: `${formatCount(number("rejected_connections"))} connections were refused since the start of the server, because ${maxClients ?? "all"} were in use.`,
      next: { text: "Reduce the pools of its clients, or resize the cluster; then count again.", valkey: ["CONFIG RESETSTAT"] },
    });
  return findings;
}

function describeMemory({ usedBytes, maxBytes, eviction }: ServerInfo, info: ReadonlyMap<string, string>): string {
  const limit = maxBytes === 0 ? "no limit" : `${formatBytes(maxBytes)} (${formatPercent(usedBytes / maxBytes)})`;
  const peak = info.has("used_memory_peak") ? `, peak ${formatBytes(Number(info.get("used_memory_peak")))}` : "";
  return `${formatBytes(usedBytes)} of ${limit}${peak}; ${eviction ?? "unknown eviction policy"}; ${info.get("evicted_keys") ?? "?"} keys evicted`;
}
