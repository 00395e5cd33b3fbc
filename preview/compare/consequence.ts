/** The consequence of a change to the operator: what is lost, what is interrupted, what DigitalOcean refuses. */
import { findNode } from "../../catalog/nodes.ts";
import { parsePostDeployCommand } from "../../catalog/post-deploy-job.ts";
import type { PlannedResource, Value } from "../../engine/plan.ts";
import type { Risk } from "../../report/review.ts";
import { commandsOf, specChanged, workersOf } from "./app-consequence.ts";
import { type Compared, type Comparison, type Consequence, OPTIONS } from "./compare.ts";
import type { Leaf } from "./fields.ts";
import { referencesIn } from "./references.ts";

/** What is lost with a resource of each type, by type. */
const CONTENTS: Readonly<Record<string, string>> = {
  DatabaseCluster: "its data",
  DatabaseDb: "its tables",
  DatabaseKafkaTopic: "its messages",
  SpacesBucket: "its objects",
  SpacesBucketObject: "the object",
  VectorDatabase: "its data",
  Volume: "its files",
};

/** Post-deploy steps, by type. */
const STEPS: Readonly<Record<string, string>> = {
  Backup: "makes a backup",
  Keyspaces: "seeds keyspaces",
  Migrations: "applies migrations",
  Roles: "sets roles",
  Verification: "verifies the deployment",
};

export function consequenceOf(compared: Compared, comparison: Comparison): Consequence {
  switch (compared.change) {
    case "same":
    case "read":
      return { risk: "none" };
    case "create":
    case "import":
      return created(compared);
    case "delete":
      return deleted(compared, comparison);
    case "replace":
      return replaced(compared, comparison);
    case "update":
    case "redeploy":
      return worstOf(updated(compared, comparison));
  }
}

function created({ kind, change, resource }: Compared): Consequence {
  if (change === "import") return { risk: "care", note: `imports the existing resource ${resource.options.importId}` };
  if (kind === "DatabaseReplica") return { risk: "routine", note: "copied from the primary, which serves meanwhile" };
  return kind === "DatabaseFirewall" || kind === "App" || !(kind in CONTENTS)
    ? { risk: "routine" }
    : { risk: "routine", note: "new and empty" };
}

function deleted({ kind, label, before, resource }: Compared, comparison: Comparison): Consequence {
  const { protect, retainOnDelete, deletedWith } = before!.options;
  if (kind === "Backup") return backupStepDeleted(before!, comparison);
  if (kind in STEPS) return { risk: "care", note: "reverts nothing; later changes no longer run" };
  if (retainOnDelete)
    return { risk: kind === "DatabaseFirewall" ? "routine" : "care", note: "stays at DigitalOcean; Pulumi only forgets it" };
  const worker = workersOf(before!)[0];
  if (worker !== undefined) return { risk: "danger", note: `no backups of ${worker.system} are made any more; those in the buckets stay` };
  const held = CONTENTS[kind];
  const twin = likelyRename(resource.name, kind, comparison);
  const rename =
    twin === undefined
      ? ""
      : ` If ${twin} is the same resource under a new name, add an alias to it: aliases: [{ name: "${resource.name}" }].`;
  if (held !== undefined) {
    const guard = protect ? " Pulumi refuses it while it is protected in the state." : "";
    return {
      risk: "danger",
      note: `${held} ${held.endsWith("s") ? "are" : "is"} lost${contents(kind, label, comparison)}.${guard}${rename}`,
    };
  }
  if (deletedWith !== undefined && !comparison.head.resources.some(({ urn }) => urn === deletedWith))
    return { risk: "routine", note: "deleted with its cluster" };
  return { risk: "care", note: `${AFTER_DELETE[kind] ?? "is destroyed"}${rename && `.${rename}`}` };
}

const AFTER_DELETE: Readonly<Record<string, string>> = {
  App: "the app and its address are deleted",
  DatabaseConnectionPool: "clients can no longer connect through it",
  DatabaseReplica: "clients can no longer read from it; the primary keeps the data",
  DatabaseUser: "clients can no longer log in as this user",
  MonitorAlert: "no alert is sent any more",
  RandomPassword: "the value is deleted",
  SpacesKey: "clients with this key lose access",
  UptimeAlert: "no alert is sent any more",
  UptimeCheck: "the endpoint is no longer checked",
};

function replaced({ kind, label, before, after, replacedFor, because }: Compared, comparison: Comparison): Consequence {
  const why = because.length > 0 ? ` with ${because.join(", ")}` : ` for ${replacedFor.join(", ")}`;
  const held = CONTENTS[kind];
  if (RANDOM_VALUES.has(kind)) return { risk: "routine", note: `re-created${why}` };
  if (held === undefined) return { risk: "care", note: `replaced${why}: no data is lost. ${AFTER_REPLACE[kind] ?? ""}`.trim() };
  if (kind === "DatabaseCluster" && after?.inputs.backupRestore !== undefined && before?.inputs.backupRestore === undefined) {
    return { risk: "danger", note: `replaced${why}: the new cluster is restored from a backup; data written after that backup is lost.` };
  }
  const guard = before!.options.protect ? " Pulumi refuses it while it is protected in the state." : "";
  return {
    risk: "danger",
    note: `replaced${why}: the new one is empty, ${held} ${held.endsWith("s") ? "are" : "is"} lost${contents(kind, label, comparison)}.${guard}`,
  };
}

