import type { Certificate } from "../certificates.ts";
import { requireOneLine } from "../files.ts";
import { EVERY_LOOPBACK, THIS_MACHINE } from "../firewall.ts";
import { LOOPBACK } from "../ports/ports.ts";

/** The superuser: slipway's own hand in every cluster. No API gives its password out. */
export const SUPERUSER = "postgres";

export interface PostgresSettings {
  readonly port: number;
  readonly name: string;
  readonly memoryGiB: number;
  readonly certificate: Certificate;
  readonly renderAccessFile: string;
  readonly fsync: boolean;
  /** DigitalOcean's configuration fields. */
  readonly config: Readonly<Record<string, unknown>>;
  /** How a replica reaches what it follows. */
  readonly follow?: { readonly port: number; readonly password: string; readonly slot: string; readonly authorityFile: string };
}

export function renderSettings({
  port,
  name,
  memoryGiB,
  certificate,
  renderAccessFile: accessFile,
  fsync,
  config,
  follow,
}: PostgresSettings): string {
  const settings: Record<string, string | number | boolean> = {
    cluster_name: name,
    listen_addresses: LOOPBACK,
    port,
    unix_socket_directories: "",
    hba_file: accessFile,
    ssl: true,
    ssl_cert_file: certificate.certificate,
    ssl_key_file: certificate.key,
    ssl_ca_file: certificate.authority,
    ssl_min_protocol_version: "TLSv1.2",
    password_encryption: "scram-sha-256",
    shared_preload_libraries: "pg_stat_statements",
    // DigitalOcean's own arithmetic: 25 for each GiB, of which Postgres keeps three for its superuser.
    max_connections: 25 * memoryGiB,
    superuser_reserved_connections: 3,
    max_wal_size: "2GB",
    max_wal_senders: 20,
    max_replication_slots: 20,
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] %q[user=%u,db=%d,app=%a,client=%h] ",
    log_checkpoints: false,
    fsync,
    // After a crash the whole data directory is brought to the disk first: in one call instead of a thousand.
    ...(process.platform === "linux" && { recovery_init_sync_method: "syncfs" }),
    ...fromConfig(config),
    ...(follow && {
      primary_conninfo: connectionString(follow),
      primary_slot_name: follow.slot,
    }),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${requireOneLine(String(value)).replaceAll("'", "''")}'\n`)
    .join("");
}

const connectionString = ({ port, password, authorityFile }: NonNullable<PostgresSettings["follow"]>) =>
  `host=${LOOPBACK} port=${port} user=${SUPERUSER} password=${password} sslmode=verify-full sslrootcert='${authorityFile.replace(/['\\]/g, "\\$&")}'`;

/** Fields of DigitalOcean's that are no settings of Postgres: kept in the record, without effect here. */
const NOT_POSTGRES = new Set([
  ...["backup_hour", "backup_minute", "max_failover_replication_time_lag", "shared_buffers_percentage", "stat_monitor_enable"],
  ...["synchronous_replication", "pgbouncer", "timescaledb"],
]);

/** Where DigitalOcean's unit is not the one Postgres takes a bare number for. */
const UNITS: Readonly<Record<string, string>> = { work_mem: "MB", max_stack_depth: "B", bgwriter_flush_after: "kB" };

function fromConfig(config: PostgresSettings["config"]): Record<string, string> {
  const taken = Object.entries(config).filter(([name, value]) => !NOT_POSTGRES.has(name) && value !== null && value !== undefined);
  return Object.fromEntries(taken.map(([name, value]) => [name, `${value}${UNITS[name] ?? ""}`]));
}

/**
 * Who may log in from where; the first line that fits decides, and where none does the answer is no. TLS and SCRAM throughout.
 * PgBouncer stands on the server itself, so no firewall rule shuts it out: where this machine's address is not let in, it still is by its certificate.
 */
export function accessFile(blocks: readonly string[]): string {
  const machineIsIn = blocks.some((block) => block === THIS_MACHINE || block === EVERY_LOOPBACK);
  return [
    `hostssl all ${SUPERUSER} ${THIS_MACHINE} scram-sha-256`,
    `hostssl replication ${SUPERUSER} ${THIS_MACHINE} scram-sha-256`,
    `host all ${SUPERUSER} all reject`,
    ...blocks.flatMap((block) => [`hostssl all all ${block} scram-sha-256`, `hostssl replication all ${block} scram-sha-256`]),
    ...(machineIsIn ? [] : [`hostssl all all ${THIS_MACHINE} scram-sha-256 clientcert=verify-ca`]),
    "",
  ].join("\n");
}
