import type { Engine } from "./engines.ts";

/** The configuration fields of each engine and their values (DigitalOcean's OpenAPI document, 2026-08-07). */
type Field = readonly [least: number, most: number] | { readonly oneOf: readonly string[] } | RegExp | "boolean" | "strings" | Fields;
interface Fields {
  readonly [name: string]: Field;
}

const BIG = 2_147_483_647;
const DAY = 86_400;

const PG: Fields = {
  autovacuum_freeze_max_age: [200_000_000, 1_500_000_000],
  autovacuum_max_workers: [1, 20],
  autovacuum_naptime: [0, DAY],
  autovacuum_vacuum_threshold: [0, BIG],
  autovacuum_analyze_threshold: [0, BIG],
  autovacuum_vacuum_scale_factor: [0, 1],
  autovacuum_analyze_scale_factor: [0, 1],
  autovacuum_vacuum_cost_delay: [-1, 100],
  autovacuum_vacuum_cost_limit: [-1, 10_000],
  backup_hour: [0, 23],
  backup_minute: [0, 59],
  bgwriter_delay: [10, 10_000],
  bgwriter_flush_after: [0, 2048],
  bgwriter_lru_maxpages: [0, 1_073_741_823],
  bgwriter_lru_multiplier: [0, 10],
  deadlock_timeout: [500, 1_800_000],
  default_toast_compression: { oneOf: ["lz4", "pglz"] },
  idle_in_transaction_session_timeout: [0, 604_800_000],
  jit: "boolean",
  log_autovacuum_min_duration: [-1, BIG],
  log_error_verbosity: { oneOf: ["TERSE", "DEFAULT", "VERBOSE"] },
  log_line_prefix: {
    oneOf: ["pid=%p,user=%u,db=%d,app=%a,client=%h", "%m [%p] %q[user=%u,db=%d,app=%a]", "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h"],
  },
  log_min_duration_statement: [-1, 86_400_000],
  max_connections: [25, BIG],
  max_failover_replication_time_lag: [10, Number.MAX_SAFE_INTEGER],
  max_files_per_process: [1000, 4096],
  max_prepared_transactions: [0, 10_000],
  max_pred_locks_per_transaction: [64, 640],
  max_locks_per_transaction: [64, 6400],
  max_stack_depth: [2_097_152, 6_291_456],
  max_standby_archive_delay: [1, 43_200_000],
  max_standby_streaming_delay: [1, 43_200_000],
  max_replication_slots: [8, 64],
  max_slot_wal_keep_size: [-1, BIG],
  max_logical_replication_workers: [4, 64],
  max_parallel_workers: [0, 96],
  max_parallel_workers_per_gather: [0, 96],
  max_worker_processes: [8, 96],
  max_wal_senders: [20, 64],
  "pg_partman_bgw.role": /^[_A-Za-z0-9][-._A-Za-z0-9]{0,63}$/,
  "pg_partman_bgw.interval": [3600, 604_800],
  "pg_stat_statements.track": { oneOf: ["all", "top", "none"] },
  shared_buffers_percentage: [20, 60],
  stat_monitor_enable: "boolean",
  synchronous_replication: { oneOf: ["off", "quorum"] },
  temp_file_limit: [-1, BIG],
  timezone: /^.{1,64}$/,
  track_activity_query_size: [1024, 10_240],
  track_commit_timestamp: { oneOf: ["off", "on"] },
  track_functions: { oneOf: ["all", "pl", "none"] },
  track_io_timing: { oneOf: ["off", "on"] },
  wal_sender_timeout: [0, 10_800_000],
  wal_writer_delay: [10, 200],
  work_mem: [1, 1024],
  pgbouncer: {
    server_reset_query_always: "boolean",
    ignore_startup_parameters: "strings",
    min_pool_size: [0, 10_000],
    server_lifetime: [60, DAY],
    server_idle_timeout: [0, DAY],
    autodb_pool_size: [0, 10_000],
    autodb_pool_mode: { oneOf: ["session", "transaction", "statement"] },
    autodb_max_db_connections: [0, BIG],
    autodb_idle_timeout: [0, DAY],
  },
  timescaledb: { max_background_workers: [1, 4096] },
};

export const EVICTION_POLICIES = [
  "noeviction",
  "allkeys_lru",
  "allkeys_random",
  "volatile_lru",
  "volatile_random",
  "volatile_ttl",
] as const;

const VALKEY: Fields = {
  // The API document has underscores; the Terraform provider accepts only dashes.
  valkey_maxmemory_policy: { oneOf: EVICTION_POLICIES.flatMap((policy) => [policy, policy.replaceAll("_", "-")]) },
  valkey_pubsub_client_output_buffer_limit: [32, 512],
  valkey_number_of_databases: [1, 128],
  valkey_io_threads: [1, 32],
  valkey_lfu_log_factor: [0, 100],
  valkey_lfu_decay_time: [1, 120],
  valkey_ssl: "boolean",
  valkey_timeout: [0, 31_536_000],
  valkey_notify_keyspace_events: /^[KEg$lshzxeA]{0,32}$/,
  valkey_persistence: { oneOf: ["off", "rdb"] },
  valkey_acl_channels_default: { oneOf: ["allchannels", "resetchannels"] },
  frequent_snapshots: "boolean",
  valkey_active_expire_effort: [1, 10],
};

const FIELDS: Readonly<Record<Engine, Fields>> = { pg: PG, valkey: VALKEY };

/** Returns the first error in a configuration, or undefined. */
export function configError(engine: Engine, config: Readonly<Record<string, unknown>>): string | undefined {
  return findError(FIELDS[engine], config, "");
}

function findError(fields: Fields, config: Readonly<Record<string, unknown>>, path: string): string | undefined {
  for (const [name, value] of Object.entries(config)) {
    const field = fields[name];
    if (field === undefined) return `unknown field "${path}${name}"`;
    const error = fieldError(field, value, `${path}${name}`);
    if (error) return error;
  }
  return undefined;
}

function fieldError(field: Field, value: unknown, path: string): string | undefined {
  if (field === "boolean") return typeof value === "boolean" ? undefined : `"${path}" must be true or false`;
  if (field === "strings") {
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? undefined : `"${path}" must be a list of strings`;
  }
  if (field instanceof RegExp) return typeof value === "string" && field.test(value) ? undefined : `"${path}" must match ${field.source}`;
  if (isRange(field)) {
    const [min, max] = field;
    return typeof value === "number" && value >= min && value <= max ? undefined : `"${path}" must be a number from ${min} to ${max}`;
  }
  if (isOneOf(field)) return field.oneOf.includes(value as string) ? undefined : `"${path}" must be one of ${field.oneOf.join(", ")}`;
  return typeof value === "object" && value !== null
    ? findError(field, value as Record<string, unknown>, `${path}.`)
    : `"${path}" must be an object`;
}

const isRange = (field: Field): field is readonly [number, number] => Array.isArray(field);
const isOneOf = (field: Field): field is { readonly oneOf: readonly string[] } => typeof field === "object" && "oneOf" in field;
