/** The consequence of a change of an app's spec: other code, other logins, weaker connections, fewer backups. */
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { findShrunk, parseWorkerCommand, type WorkerSchedule } from "../../catalog/backup-worker.ts";
import type { PlannedResource, Value } from "../../engine/plan.ts";
import { ADMIN, databasesOf, variablesOf } from "../../report/plan/app-spec.ts";
import { owners } from "../../report/plan/owner.ts";
import type { Comparison, Consequence } from "./compare.ts";
import { connectionChanged } from "./connections.ts";
import type { Leaf } from "./fields.ts";

/** `spec.service api` itself, added or removed. */
const COMPONENT = /^spec\.(service|worker|job|site|function) ([^.]+)$/;

export function* specChanged({ path, before, after }: Leaf, app: PlannedResource, comparison: Comparison): Generator<Consequence> {
  const component = COMPONENT.exec(path);
  if (component && after === undefined) yield { risk: "care", note: `${component[1]} ${component[2]} is removed` };
  if (component && before === undefined) yield { risk: "routine", note: `${component[1]} ${component[2]} is added` };
  if (/\.(github|gitlab|git|image)\b/.test(path) && !path.endsWith("deployOnPush"))
    yield { risk: "care", note: `runs different code: ${lastOf(path)}` };
  if (/\.runCommand$/.test(path)) yield* commandChanged(before, after);
  if (/\.(runCommand|buildCommand)$/.test(path) && runsDownload(after) && !runsDownload(before))
    yield { risk: "care", note: `its ${lastOf(path)} runs what it downloads: the code can change without a change here` };
  yield* connectionChanged(path, before, after);
  if (path.endsWith(`.env ${BACKUP_VARIABLES.recipients}.value`)) yield recipientsChanged(before, after);
  if (/\.(healthCheck|livenessHealthCheck)$/.test(path) && after === undefined)
    yield { risk: "care", note: "goes live without a health check" };
  if (/\.instanceCount$/.test(path) && Number(after ?? 1) < Number(before ?? 1))
    yield { risk: "care", note: `fewer instances: ${before} to ${after ?? 1}` };
  if (/^spec\.vpcs/.test(path)) yield { risk: "care", note: "changes its private network: databases can become unreachable" };
  if (/^spec\.domain/.test(path) && before !== undefined) yield { risk: "care", note: "its domain changes" };
  if (/^spec\.ingress/.test(path)) yield { risk: "care", note: "its routes change" };
  if (/^spec\.(name|region)$/.test(path)) yield { risk: "care", note: `its ${lastOf(path)} changes` };
  if (/^spec\.database /.test(path)) yield* loginChanged(path, before, after, app, comparison);
}

/** `curl … | sh`, `bash <(curl …)`, `sh -c "$(wget …)"`, `npx https://…` */
function runsDownload(command: Value | undefined): boolean {
  const text = typeof command === "string" ? command : "";
  return (
    /\b(?:curl|wget|fetch)\b[^;&\n]*\|\s*(?:sudo\s+|env\s+)*(?:\S*\/)?(?:ba|da|z|k)?sh\b/.test(text) ||
    /\b(?:curl|wget|fetch)\b[^;&\n]*\|\s*(?:sudo\s+|env\s+)*(?:\S*\/)?(?:node|python[\d.]*|perl|ruby|deno|bun)\b/.test(text) ||
    /\b(?:(?:ba|da|z|k)?sh|source|eval)\b[^;&\n]*(?:<\(|\$\(|`)\s*(?:curl|wget|fetch)\b/.test(text) ||
    /\b(?:npx|pnpx|bunx|npm\s+(?:i|install|exec))\b[^;&|\n]*\b(?:https?|git\+\w+|git|github):/.test(text)
  );
}

/** Not by a job alone: the one after a deployment applies migrations and sets roles. */
function isReadByService(app: PlannedResource, alias: string): boolean {
  const readers = variablesOf({ resources: [app] }).filter(({ references }) => references.some((reference) => reference.alias === alias));
  return readers.some(({ kind }) => kind !== "job");
}

/** The user that an app logs in as. */
function* loginChanged(
  path: string,
  before: Value | undefined,
  after: Value | undefined,
  app: PlannedResource,
  { base, head }: Comparison,
): Generator<Consequence> {
  if (after === undefined) return;
  const [, alias] = /^spec\.database ([^.]+)/.exec(path) ?? [];
  const login = databasesOf(app).find((database) => database.alias === alias);
  const isNew = before === undefined && /^spec\.database [^.]+$/.test(path);
  if (login !== undefined && login.engine === "PG" && (isNew || path.endsWith(".dbUser"))) {
    if (login.user === ADMIN && isReadByService(app, login.alias))
      yield { risk: "danger", note: "logs in as the administrator of the cluster, who may do everything in every database" };
    const ownerOf = owners(base, head);
    const user = head.resources.find(({ type, inputs }) => type.endsWith(":DatabaseUser") && inputs.name === login.user);
    const [own, other] = [ownerOf(app), user === undefined ? undefined : ownerOf(user)];
    if (own !== undefined && other !== undefined && own !== other)
      yield { risk: "danger", note: `logs in as ${login.user}, a role of ${other}` };
  }
  if (!isNew) yield { risk: "care", note: "connects to another database, or as another user" };
}

/** If an attacker replaces all of them, the owner of the data cannot read new backups, and the retention deletes the others. */
function recipientsChanged(before: Value | undefined, after: Value | undefined): Consequence {
  const [old, now] = [before, after].map((value) => String(value ?? "").split(",")) as [string[], string[]];
  return old.some((recipient) => now.includes(recipient))
    ? { risk: "care", note: "new backups are encrypted for other keys: keep the former ones for the backups that exist" }
    : { risk: "danger", note: "no former key decrypts new backups: check that the new ones are yours, and keep the former ones" };
}

function* commandChanged(before: Value | undefined, after: Value | undefined): Generator<Consequence> {
  const [old, now] = [parseWorkerCommand(before), parseWorkerCommand(after)];
  if (old === undefined || now === undefined) {
    yield {
      risk: old === undefined ? "care" : "danger",
      note: old === undefined ? "its start command changes" : "no backups are made any more",
    };
    return;
  }
  const shrunk = findShrunk(old, now);
  if (shrunk.length > 0) yield { risk: "danger", note: `fewer backups are kept (${shrunk.join(", ")}): the worker deletes the others` };
  if (old.hourlyAtMinute !== undefined && now.hourlyAtMinute === undefined)
    yield { risk: "care", note: "backups are made once a day, and no longer once an hour" };
  if (old.exportsJson && !now.exportsJson)
    yield { risk: "care", note: "the data is no longer exported as JSON each day: to return to JSON files, export it by hand" };
  if (!old.exportsJson && now.exportsJson) yield { risk: "routine", note: "the data is exported as JSON each day" };
  yield { risk: "routine", note: "the schedule or the retention of backups changes" };
}

/** What the app's workers make backups of. */
export const workersOf = (resource: PlannedResource): WorkerSchedule[] => commandsOf(resource, "workers", parseWorkerCommand);

/** What slipway's own commands in the app's spec say. */
export function commandsOf<T>({ inputs }: PlannedResource, kind: "workers" | "jobs", parse: (command: unknown) => T | undefined): T[] {
  const components = (inputs.spec as Readonly<Record<string, Value>> | undefined)?.[kind];
  return Array.isArray(components)
    ? components.flatMap((component) => parse((component as { readonly runCommand?: Value }).runCommand) ?? [])
    : [];
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}