/** Random values that are not secret. The resources that use them are listed separately. */
const RANDOM_VALUES = new Set(["RandomId", "RandomInteger", "RandomPet", "RandomShuffle", "RandomUuid"]);

const AFTER_REPLACE: Readonly<Record<string, string>> = {
  App: "Its address changes, and it is unavailable until the new one is deployed.",
  DatabaseConnectionPool: "Connections through it are interrupted.",
  DatabaseFirewall: "The rules are removed temporarily unless they are retained on delete.",
  DatabaseReplica: "It is copied from the primary again.",
  DatabaseUser: "It gets a new password, and its grants must be repeated.",
  RandomPassword: "A new secret is created, and its readers restart.",
  RandomString: "A new value is created.",
  SpacesKey: "Its readers get the new key before the old one is deleted; URLs that the old one signed are refused then.",
  Vpc: "Its clusters cannot move to the new one: they are replaced as well.",
};

/** The databases inside a cluster. */
function contents(kind: string, label: string, { base }: Comparison): string {
  if (kind !== "DatabaseCluster") return "";
  const inside = base.resources.filter(({ type, inputs }) => type.endsWith(":DatabaseDb") && referencesIn(inputs.clusterId).has(label));
  return inside.length === 0 ? "" : `, and with it ${inside.map(({ inputs }) => inputs.name).join(", ")}`;
}

/** The new resource of the same kind, if there is exactly one of each. */
function likelyRename(name: string, kind: string, { all }: Comparison): string | undefined {
  if (all.filter((one) => one.change === "delete" && one.kind === kind && one.resource.name === name).length !== 1) return undefined;
  const gone = all.filter((one) => one.change === "delete" && one.kind === kind);
  const made = all.filter((one) => one.change === "create" && one.kind === kind);
  return gone.length === 1 && made.length === 1 ? made[0]!.resource.name : undefined;
}

// ── Updates ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function* updated(compared: Compared, comparison: Comparison): Generator<Consequence> {
  const { kind, leaves, because } = compared;
  yield { risk: "routine" };
  if (kind in STEPS && leaves.length > 0) yield { risk: "routine", note: `${STEPS[kind]} again` };
  if (because.length > 0) yield { risk: "routine", note: `follows ${because.join(", ")}` };
  for (const leaf of leaves) {
    if (leaf.path.startsWith(OPTIONS)) yield* option(leaf);
    else if (kind === "App") yield* specChanged(leaf, compared.resource, comparison);
    else yield* Object.hasOwn(INPUTS, kind) ? INPUTS[kind]!(leaf, compared) : [];
  }
}

function* option({ path, before, after }: Leaf): Generator<Consequence> {
  if (path === "options.protect" && !after) yield { risk: "danger", note: "no longer protected: the next change can destroy it" };
  if (path === "options.retainOnDelete" && !after) yield { risk: "care", note: "no longer retained on delete" };
  if (path.startsWith("options.ignoreChanges") && after !== undefined && before !== after)
    yield { risk: "care", note: "some of its changes are now ignored" };
}

type Rules = (leaf: Leaf, compared: Compared) => Iterable<Consequence>;

