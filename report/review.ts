/**
 * A review of a change, as data: the comment, the HTML report and the JSON all show it.
 *
 * It has a schema, because the job that posts a comment reads it from the untrusted job of a pull request.
 * It never contains the value of a secret, only whether it changed.
 */
import { z } from "zod";

/** A line of the head's files, relative to the repository. */
const source = z.strictObject({ file: z.string(), line: z.int().positive() });

/** Worst first. */
export const RISKS = ["danger", "care", "routine", "none"] as const;
const risk = z.enum(RISKS);

/** `replace` covers every replacement; the `note` says whether data is lost. */
export const CHANGES = ["create", "update", "replace", "delete", "redeploy", "import", "read", "same"] as const;

/** Plain values are cut to a readable length. Secret values are not included. */
const shown = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("plain"), text: z.string() }),
  z.strictObject({ kind: z.literal("secret") }),
  z.strictObject({ kind: z.literal("unknown") }),
  z.strictObject({ kind: z.literal("absent") }),
]);

const field = z.strictObject({
  /** With names in place of list indexes, which move: `spec.service api.env LOG_LEVEL.value`. */
  path: z.string(),
  before: shown,
  after: shown,
  /** A change of this field replaces the resource. */
  replaces: z.boolean(),
});

const resource = z.strictObject({
  change: z.enum(CHANGES),
  urn: z.string(),
  /** Its URN at base, if it was renamed by an alias. */
  formerUrn: z.string().optional(),
  type: z.string(),
  name: z.string(),
  /** The system that it belongs to; absent if several share it. */
  system: z.string().optional(),
  risk,
  /** The consequence: "its 3 databases are gone; a new cluster is empty". */
  note: z.string().optional(),
  fields: z.array(field),
  source: source.optional(),
});

const lock = z.strictObject({
  /** Postgres' name: ACCESS EXCLUSIVE. */
  mode: z.string(),
  table: z.string(),
  /** The table is rewritten while the lock is held. */
  rewrites: z.boolean(),
  line: z.int().positive(),
});

const lint = z.strictObject({
  rule: z.string(),
  severity: z.enum(["error", "warning", "notice"]),
  line: z.int().positive(),
  message: z.string(),
  fix: z.string().optional(),
});

export const migrationSchema = z.strictObject({
  system: z.string(),
  file: z.string(),
  change: z.enum(["added", "edited", "removed", "renamed", "repeatable"]),
  reversible: z.boolean(),
  transactional: z.boolean(),
  locks: z.array(lock),
  findings: z.array(lint),
  risk,
  note: z.string().optional(),
});

export const keyspaceSchema = z.strictObject({
  system: z.string(),
  keyspace: z.string(),
  store: z.string(),
  /** A key, a script, or the keyspace's own definition. */
  kind: z.enum(["key", "script", "keyspace"]),
  /** Keys of a secret keyspace are counted, not named. */
  name: z.string(),
  change: z.enum(["added", "changed", "removed"]),
  detail: z.string().optional(),
  risk,
});

const secret = z.strictObject({
  /** The declared name: `shop.jwtSecret`. For an undeclared login, a description. */
  secret: z.string(),
  change: z.enum([
    "origin",
    "reader added",
    "reader removed",
    "scope widened",
    "scope narrowed",
    "turned plain",
    "turned secret",
    "declared",
    "dropped",
    "rotated",
  ]),
  before: z.string().optional(),
  after: z.string().optional(),
  risk,
  note: z.string().optional(),
  source: source.optional(),
});

const firewall = z.strictObject({
  cluster: z.string(),
  change: z.enum(["opened", "closed", "removed", "added"]),
  rule: z.string(),
  risk,
  note: z.string().optional(),
});

const amount = z.number().nullable();
const costLine = z.strictObject({
  resource: z.string(),
  system: z.string().optional(),
  what: z.string(),
  /** US dollars a month; null is unpriced, never 0. */
  before: amount,
  after: amount,
});

const cost = z.strictObject({
  lines: z.array(costLine),
  before: z.number(),
  after: z.number(),
  /** What has no public price. */
  unpriced: z.array(z.string()),
  /** Set if a size has no known price, so that \`after\` is the least that it costs. */
  isMinimum: z.literal(true).optional(),
  /** Of the price list, YYYY-MM-DD. */
  asOf: z.string(),
});

