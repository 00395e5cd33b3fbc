/** What a change means to those who run the platform: what is lost, who notices, what cannot work. */
import { findNode } from "../../catalog/nodes.ts";
import type { Value } from "../../engine/plan.ts";
import type { Risk } from "../../report/review.ts";
import { type Compared, type Comparison, OPTIONS } from "./compare.ts";
import type { Leaf } from "./fields.ts";
import { referredIn } from "./references.ts";

export interface Meaning {
  readonly risk: Risk;
  readonly note?: string;
}

/** What holds something that nothing here could make again. */
const HOLDS: Readonly<Record<string, string>> = {
  DatabaseCluster: "its data",
  DatabaseDb: "its tables",
  DatabaseKafkaTopic: "its messages",
  SpacesBucket: "its objects",
  SpacesBucketObject: "the object",
  VectorDatabase: "its data",
  Volume: "its files",
};

/** By the end of a type. */
const STEPS: Readonly<Record<string, string>> = { Keyspaces: "seeds keyspaces", Migrations: "applies migrations", Roles: "sets roles" };

export function meaningOf(compared: Compared, comparison: Comparison): Meaning {
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
      return worstOf(updated(compared));
  }
}

function created({ kind, change, resource }: Compared): Meaning {
  if (change === "import") return { risk: "care", note: `takes over what stands as ${resource.options.importId}` };
  return kind === "DatabaseFirewall" || kind === "App" || !(kind in HOLDS)
    ? { risk: "routine" }
    : { risk: "routine", note: "new and empty" };
}

function deleted({ kind, label, before, resource }: Compared, comparison: Comparison): Meaning {
  const { protect, retainOnDelete, deletedWith } = before!.options;
  if (kind in STEPS) return { risk: "care", note: "nothing is undone by it; nothing runs any more" };
  if (retainOnDelete)
    return { risk: kind === "DatabaseFirewall" ? "routine" : "care", note: "stays at DigitalOcean; Pulumi only forgets it" };
  const held = HOLDS[kind];
  const twin = likelyRename(resource.name, kind, comparison);
  const rename =
    twin === undefined
      ? ""
      : ` If it is ${twin} under a new name, give that one an alias of the old: aliases: [{ name: "${resource.name}" }].`;
  if (held !== undefined) {
    const guard = protect ? " Pulumi refuses it as long as it is protected in the state." : "";
    return {
      risk: "danger",
      note: `${held} ${held.endsWith("s") ? "are" : "is"} gone${contents(kind, label, comparison)}.${guard}${rename}`,
    };
  }
  if (deletedWith !== undefined && !comparison.head.resources.some(({ urn }) => urn === deletedWith))
    return { risk: "routine", note: "goes with its cluster" };
  return { risk: "care", note: `${AFTER_DELETE[kind] ?? "is destroyed"}${rename && `.${rename}`}` };
}

const AFTER_DELETE: Readonly<Record<string, string>> = {
  App: "the app and its address are gone",
  DatabaseConnectionPool: "whoever connects through it no longer can",
  DatabaseReplica: "whoever reads from it no longer can; the data is the primary's",
  DatabaseUser: "whoever logs in as it no longer can",
  MonitorAlert: "nobody is told any more",
  RandomPassword: "the value is forgotten",
  SpacesKey: "whoever uses it is locked out",
  UptimeAlert: "nobody is told any more",
  UptimeCheck: "nobody looks any more",
};

function replaced({ kind, label, before, after, replacedFor, because }: Compared, comparison: Comparison): Meaning {
  const why = because.length > 0 ? ` with ${because.join(", ")}` : ` for ${replacedFor.join(", ")}`;
  const held = HOLDS[kind];
  if (FORGETTABLE.has(kind)) return { risk: "routine", note: `made anew${why}` };
  if (held === undefined) return { risk: "care", note: `replaced${why}: nothing is lost. ${AFTER_REPLACE[kind] ?? ""}`.trim() };
  if (kind === "DatabaseCluster" && after?.inputs.backupRestore !== undefined && before?.inputs.backupRestore === undefined) {
    return { risk: "danger", note: `replaced${why}: a new cluster is filled from a backup; what was written after that is gone.` };
  }
  const guard = before!.options.protect ? " Pulumi refuses it as long as it is protected in the state." : "";
  return {
    risk: "danger",
    note: `replaced${why}: the new one is empty, ${held} ${held.endsWith("s") ? "are" : "is"} gone${contents(kind, label, comparison)}.${guard}`,
  };
}

/** Random values that are no secret: whoever takes one in is told of by itself. */
const FORGETTABLE = new Set(["RandomId", "RandomInteger", "RandomPet", "RandomShuffle", "RandomUuid"]);

