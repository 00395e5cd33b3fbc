/** `slipway post-deploy`: what a PRE_DEPLOY job runs inside the VPC, with the logins that App Platform hands it. */
import { existsSync } from "node:fs";
import { ADMIN_URL, OWNER_URL, POSTGRES_CA, storeVariable } from "../../catalog/connection-variables.ts";
import { contentOf } from "../../components/content.ts";
import type { Seeded } from "../../postdeploy/keyspaces/step.ts";
import { run } from "../../postdeploy/steps.ts";
import type { System } from "../../systems/definition.ts";
import { systems } from "../../systems/index.ts";
import { type Command, DONE, type Given, UsageError } from "../shared/command.ts";
import { counted } from "../shared/count.ts";
import { systemNamed } from "../shared/system.ts";

export const command: Command = {
  usage: `slipway post-deploy: roles, migrations and keyspaces of one system, as a job inside the VPC runs them

Usage: slipway post-deploy --system <name> [--cwd <directory>]

  --system <name>      ${systems.map(({ name }) => name).join(", ")}
  --cwd <directory>    where sql/ and keyspaces/ are (default: here)

Where to connect comes from the environment:
  SLIPWAY_ADMIN_URL, SLIPWAY_OWNER_URL, SLIPWAY_CA
  SLIPWAY_STORE_<STORE>_URL, SLIPWAY_STORE_<STORE>_CA   for each store with keyspaces

A second run changes nothing. Exit codes: 0 done, 1 failed, 2 bad input, 3 outcome unknown, 75 another run holds the lock.`,
  options: { system: { type: "string" }, cwd: { type: "string" } },
  async run({ values }: Given, { print }) {
    const system = wanted(values.system);
    const directory = String(values.cwd ?? process.cwd());
    const connection = connectionOf(system, process.env);
    process.chdir(directory);

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
    print(`roles       ${granted.applied === 0 ? "as they should be" : counted(granted.applied as number, "statement")}`);
    for (const notice of granted.notices as string[]) print(`            ${notice}`);

    const migrations = { ...contentOf(`sql/${system.name}`), owner: roles.owner, url: connection.owner, ca: connection.ca };
    const { applied } = await run("Migrations", { system: system.name, ...migrations });
    print(`migrations  ${(applied as string[]).length === 0 ? "nothing pending" : (applied as string[]).join(", ")}`);

    const folder = `keyspaces/${system.name}`;
    if (Object.keys(connection.stores).length > 0 && existsSync(folder)) {
      const { digest, files } = contentOf(folder);
      const { seeded } = await run("Keyspaces", { system: system.name, folder, digest, files, stores: connection.stores });
      for (const line of seededText(seeded as readonly Seeded[])) print(line);
    }
    return DONE;
  },
};

function seededText(seeded: readonly Seeded[]): string[] {
  if (seeded.length === 0) return ["keyspaces   nothing to seed"];
  return seeded.flatMap(({ keyspace, written, removed, kept, scripts, notes }, index) => {
    const changes = [
      [written, "written"],
      [removed, "removed"],
      [kept, "kept as others left them"],
    ] as const;
    const done = [
      ...changes.filter(([count]) => count > 0).map(([count, what]) => `${counted(count, "key")} ${what}`),
      ...(scripts.length > 0 ? [`${scripts.length === 1 ? "script" : "scripts"} put in place: ${scripts.join(", ")}`] : []),
    ];
    return [
      `${index === 0 ? "keyspaces" : ""}`.padEnd(12) + `${keyspace}: ${done.join("; ") || "as declared"}`,
      ...notes.map((note) => `${" ".repeat(12)}${note}`),
    ];
  });
}

function wanted(name: unknown): System {
  const known = systems.map((system) => system.name).join(", ");
  if (typeof name !== "string") throw new UsageError(`Which system? slipway post-deploy --system <name>, one of ${known}.`);
  return systemNamed(systems, name);
}

interface Connections {
  readonly admin: string;
  readonly owner: string;
  readonly ca: string;
  readonly stores: Readonly<Record<string, { readonly url: string; readonly ca: string; readonly class: "state" | "cache" }>>;
}

/** Every missing variable in one message. */
function connectionOf(system: System, env: NodeJS.ProcessEnv): Connections {
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
      `Where to connect is not in the environment: ${missing.join(", ")}. A stack with slipway:postDeploy.mode job hands them to its job; by hand, set them.`,
    );
  return { admin, owner, ca, stores };
}
