/** Runs the post-deploy steps with the logins that App Platform passes to a PRE_DEPLOY job. */
import { existsSync } from "node:fs";
import { ADMIN_URL, OWNER_URL, POSTGRES_CA, storeVariable } from "../../catalog/connection-variables.ts";
import { contentOf } from "../../components/content.ts";
import type { Seeded } from "../../postdeploy/keyspaces/step.ts";
import { run } from "../../postdeploy/steps.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import { findSystem } from "../shared/find-system.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { PostDeployOptions } from "./flags.ts";

/** @returns the exit code. */
export async function postDeploy({ system: name, cwd, backup }: PostDeployOptions, { print }: Terminal): Promise<number> {
  const system = await requireSystem(name);
  const connection = readConnections(system, process.env);
  process.chdir(cwd);

  const { database, schemas, extensions, roles, statementTimeoutSeconds } = system.postgres;
  const granted = await run("Roles", {
    system: system.name,
    database,
    schemas,
    extensions,
    roles,
    statementTimeoutSeconds,
    url: connection.admin,
    ca: connection.ca,
  });
  print(`roles       ${granted.applied === 0 ? "up to date" : pluralize(granted.applied as number, "statement")}`);
  for (const notice of granted.notices as string[]) print(`            ${notice}`);

  if (backup !== undefined) {
    const { backUpBefore } = await import("../backup/before.ts");
    for (const line of await backUpBefore(system.name, backup)) print(`backup      ${line}`);
  }

  const migrations = { ...contentOf(`sql/${system.name}`), owner: roles.owner, url: connection.owner, ca: connection.ca };
  const { applied } = await run("Migrations", { system: system.name, ...migrations });
  print(`migrations  ${(applied as string[]).length === 0 ? "nothing pending" : (applied as string[]).join(", ")}`);

  const folder = `keyspaces/${system.name}`;
  if (Object.keys(connection.stores).length > 0 && existsSync(folder)) {
    const { digest, files } = contentOf(folder);
    const { seeded } = await run("Keyspaces", { system: system.name, folder, digest, files, stores: connection.stores });
    for (const line of formatSeeded(seeded as readonly Seeded[])) print(line);
  }
  return DONE;
}

function formatSeeded(seeded: readonly Seeded[]): string[] {
  if (seeded.length === 0) return ["keyspaces   nothing to seed"];
  return seeded.flatMap(({ keyspace, written, removed, kept, scripts, notes }, index) => {
    const changes = [
      [written, "written"],
      [removed, "removed"],
      [kept, "kept, changed by others"],
    ] as const;
    const done = [
      ...changes.filter(([count]) => count > 0).map(([count, what]) => `${pluralize(count, "key")} ${what}`),
      ...(scripts.length > 0 ? [`${scripts.length === 1 ? "script" : "scripts"} loaded: ${scripts.join(", ")}`] : []),
    ];
    return [
      `${index === 0 ? "keyspaces" : ""}`.padEnd(12) + `${keyspace}: ${done.join("; ") || "up to date"}`,
      ...notes.map((note) => `${" ".repeat(12)}${note}`),
    ];
  });
}

async function requireSystem(name: string | undefined): Promise<System> {
  if (name !== undefined) return await findSystem(systems, name);
  throw new UsageError(`Which system? slipway post-deploy --system <name>, one of ${systems.map((system) => system.name).join(", ")}.`);
}

interface Connections {
  readonly admin: string;
  readonly owner: string;
  readonly ca: string;
  readonly stores: Readonly<Record<string, { readonly url: string; readonly ca: string; readonly class: "state" | "cache" }>>;
}

/** @throws {UsageError} which names every missing variable. */
function readConnections(system: System, env: NodeJS.ProcessEnv): Connections {
  const missing: string[] = [];
  const read = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === "") missing.push(name);
    return value ?? "";
  };
  const admin = read(ADMIN_URL);
  const owner = read(OWNER_URL);
  const ca = read(POSTGRES_CA);
  const durable = Object.entries(system.stores).filter(
    ([store, { feature }]) => feature === undefined || storeVariable(store, "URL") in env,
  );
  const seeded = durable.filter(([store]) => Object.values(system.keyspaces).some((keyspace) => keyspace.store === store));
  const stores = Object.fromEntries(
    seeded.map(([store, { class: kind }]) => [
      store,
      { url: read(storeVariable(store, "URL")), ca: read(storeVariable(store, "CA")), class: kind },
    ]),
  );
  if (missing.length > 0)
    throw new UsageError(
      `Environment variables are missing: ${missing.join(", ")}. A stack with slipway:postDeploy.mode job passes them to its job; to run the steps by hand, set them.`,
    );
  return { admin, owner, ca, stores };
}