const AFTER_REPLACE: Readonly<Record<string, string>> = {
  App: "Its address changes, and it is away until the new one is up.",
  DatabaseConnectionPool: "Connections through it break and come again.",
  DatabaseFirewall: "The rules are away for a moment unless they are kept on delete.",
  DatabaseReplica: "It is copied anew from the primary.",
  DatabaseUser: "It gets another password, and its grants must be given again.",
  RandomPassword: "A new secret is made, and whoever reads it restarts with it.",
  RandomString: "A new value is made.",
  Vpc: "Clusters inside of it cannot move along: they are replaced, too.",
};

/** The databases inside a cluster. */
function contents(kind: string, label: string, { base }: Comparison): string {
  if (kind !== "DatabaseCluster") return "";
  const inside = base.resources.filter(({ type, inputs }) => type.endsWith(":DatabaseDb") && referredIn(inputs.clusterId).has(label));
  return inside.length === 0 ? "" : `, and with it ${inside.map(({ inputs }) => inputs.name).join(", ")}`;
}

/** A new resource of the same kind that nothing stands for at base. */
function likelyRename(name: string, kind: string, { all }: Comparison): string | undefined {
  if (all.filter((one) => one.change === "delete" && one.kind === kind && one.resource.name === name).length !== 1) return undefined;
  const gone = all.filter((one) => one.change === "delete" && one.kind === kind);
  const made = all.filter((one) => one.change === "create" && one.kind === kind);
  return gone.length === 1 && made.length === 1 ? made[0]!.resource.name : undefined;
}

// ── Updates ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function* updated(compared: Compared): Generator<Meaning> {
  const { kind, leaves, because } = compared;
  yield { risk: "routine" };
  if (kind in STEPS && leaves.length > 0) yield { risk: "routine", note: `${STEPS[kind]} again` };
  if (because.length > 0) yield { risk: "routine", note: `follows ${because.join(", ")}` };
  for (const leaf of leaves) {
    if (leaf.path.startsWith(OPTIONS)) yield* option(leaf);
    else if (kind === "App") yield* spec(leaf);
    else yield* Object.hasOwn(INPUTS, kind) ? INPUTS[kind]!(leaf, compared) : [];
  }
}

function* option({ path, before, after }: Leaf): Generator<Meaning> {
  if (path === "options.protect" && !after) yield { risk: "danger", note: "no longer protected: the next change may destroy it" };
  if (path === "options.retainOnDelete" && !after) yield { risk: "care", note: "no longer kept on delete" };
  if (path.startsWith("options.ignoreChanges") && after !== undefined && before !== after)
    yield { risk: "care", note: "some of its changes are ignored from now on" };
}

type Rules = (leaf: Leaf, compared: Compared) => Iterable<Meaning>;

const INPUTS: Readonly<Record<string, Rules>> = {
  *DatabaseCluster({ path, before, after }, { resource }) {
    if (path === "size") yield resized(before, after);
    if (path === "nodeCount" && Number(after ?? 1) < Number(before ?? 1)) {
      yield { risk: "care", note: Number(after ?? 1) === 1 ? "no standby is left to take over" : "fewer standbys" };
    }
    if (path === "region") yield { risk: "care", note: `moves to ${after}: connections break at the end of it, and addresses change` };
    if (path === "version") yield upgraded(before, after);
    if (path === "storageSizeMib" && Number(after) < Number(before))
      yield { risk: "care", note: "storage cannot shrink: DigitalOcean refuses it" };
    if (path === "evictionPolicy") yield evicting(before, after);
    if (path === "engine") yield { risk: "care", note: `${before} is called ${after} now` };
    if (path.startsWith("backupRestore") && resource.inputs.backupRestore)
      yield { risk: "care", note: "backupRestore does nothing to a cluster that stands" };
    if (path.startsWith("maintenanceWindows")) yield { risk: "routine", note: "restarts for updates come at another hour" };
  },
  *DatabaseValkeyConfig({ path, before, after }) {
    if (path === "persistence" && after === "off")
      yield { risk: "danger", note: "nothing is written to disk any more: a restart loses every key, and there are no backups" };
    if (path === "ssl" && after === false) yield { risk: "danger", note: "connections are no longer encrypted" };
    if (path === "valkeyMaxmemoryPolicy") yield evicting(before, after);
    if (path === "numberOfDatabases") yield { risk: Number(after) < Number(before) ? "danger" : "care", note: "restarts the store" };
    if (path === "timeout") yield { risk: "routine", note: "idle connections are closed after another time" };
  },
  *DatabasePostgresqlConfig({ path, before, after }) {
    if (
      /^(maxConnections|sharedBuffersPercentage|maxWorkerProcesses|maxPreparedTransactions|maxLocksPerTransaction|walLevel|maxWalSenders)/.test(
        path,
      )
    )
      yield { risk: "care", note: `${path} restarts the server` };
    if (/^(statementTimeout|idleInTransactionSessionTimeout)/.test(path) && Number(after) < Number(before ?? Number.POSITIVE_INFINITY))
      yield { risk: "care", note: "queries that took longer are cut off" };
  },
  *DatabaseDb() {},
  *DatabaseUser({ path }) {
    if (!path.startsWith("settings")) yield { risk: "care" };
  },
  *SpacesBucket({ path, after }) {
    if (path === "name")
      yield { risk: "danger", note: "the provider renames nothing: the bucket keeps its name, and the state is wrong from then on" };
    if (path === "acl" && String(after).startsWith("public")) yield { risk: "danger", note: "anybody may read it" };
    if (path.startsWith("versioning") && after !== true) yield { risk: "care", note: "what is overwritten is gone from now on" };
    if (path === "forceDestroy" && after === true) yield { risk: "danger", note: "may be destroyed with everything in it" };
    if (path.startsWith("lifecycleRules")) yield { risk: "care", note: "objects expire by other rules" };
  },
  *SpacesKey({ path, before, after }) {
    if (path.startsWith("grant") && before === undefined && after !== undefined) yield { risk: "care", note: "may reach more than before" };
  },
  *Vpc({ path }) {
    if (path === "name") yield { risk: "routine" };
  },
  *MonitorAlert({ path, after }) {
    if (path === "enabled" && after === false) yield { risk: "care", note: "nobody is told any more" };
  },
  *UptimeCheck({ path, after }) {
    if (path === "enabled" && after === false) yield { risk: "care", note: "nobody looks any more" };
  },
};