const restart = z.strictObject({
  app: z.string(),
  component: z.string(),
  kind: z.enum(["restart", "job", "build"]),
  why: z.string(),
});

/** The result of a real `pulumi preview` of the same stack, if its event log was given. */
const engine = z.strictObject({
  steps: z.array(z.strictObject({ op: z.string(), urn: z.string(), type: z.string(), keys: z.array(z.string()) })),
  /** What changes in an app: Pulumi's own preview hides it. A secret is the version of its value. `part` is a component, or "" for the app itself. */
  apps: z
    .array(
      z.strictObject({ app: z.string(), part: z.string(), fact: z.string(), before: z.string().optional(), after: z.string().optional() }),
    )
    .optional(),
  /** Differences from the comparison of the programs: drift, or a replacement that the programs do not show. */
  contradictions: z.array(z.strictObject({ urn: z.string(), ours: z.string(), engines: z.string(), meaning: z.string(), risk })),
  policies: z.array(z.strictObject({ policy: z.string(), level: z.string(), urn: z.string().optional(), message: z.string() })),
});

/** A diagram of the resources at base and head. Their changes are in `resources`. */
const picture = z.strictObject({
  nodes: z.array(
    z.strictObject({
      urn: z.string(),
      kind: z.enum(["app", "step", "pool", "database", "store", "cluster", "bucket"]),
      name: z.string(),
      /** Below the name: components, size, who may connect. */
      lines: z.array(z.string()),
      system: z.string().optional(),
    }),
  ),
  /** By URN. */
  edges: z.array(z.strictObject({ from: z.string(), to: z.string() })),
});

export const stackReviewSchema = z.strictObject({
  stack: z.string(),
  risk,
  /** Worst first, each a sentence. Empty only if nothing changes. */
  reasons: z.array(z.strictObject({ risk, text: z.string() })),
  resources: z.array(resource),
  migrations: z.array(migrationSchema),
  keyspaces: z.array(keyspaceSchema),
  secrets: z.array(secret),
  firewalls: z.array(firewall),
  cost,
  restarts: z.array(restart),
  /** Settings, such as operator secrets, that have a placeholder as value. */
  placeholders: z.array(z.string()),
  /** Secret settings that the head requires, that the base did not, and that the stack's file lacks; what sets each. */
  missing: z.array(z.strictObject({ setting: z.string(), command: z.string() })).optional(),
  /** Messages of the program at head that it did not log at base. */
  messages: z.array(z.strictObject({ severity: z.enum(["info", "warning", "error"]), text: z.string() })),
  engine: engine.optional(),
  picture: picture.optional(),
  /** Set if one side could not be planned, so that there is nothing to compare. */
  failure: z.strictObject({ side: z.enum(["base", "head"]), message: z.string() }).optional(),
});

export const reviewSchema = z.strictObject({
  schema: z.literal("slipway-review/1"),
  project: z.string(),
  base: z.strictObject({ ref: z.string(), commit: z.string() }),
  /** `dirty`: with uncommitted changes. */
  head: z.strictObject({ ref: z.string(), commit: z.string(), dirty: z.boolean() }),
  risk,
  stacks: z.array(stackReviewSchema),
});

export type Risk = z.infer<typeof risk>;
export type Shown = z.infer<typeof shown>;
export type FieldChange = z.infer<typeof field>;
export type ResourceChange = z.infer<typeof resource>;
export type MigrationChange = z.infer<typeof migrationSchema>;
export type KeyspaceChange = z.infer<typeof keyspaceSchema>;
export type SecretChange = z.infer<typeof secret>;
export type FirewallChange = z.infer<typeof firewall>;
export type CostChange = z.infer<typeof cost>;
export type Restart = z.infer<typeof restart>;
export type EngineVerdict = z.infer<typeof engine>;
export type Picture = z.infer<typeof picture>;
export type StackReview = z.infer<typeof stackReviewSchema>;
export type Review = z.infer<typeof reviewSchema>;

export const worst = (risks: Iterable<Risk>): Risk => {
  const all = new Set(risks);
  return RISKS.find((candidate) => all.has(candidate)) ?? "none";
};
