/**
 * Both rollbacks on the local platform: real servers behind PgBouncer and TLS, the role that DigitalOcean gives (which is no superuser), and apps that
 * answer and write meanwhile. `npm run soak -- rollback` kills them as often as the requirement says.
 */
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectionOf } from "../../operate/rotate/account.ts";
import { withSession } from "../../postdeploy/connect/session.ts";
import { connectionTo } from "../../postdeploy/connect/temporary-database.ts";
import { candlefish } from "../../systems/candlefish.ts";
import type { System } from "../../systems/definition.ts";
import { fluxstudio } from "../../systems/fluxstudio.ts";
import { startLoad } from "../load.ts";
import { createProject, type TestProject } from "../local-project.ts";
import { startWriter, type Writer, type Written } from "./writer.ts";

const KILLS = Number(process.env.SLIPWAY_KILLS ?? 1);

const ORGANIZATION = "c0000000-0000-4000-8000-000000000001";
const SESSION = { application: "slipway test" };

/** The rows that the writer of a product inserts. FluxStudio connects to the server, Candlefish through its pool. */
const WRITES: Readonly<Record<string, { readonly keys: string; readonly prepare: string; statement(key: string): string }>> = {
  [fluxstudio.name]: {
    prepare: "SELECT 1",
    statement: (key) => `INSERT INTO users (email, name) VALUES ('${key}@example.com', '${key}')`,
    keys: "SELECT name AS key FROM public.users",
  },
  [candlefish.name]: {
    prepare: `INSERT INTO public.organizations (id, name, slug) VALUES ('${ORGANIZATION}', 'Acme', 'acme')`,
    statement: (key) =>
      `BEGIN; SELECT enter_organization('${ORGANIZATION}'); INSERT INTO documents (organization_id, title) VALUES ('${ORGANIZATION}', '${key}'); COMMIT`,
    keys: "SELECT title AS key FROM public.documents",
  },
};

