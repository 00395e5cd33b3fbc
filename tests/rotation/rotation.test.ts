/**
 * Rotations on the local platform: real servers, and services that query their database with the credentials of their variables in every request.
 * `npm run soak -- rotation` runs them as often as the requirement says.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alternateOf, userIn } from "../../catalog/alternate-user.ts";
import { connectionOf } from "../../operate/rotate/account.ts";
import { countSessions } from "../../operate/rotate/sessions.ts";
import { compareEffectiveRights } from "../../postdeploy/roles/effective-rights.ts";
import { candlefish } from "../../systems/candlefish.ts";
import type { System } from "../../systems/definition.ts";
import { fluxstudio } from "../../systems/fluxstudio.ts";
import { startLoad } from "../load.ts";
import { createProject, type TestProject } from "../local-project.ts";

const ROTATIONS = Number(process.env.SLIPWAY_ROTATIONS ?? 2);
const REQUESTS = Number(process.env.SLIPWAY_REQUESTS ?? 1000);
const KILLS = Number(process.env.SLIPWAY_KILLS ?? 4);

/** Each request to Candlefish's services opens connections to its stores, so that fewer of them take as long. */
const requestsOf = ({ name }: System): number => (name === fluxstudio.name ? REQUESTS : REQUESTS / 10);

const NAMES = [fluxstudio.name, candlefish.name];
const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
const TODAY = (): string => daysAgo(0);

