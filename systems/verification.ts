/** What `slipway verify` looks at after a deployment, as a definition declares it. */

export interface ServiceChecks {
  /** Where the answer of the health path reports the database. */
  readonly database?: DatabaseReport;
  /** Requests without credentials, to the app's public address. */
  readonly probes?: readonly Probe[];
  /** Text that the service's log contains, and text that it must not contain. */
  readonly log?: { readonly contains: readonly string[]; readonly lacks: readonly string[] };
  /** Where the answer of the health path reports the cutover phase. */
  readonly phase?: PhaseReport;
  /** What `slipway probe` writes and reads. */
  readonly traffic?: Traffic;
}

/** Fields of a JSON answer, by their path, that are true or false. */
export interface PhaseReport {
  readonly usePostgres: string;
  readonly dualWrite: string;
}

/**
 * Requests that write a row, read it, change it and remove it. "{token}" in a body is a text that each write has for itself; "{id}" in a path is the id of the
 * row. They carry a bearer token that the operator sets.
 */
export interface Traffic {
  /** `id`: the field of the answer with the id of the row. */
  readonly create: TrafficWrite & { readonly id: string };
  /** `token`: the field of the answer with the text of the last write. */
  readonly read: { readonly path: string; readonly token: string };
  readonly update: TrafficWrite;
  readonly remove: Omit<TrafficWrite, "body">;
}

export interface TrafficWrite {
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body: Readonly<Record<string, string>>;
}

/** Fields of a JSON answer, by their path: "database.pool.totalCount". */
export interface DatabaseReport {
  /** Is true while the database answers. */
  readonly connected: string;
  /** Whole numbers. */
  readonly counts: readonly string[];
}

export interface Probe {
  readonly path: string;
  /** Any of these passes. */
  readonly status: readonly [number, ...number[]];
  /** Fields of the JSON answer, by path, and the kind of each. */
  readonly fields?: Readonly<Record<string, FieldKind>>;
  /** The answer lists rows of this table: a row that is added for the request must be among them, so the answer is no mock data. */
  readonly lists?: Canary;
}

export type FieldKind = "text" | "number" | "boolean" | "list" | "object";

export interface Canary {
  /** "schema.table" */
  readonly table: string;
  /** A unique text column; it gets the name of the row. */
  readonly key: string;
  /** The other columns that need a value. */
  readonly values: Readonly<Record<string, string | number | boolean>>;
}

/**
 * account     the API answers with this token
 * clusters    every cluster is online, and a state store keeps its keys over a restart
 * deployment  the newest deployment of each app is active, with all of its steps
 * variables   the deployed spec has every declared variable
 * health      each service answers at its health path, and reports its database
 * probes      the declared requests are answered as declared
 * log         each service's log has the declared text
 * migrations  every file is applied, and the schema is the one of the files
 * canary      a row outlives a deployment, and the API lists a row that was just added
 * keyspaces   every declared key and script is in the stores
 * backups     the newest backup is young enough, has its copies, and was rehearsed
 * monitoring  alerts exist and have recipients
 * targets     the promised durations, measured with --bench
 */
export const CHECK_KINDS = [
  "account",
  "clusters",
  "deployment",
  "variables",
  "health",
  "probes",
  "log",
  "migrations",
  "canary",
  "keyspaces",
  "backups",
  "monitoring",
  "targets",
] as const;

export type CheckKind = (typeof CHECK_KINDS)[number];

export interface ChecklistItem {
  /** In the words of the product's document. */
  readonly item: string;
  /** None: a person has to do it. */
  readonly checks: readonly CheckKind[];
}

export type Target = {
  readonly title: string;
  readonly atMostMs: number;
} & (
  | { readonly sql: string }
  /** The median time to take a connection out of a pool that is warm. */
  | { readonly checkout: true }
  /** The 95th percentile of requests to a path of the component `api`. */
  | { readonly path: string }
);