describe("a rollback on the local platform", () => {
  let project: TestProject;
  beforeAll(async () => {
    project = createProject();
    // Of its own, so that a release can bring a migration.
    rmSync(join(project.root, "sql"));
    cpSync(join(import.meta.dirname, "../../sql"), join(project.root, "sql"), { recursive: true });
    const { code, output } = await project.slipway("local", "up", "--systems", [fluxstudio.name, candlefish.name].join(","));
    expect(code, output).toBe(0);
    for (const system of [fluxstudio, candlefish])
      await withSession(await asOwner(system), SESSION, (session) => session.query(WRITES[system.name]!.prepare));
  }, 240_000);
  afterAll(() => project.remove());

  async function asOwner(system: System, database = system.postgres.database) {
    const cluster = await project.cluster(system);
    const { owner } = system.postgres.roles;
    const password = (await project.account().readPassword(cluster, owner))!;
    return connectionTo(connectionOf(cluster, { user: owner, password }, system.postgres.database), database);
  }

  const keysIn = async (system: System, database?: string): Promise<ReadonlySet<string>> =>
    await withSession(
      await asOwner(system, database),
      SESSION,
      async (session) => new Set((await session.query<{ key: string }>(WRITES[system.name]!.keys)).map(({ key }) => key)),
    );

  const databasesOf = async ({ postgres: { database } }: System): Promise<readonly string[]> => {
    const cluster = await project.cluster(fluxstudio);
    return await withSession(connectionTo(connectionOf(cluster, cluster.admin, database), "defaultdb"), SESSION, async (session) =>
      (
        await session.query<{ name: string }>("SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1) ORDER BY oid", [
          database,
        ])
      ).map(({ name }) => name),
    );
  };

  async function environmentOf({ name }: System): Promise<Record<string, string>> {
    const { code, output } = await project.slipway("local", "env", name, "api", "--format", "json");
    expect(code, output).toBe(0);
    return JSON.parse(output);
  }

  async function write(system: System, prefix: string): Promise<Writer> {
    const { DATABASE_URL, DATABASE_CA_CERT } = await environmentOf(system);
    const writer = startWriter({ url: DATABASE_URL!, ca: DATABASE_CA_CERT!, prefix, statement: WRITES[system.name]!.statement });
    while (writer.count() < 20) await sleep(20);
    return writer;
  }

  const healthOf = async ({ name, apps }: System): Promise<readonly string[]> => {
    const component = Object.values(Object.values(apps)[0]!.components).find(({ kind }) => kind === "service");
    if (component?.kind !== "service") throw new Error(`${name} has no service`);
    return [`${await project.appUrl(`${Object.values(apps)[0]!.name}-local`)}${component.health.path}`];
  };

  async function succeed(...args: string[]): Promise<string> {
    const { code, output } = await project.slipway(...args);
    expect(code, output).toBe(0);
    return output;
  }

  const nameOf = (system: System) => ["--system", system.name];

  describe("quick", () => {
    // biome-ignore lint/suspicious/noExplicitAny: the API's answer
    const appOf = async (): Promise<any> =>
      (await project.api("GET", "/v2/apps")).apps.find(({ spec }: { spec: { name: string } }) => spec.name === "fluxstudio-local");
    const poolIn = async () => {
      const { services } = (await appOf()).active_deployment.spec;
      return services[0].envs.find(({ key }: { key: string }) => key === "DB_POOL_MAX").value;
    };

    it("runs the release before again without a failed request or a lost write, keeps what a migration added, and is undone or kept [F150]", async () => {
      const before = await poolIn();
      await sleep(1000);
      writeFileSync(join(project.root, "sql/fluxstudio/008_nickname.sql"), "ALTER TABLE public.users ADD COLUMN nickname text;\n");
      writeFileSync(
        join(project.root, "sql/fluxstudio/008_nickname.down.sql"),
        "-- slipway: allow drop-column the column is from this release\nALTER TABLE public.users DROP COLUMN nickname;\n",
      );
      project.writeStackFile(`${project.stackFile()}\n  slipway:fluxstudio:\n    connections: { api/DB_POOL_MAX: 7 }\n`);
      await succeed("local", "up", "--systems", [fluxstudio.name, candlefish.name].join(","));
      expect(await poolIn()).toBe("7");

      const load = startLoad(await healthOf(fluxstudio), 2);
      const writer = await write(fluxstudio, "quick");
      const start = performance.now();
      const output = await succeed("rollback", "quick", ...nameOf(fluxstudio), "--yes");
      const seconds = (performance.now() - start) / 1000;
      expect(output).toContain("fluxstudio-local");
      expect(await poolIn()).toBe(before);
      await succeed("rollback", "revert", ...nameOf(fluxstudio));
      expect(await poolIn()).toBe("7");
      await succeed("rollback", "quick", ...nameOf(fluxstudio), "--yes");
      await succeed("rollback", "commit", ...nameOf(fluxstudio));
      expect(await poolIn()).toBe(before);
      const { requests, failures, slowestMs } = await load.stop();
      const { acknowledged, failed, longestGapMs } = await writer.stop();
      console.log(
        `quick: ${seconds.toFixed(1)} s; ${requests} requests, slowest ${slowestMs} ms, failed ${JSON.stringify(failures)}; ${acknowledged.length} writes, ${failed} failed, longest gap ${longestGapMs} ms`,
      );
      expect(failures).toEqual({});
      expect(failed).toBe(0);
      const keys = await keysIn(fluxstudio);
      expect(acknowledged.filter((key) => !keys.has(key))).toEqual([]);
      expect(seconds).toBeLessThan(15 * 60);
    }, 600_000);
  });

  describe("full", () => {
    /** No acknowledged write is in neither database. */
    async function expectNothingLost(system: System, { acknowledged }: Written): Promise<void> {
      const kept = (await databasesOf(system)).filter((name) => name.includes("_before_"));
      const sets = await Promise.all([keysIn(system), ...kept.map((name) => keysIn(system, name))]);
      expect(acknowledged.filter((key) => !sets.some((keys) => keys.has(key)))).toEqual([]);
      expect(acknowledged.some((key) => sets[0]!.has(key))).toBe(true);
    }

    it.each([fluxstudio, candlefish])(
      "returns to the backup of $name far below an hour and loses no acknowledged write [F151]",
      async (system) => {
        await succeed("backup", "create", ...nameOf(system));
        await succeed("backup", "verify", ...nameOf(system));
        await sleep(1000);
        const load = startLoad(await healthOf(system), 1);
        const writer = await write(system, "full");
        const start = performance.now();
        const output = await succeed("rollback", "full", ...nameOf(system), "--yes");
        const seconds = (performance.now() - start) / 1000;
        const count = writer.count();
        while (writer.count() < count + 20) await sleep(20);
        const written = await writer.stop();
        const { requests, failures } = await load.stop();
        const failedRequests = Object.values(failures).reduce((sum, some) => sum + some, 0);
        console.log(
          `full, ${system.name}: ${seconds.toFixed(1)} s; ${requests} requests, ${failedRequests} failed; ${written.acknowledged.length} writes, ${written.failed} failed, longest gap ${written.longestGapMs} ms`,
        );
        console.log(output);
        await expectNothingLost(system, written);
        expect(await databasesOf(system)).toHaveLength(2);
        expect(seconds).toBeLessThan(3600);
      },
      600_000,
    );

    it.each([fluxstudio, candlefish])(
      "of $name continues where it was killed, and loses no acknowledged write",
      async (system) => {
        for (let kill = 0; kill < KILLS; kill++) {
          const found = new Set(await databasesOf(system));
          const writer = await write(system, `killed-${kill}`);
          const { process: rollback, ended } = project.start("rollback", "full", ...nameOf(system), "--yes");
          await Promise.race([sleep(500 + Math.random() * 6000), ended]);
          rollback.kill("SIGKILL");
          const { signal, code, output } = await ended;
          if (signal !== "SIGKILL") expect(code, output).toBe(0);
          else await succeed("rollback", "full", ...nameOf(system), "--yes");
          const written = await writer.stop();
          const added = (await databasesOf(system)).filter((name) => !found.has(name));
          expect(added).toEqual([expect.stringMatching(/_before_\d{8}t\d{6}z$/)]);
          await expectNothingLost(system, written);
        }
      },
      7_200_000,
    );
  });
});