describe("a rotation on the local platform", () => {
  let project: TestProject;
  beforeAll(async () => {
    project = createProject();
    const { code, output } = await project.slipway("local", "up", "--systems", NAMES.join(","));
    expect(code, output).toBe(0);
  }, 240_000);
  afterAll(() => project.remove());

  const rotate = (system: System, ...more: string[]) =>
    project.slipway("rotate", "run", "--stack", "local", "--system", system.name, "--idle", "2", ...more);

  async function succeed(system: System, ...more: string[]): Promise<string> {
    const { code, output } = await rotate(system, ...more);
    expect(code, output).toBe(0);
    return output;
  }

  const passwordOf = async (system: System, user: string) => await project.account().readPassword(await project.cluster(system), user);

  /** Nothing is unfinished: one user is used and has a password that works, and both may do the same. */
  async function expectFinished(system: System): Promise<void> {
    const { runtime } = system.postgres.roles;
    const cluster = await project.cluster(system);
    const administrator = connectionOf(cluster, cluster.admin, system.postgres.database);
    const { active, ...rest } = project.credential(system.name, "runtime")!;
    expect(rest).toEqual({ since: TODAY() });
    const user = userIn(active as "a" | "b", runtime);
    const apps = await project.account().listApps(cluster, [runtime, alternateOf(runtime)]);
    expect(apps.map(({ specified, active: serving, deploying }) => ({ specified, serving, deploying }))).toEqual(
      apps.map(() => ({ specified: [user], serving: [user], deploying: undefined })),
    );
    expect(await compareEffectiveRights(administrator, [runtime, alternateOf(runtime)])).toEqual([]);
    expect(await project.login(system, user, (await passwordOf(system, user))!)).toBe("accepted");
    const other = userIn(active === "a" ? "b" : "a", runtime);
    expect((await countSessions(administrator, [other])).get(other)).toBe(0);
  }

  /** The addresses at which the apps of a system report their health. */
  const healthOf = (system: System): Promise<string[]> =>
    Promise.all(
      Object.values(system.apps).map(async ({ name, components }) => {
        const service = Object.values(components).find((component) => component.kind === "service")!;
        return `${await project.appUrl(`${name}-local`)}${service.health.path}`;
      }),
    );

  async function rotateUnderLoad(system: System): Promise<void> {
    const load = startLoad(await healthOf(system), 4);
    const refused: { user: string; password: string }[] = [];
    for (let rotation = 0; rotation < ROTATIONS; rotation++) {
      const { active = "a" } = project.credential(system.name, "runtime") ?? {};
      const user = userIn(active as "a" | "b", system.postgres.roles.runtime);
      refused.push({ user, password: (await passwordOf(system, user))! });
      await succeed(system);
      while (load.count() < (requestsOf(system) * (rotation + 1)) / ROTATIONS) await sleep(100);
    }
    const { requests, failures, slowestMs } = await load.stop();
    console.log(
      `${system.name}: ${requests} requests during ${ROTATIONS} rotations, slowest ${slowestMs} ms, failed: ${JSON.stringify(failures)}`,
    );
    expect(failures).toEqual({});
    expect(requests).toBeGreaterThanOrEqual(requestsOf(system));
    for (const { user, password } of refused) expect(await project.login(system, user, password)).toBe("refused");
    await expectFinished(system);
  }

  it("answers every request while the credentials are rotated, refuses each old password, and warns after 90 days [F88]", async () => {
    await rotateUnderLoad(fluxstudio);
    const status = () => project.slipway("rotate", "status", "--stack", "local", "--system", "fluxstudio");
    expect(await status()).toMatchObject({ code: 0 });
    project.writeStackFile(project.stackFile().replace(`since: "${TODAY()}"`, `since: "${daysAgo(91)}"`));
    expect(await status()).toMatchObject({
      code: 1,
      output: expect.stringContaining(
        "The credential of runtime is 91 days old, more than 90: slipway rotate run -s local --system fluxstudio",
      ),
    });
    expect((await project.slipway("doctor", "--system", "fluxstudio")).output).toContain("credential-old");
    project.writeStackFile(project.stackFile().replace(`since: "${daysAgo(91)}"`, `since: "${TODAY()}"`));
  }, 3_600_000);

  it("answers every request through a pool, which is not replaced", () => rotateUnderLoad(candlefish), 3_600_000);

  it("continues where it was killed, to the same end, without a failed request", async () => {
    const url = `${await project.appUrl("fluxstudio-local")}/api/health`;
    const load = startLoad([url], 2);
    let killed = 0;
    while (killed < KILLS) {
      const { process: rotator, ended } = project.start("rotate", "run", "--stack", "local", "--system", "fluxstudio", "--idle", "2");
      await Promise.race([sleep(400 + Math.random() * 4000), ended]);
      rotator.kill("SIGKILL");
      if ((await ended).signal === "SIGKILL") killed++;
      if (killed % 2 === 0) continue;
      const { active, retiring } = project.credential("fluxstudio", "runtime") ?? {};
      await succeed(fluxstudio);
      await expectFinished(fluxstudio);
      // A rotation that had switched the user is finished, and not another one begun.
      if (retiring !== undefined) expect(project.credential("fluxstudio", "runtime")!.active).toBe(active);
    }
    await succeed(fluxstudio);
    await expectFinished(fluxstudio);
    const { requests, failures } = await load.stop();
    console.log(`${killed} kills during ${requests} requests, failed: ${JSON.stringify(failures)}`);
    expect(failures).toEqual({});
  }, 7_200_000);

  it("refuses a second run at the same time, which changes nothing", async () => {
    const runs = await Promise.all([rotate(fluxstudio), rotate(fluxstudio)]);
    const refused = runs.filter(({ code }) => code !== 0);
    expect(refused).toHaveLength(1);
    expect(refused[0]!.output).toContain("Another rotation is running in this project. Wait until it ends.");
    await expectFinished(fluxstudio);
  });

  it("cannot cover Valkey: from the reset of its password until the new instances are healthy, new connections are refused", async () => {
    const { api } = project;
    const urls = await healthOf(candlefish);
    const load = startLoad(urls, 1);
    const { databases } = await api("GET", "/v2/databases");
    const store = databases.find(({ engine }: { engine: string }) => engine === "valkey");
    const reset = performance.now();
    await api("POST", `/v2/databases/${store.id}/users/default/reset_auth`, {});
    const { apps } = await api("GET", "/v2/apps");
    const readers = apps.filter(({ spec }: App) => spec.databases?.some(({ cluster_name: name }) => name === store.name));
    expect(readers.length).toBeGreaterThan(0);
    for (const { id } of readers) await api("POST", `/v2/apps/${id}/deployments`, {});
    const isDone = async () =>
      (await api("GET", "/v2/apps")).apps.every((app: App) => !app.in_progress_deployment && !app.pending_deployment);
    await expect.poll(isDone, { timeout: 60_000 }).toBe(true);
    const answered = performance.now();
    const { requests, failures } = await load.stop();
    console.log(
      `Valkey: ${Math.round(answered - reset)} ms from the reset to the end of the deployments; ${requests} requests, failed: ${JSON.stringify(failures)}`,
    );
    const after = startLoad(urls, 1);
    await expect.poll(() => after.count() > 20, { timeout: 30_000 }).toBe(true);
    expect((await after.stop()).failures).toEqual({});
  }, 240_000);
});

interface App {
  readonly id: string;
  readonly spec: { readonly databases?: readonly { readonly cluster_name?: string }[] };
  readonly in_progress_deployment?: object;
  readonly pending_deployment?: object;
}