const INPUTS: Readonly<Record<string, Rules>> = {
  *DatabaseCluster({ path, before, after }, { resource }) {
    if (path === "size") yield resized(before, after);
    if (path === "nodeCount" && Number(after ?? 1) < Number(before ?? 1)) {
      yield { risk: "care", note: Number(after ?? 1) === 1 ? "no standby is left to take over" : "fewer standby nodes" };
    }
    if (path === "nodeCount" && Number(after ?? 1) > Number(before ?? 1))
      yield { risk: "routine", note: "a standby is copied from the primary, which serves meanwhile" };
    if (path === "region")
      yield { risk: "care", note: `moves to ${after}: connections break at the end of the move, and addresses change` };
    if (path === "version") yield upgraded(before, after);
    if (path === "storageSizeMib" && Number(after) < Number(before))
      yield { risk: "care", note: "storage cannot shrink: DigitalOcean refuses this change" };
    if (path === "evictionPolicy") yield evicting(before, after);
    if (path === "engine") yield { risk: "care", note: `${before} was renamed to ${after}` };
    if (path.startsWith("backupRestore") && resource.inputs.backupRestore)
      yield { risk: "care", note: "backupRestore has no effect on an existing cluster" };
    if (path.startsWith("maintenanceWindows")) yield { risk: "routine", note: "updates restart it at another hour" };
  },
  *DatabaseValkeyConfig({ path, before, after }) {
    if (path === "persistence" && after === "off")
      yield { risk: "danger", note: "nothing is stored on disk any more: a restart loses every key, and there are no backups" };
    if (path === "ssl" && after === false) yield { risk: "danger", note: "connections are no longer encrypted" };
    if (path === "valkeyMaxmemoryPolicy") yield evicting(before, after);
    if (path === "numberOfDatabases") yield { risk: Number(after) < Number(before) ? "danger" : "care", note: "restarts the store" };
    if (path === "timeout") yield { risk: "routine", note: "the timeout of idle connections changes" };
  },
  *DatabasePostgresqlConfig({ path, before, after }) {
    if (
      /^(maxConnections|sharedBuffersPercentage|maxWorkerProcesses|maxPreparedTransactions|maxLocksPerTransaction|walLevel|maxWalSenders)/.test(
        path,
      )
    )
      yield { risk: "care", note: `${path} restarts the server` };
    if (/^(statementTimeout|idleInTransactionSessionTimeout)/.test(path) && Number(after) < Number(before ?? Number.POSITIVE_INFINITY))
      yield { risk: "care", note: "longer queries are cancelled" };
  },
  *Backup({ path, before, after }) {
    if (path === "maxAgeHours" && Number(after) > Number(before))
      yield {
        risk: "care",
        note: `a backup of up to ${after} hours before is now enough, instead of ${before}: less of the data is in it`,
      };
  },
  *DatabaseDb() {},
  *DatabaseUser({ path }) {
    if (!path.startsWith("settings")) yield { risk: "care" };
  },
  *SpacesBucket({ path, after }) {
    if (path === "name")
      yield { risk: "danger", note: "the provider cannot rename a bucket: it keeps its name, and the state is wrong from then on" };
    if (path === "acl" && String(after).startsWith("public")) yield { risk: "danger", note: "public: every internet user can read it" };
    if (path.startsWith("versioning") && after !== true) yield { risk: "care", note: "overwritten objects are lost from now on" };
    if (path === "forceDestroy" && after === true) yield { risk: "danger", note: "can be destroyed with all its objects" };
    if (path.startsWith("lifecycleRules")) yield { risk: "care", note: "the rules by which objects expire change" };
  },
  *SpacesKey({ path, before, after }) {
    if (path.startsWith("grant") && before === undefined && after !== undefined)
      yield { risk: "care", note: "has more access than before" };
  },
  *Vpc({ path }) {
    if (path === "name") yield { risk: "routine" };
  },
  *MonitorAlert({ path, after }) {
    if (path === "enabled" && after === false) yield { risk: "care", note: "no alert is sent any more" };
  },
  *UptimeCheck({ path, after }) {
    if (path === "enabled" && after === false) yield { risk: "care", note: "the endpoint is no longer checked" };
  },
};

function resized(before: Value | undefined, after: Value | undefined): Consequence {
  const [old, now] = [findNode(String(before)), findNode(String(after))];
  if (old && now && now.memoryGiB < old.memoryGiB) {
    return { risk: "care", note: `${after} is smaller than ${before}: DigitalOcean refuses to shrink nodes` };
  }
  return { risk: "routine", note: `resized in place: a short failover when ${after} takes over` };
}

function upgraded(before: Value | undefined, after: Value | undefined): Consequence {
  if (Number.parseFloat(String(after)) < Number.parseFloat(String(before))) {
    return { risk: "danger", note: `a major version cannot be downgraded: DigitalOcean refuses ${before} to ${after}` };
  }
  return {
    risk: "care",
    note: `major upgrade in place, ${before} to ${after}: unavailable meanwhile, irreversible, and Pulumi does not wait for it`,
  };
}

function evicting(before: Value | undefined, after: Value | undefined): Consequence {
  const none = (policy: Value | undefined) =>
    policy === undefined || String(policy).replaceAll("_", "").replaceAll("-", "") === "noeviction";
  if (none(before) && !none(after))
    return { risk: "danger", note: `a full memory now evicts keys (${after}): data that must be kept can be lost` };
  if (!none(before) && none(after)) return { risk: "care", note: "a full memory now refuses writes instead of evicting keys" };
  return { risk: "care", note: `evicts by ${after} instead of ${before}` };
}

function backupStepDeleted({ inputs: { system } }: PlannedResource, { head }: Comparison): Consequence {
  const jobs = head.resources.flatMap((resource) => commandsOf(resource, "jobs", parsePostDeployCommand));
  return jobs.some((job) => job.system === system && job.backupHours !== undefined)
    ? { risk: "routine", note: "the post-deploy job makes the backup before migrations and deployments" }
    : { risk: "care", note: "no backup is made before migrations and deployments any more" };
}

const ORDER: readonly Risk[] = ["danger", "care", "routine", "none"];

/** Combines the notes of the worst risk. */
function worstOf(consequences: Iterable<Consequence>): Consequence {
  const all = [...consequences];
  const risk = ORDER.find((candidate) => all.some((one) => one.risk === candidate)) ?? "none";
  const notes = [...new Set(all.flatMap((one) => (one.risk === risk && one.note !== undefined ? [one.note] : [])))];
  return notes.length === 0 ? { risk } : { risk, note: notes.join("; ") };
}