function resized(before: Value | undefined, after: Value | undefined): Meaning {
  const [old, now] = [findNode(String(before)), findNode(String(after))];
  if (old && now && now.memoryGiB < old.memoryGiB) {
    return { risk: "care", note: `${after} is smaller than ${before}: DigitalOcean does not shrink nodes, and refuses it` };
  }
  return { risk: "routine", note: `resized in place: a short failover when ${after} takes over` };
}

function upgraded(before: Value | undefined, after: Value | undefined): Meaning {
  if (Number.parseFloat(String(after)) < Number.parseFloat(String(before))) {
    return { risk: "danger", note: `a major version has no way back: DigitalOcean refuses ${before} to ${after}` };
  }
  return {
    risk: "care",
    note: `major upgrade in place, ${before} to ${after}: it is away meanwhile, there is no way back, and Pulumi does not wait for it`,
  };
}

function evicting(before: Value | undefined, after: Value | undefined): Meaning {
  const none = (policy: Value | undefined) =>
    policy === undefined || String(policy).replaceAll("_", "").replaceAll("-", "") === "noeviction";
  if (none(before) && !none(after))
    return { risk: "danger", note: `full memory evicts keys from now on (${after}): what must not be lost may be` };
  if (!none(before) && none(after)) return { risk: "care", note: "full memory refuses writes from now on, instead of evicting" };
  return { risk: "care", note: `evicts by ${after} instead of ${before}` };
}

// ── Apps ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `spec.service api` itself, which is there or is not. */
const COMPONENT = /^spec\.(service|worker|job|site|function) ([^.]+)$/;

function* spec({ path, before, after }: Leaf): Generator<Meaning> {
  const component = COMPONENT.exec(path);
  if (component && after === undefined) yield { risk: "care", note: `${component[1]} ${component[2]} is gone` };
  if (component && before === undefined) yield { risk: "routine", note: `${component[1]} ${component[2]} is new` };
  if (/\.(github|gitlab|git|image)\b/.test(path) && !path.endsWith("deployOnPush"))
    yield { risk: "care", note: `runs other code: ${lastOf(path)}` };
  if (/\.runCommand$/.test(path)) yield { risk: "care", note: "starts another way" };
  if (/\.(healthCheck|livenessHealthCheck)$/.test(path) && after === undefined)
    yield { risk: "care", note: "goes live without a health check" };
  if (/\.instanceCount$/.test(path) && Number(after ?? 1) < Number(before ?? 1))
    yield { risk: "care", note: `fewer instances: ${before} to ${after ?? 1}` };
  if (/^spec\.vpcs/.test(path)) yield { risk: "care", note: "changes its private network: databases may become unreachable" };
  if (/^spec\.domain/.test(path) && before !== undefined) yield { risk: "care", note: "an address of it changes" };
  if (/^spec\.ingress/.test(path)) yield { risk: "care", note: "other paths lead to its components" };
  if (/^spec\.(name|region)$/.test(path)) yield { risk: "care", note: `its ${lastOf(path)} changes` };
  if (/^spec\.database /.test(path) && before !== undefined) yield { risk: "care", note: "reads another database, or as another user" };
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

const ORDER: readonly Risk[] = ["danger", "care", "routine", "none"];

/** Every note that is as bad as the worst. */
function worstOf(meanings: Iterable<Meaning>): Meaning {
  const all = [...meanings];
  const risk = ORDER.find((candidate) => all.some((meaning) => meaning.risk === candidate)) ?? "none";
  const notes = [...new Set(all.flatMap((meaning) => (meaning.risk === risk && meaning.note !== undefined ? [meaning.note] : [])))];
  return notes.length === 0 ? { risk } : { risk, note: notes.join("; ") };
}
