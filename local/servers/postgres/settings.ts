import type { Certificate } from "../certificates.ts";
import { requireOneLine } from "../files.ts";
import { EVERY_LOOPBACK, THIS_MACHINE } from "../firewall.ts";
import { LOOPBACK } from "../ports/ports.ts";

/** The superuser, which slipway uses to manage the cluster. No API returns its password. */
export const SUPERUSER = "postgres";

export interface PostgresSettings {
  readonly port: number;
  readonly name: string;
  readonly memoryGiB: number;
  readonly certificate: Certificate;
  readonly accessFile: string;
  readonly fsync: boolean;
  /** DigitalOcean's configuration fields. */
  readonly config: Readonly<Record<string, unknown>>;
  /** How a replica connects to its primary. */
  readonly primary?: { readonly port: number; readonly password: string; readonly slot: string; readonly authorityFile: string };
}

export function renderSettings({ port, name, memoryGiB, certificate, accessFile, fsync, config, primary }: PostgresSettings): string {
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
    // As at DigitalOcean: 25 connections per GiB, 3 of them reserved for the superuser.
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
    // Recovery after a crash flushes the data directory: syncfs does so with one call instead of one per file.
    ...(process.platform === "linux" && { recovery_init_sync_method: "syncfs" }),
    ...fromConfig(config),
    ...(primary && {
      primary_conninfo: connectionString(primary),
      primary_slot_name: primary.slot,
    }),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${requireOneLine(String(value)).replaceAll("'", "''")}'\n`)
    .join("");
}

const connectionString = ({ port, password, authorityFile }: NonNullable<PostgresSettings["primary"]>) =>
  `host=${LOOPBACK} port=${port} user=${SUPERUSER} password=${password} sslmode=verify-full sslrootcert='${authorityFile.replace(/['\\]/g, "\\$&")}'`;

/** Configuration fields of DigitalOcean that are not Postgres settings. They have no effect here. */
const NOT_POSTGRES = new Set([
  ...["backup_hour", "backup_minute", "max_failover_replication_time_lag", "shared_buffers_percentage", "stat_monitor_enable"],
  ...["synchronous_replication", "pgbouncer", "timescaledb"],
]);

/** Units of the fields whose unit at DigitalOcean is not Postgres' default unit. */
const UNITS: Readonly<Record<string, string>> = { work_mem: "MB", max_stack_depth: "B", bgwriter_flush_after: "kB" };

function fromConfig(config: PostgresSettings["config"]): Record<string, string> {
  const supported = Object.entries(config).filter(([name, value]) => !NOT_POSTGRES.has(name) && value !== null && value !== undefined);
  return Object.fromEntries(supported.map(([name, value]) => [name, `${value}${UNITS[name] ?? ""}`]));
}

/**
 * pg_hba.conf: which users can log in from which addresses, always with TLS and SCRAM. The first matching line decides; without one Postgres
 * rejects the connection. Firewall rules do not apply to PgBouncer, because it runs on the cluster itself: where they do not allow this machine,
 * PgBouncer is allowed by its client certificate.
 */
export function renderAccessFile(blocks: readonly string[]): string {
  const isMachineAllowed = blocks.some((block) => block === THIS_MACHINE || block === EVERY_LOOPBACK);
  return [
    `hostssl all ${SUPERUSER} ${THIS_MACHINE} scram-sha-256`,
    `hostssl replication ${SUPERUSER} ${THIS_MACHINE} scram-sha-256`,
    `host all ${SUPERUSER} all reject`,
    ...blocks.flatMap((block) => [`hostssl all all ${block} scram-sha-256`, `hostssl replication all ${block} scram-sha-256`]),
    ...(isMachineAllowed ? [] : [`hostssl all all ${THIS_MACHINE} scram-sha-256 clientcert=verify-ca`]),
    "",
  ].join("\n");
}
