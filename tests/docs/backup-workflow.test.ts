/** The workflow in docs/examples/backup.yml: its scripts are run, with the variables that it sets, and make, check and restore a backup. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { generateSigningKey } from "../../backup/signature.ts";
import { createTestKeys } from "../../backup/testing/fixture.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { DATABASE_URL, POSTGRES_CA, storeVariable } from "../../catalog/connection-variables.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, REAL_CACHE, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { systems } from "../../systems/index.ts";
import { ROOT } from "../setup/checkout.ts";

interface Job {
  readonly if: string;
  readonly strategy?: { readonly matrix: { readonly system: readonly string[] } };
  readonly steps: readonly { readonly run?: string; readonly env?: Readonly<Record<string, string>> }[];
}
const workflow: {
  readonly on: { readonly schedule: readonly { readonly cron: string }[] };
  readonly jobs: Readonly<Record<"make" | "status" | "rehearse", Job>>;
} = parse(readFileSync(join(ROOT, "docs/examples/backup.yml"), "utf8"));
const jobs = Object.entries(workflow.jobs);
const slipwayStep = ({ steps }: Job) => steps.find(({ run }) => run?.includes("npx slipway"))!;

describe("the example of a workflow for backups", () => {
  it("sets no variable but those that slipway, or the script itself, reads", () => {
    const stores = systems.flatMap((system) => Object.entries(system.stores).filter(([, { class: kind }]) => kind === "state"));
    const known: readonly string[] = [
      ...[...Object.values(BACKUP_VARIABLES), DATABASE_URL, POSTGRES_CA],
      ...stores.flatMap(([store]) => [storeVariable(store, "URL"), storeVariable(store, "CA")]),
    ];
    for (const [, job] of jobs) {
      const { env, run } = slipwayStep(job);
      expect(Object.keys(env!).filter((name) => !known.includes(name) && !run!.includes(`"$${name}"`))).toEqual([]);
    }
    const names = Object.keys(slipwayStep(workflow.jobs.make).env!);
    expect(
      known.filter((name) => ![BACKUP_VARIABLES.verifyKeys, BACKUP_VARIABLES.keep].some((one) => one === name) && !names.includes(name)),
    ).toEqual([]);
  });

  it("names systems that exist, and starts each job by a schedule of its own", () => {
    const named = jobs.flatMap(([, { strategy }]) => strategy?.matrix.system ?? []);
    expect(named.filter((name) => !systems.some((system) => system.name === name))).toEqual([]);
    const schedules = workflow.on.schedule.map(({ cron }) => cron);
    expect(jobs.map(([, job]) => /schedule == '(.*?)'/.exec(job.if)?.[1])).toEqual(schedules);
  });
});

describe("its scripts", () => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  const temporary = mkdtempSync(join(tmpdir(), "slipway-workflow-"));
  let values: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const postgres = await servers.startCluster(postgresCluster("workflow", { databases: ["defaultdb", "devx"] }));
    await query(postgres, "CREATE TABLE items AS SELECT n FROM generate_series(1, 100) n", { database: "devx" });
    const { identity, recipient } = await createTestKeys();
    const { signingKey, verifyKey } = generateSigningKey();
    values = {
      "matrix.system": "devx",
      "vars.DATABASE_CA": postgres.ca,
      "secrets.DATABASE_URL": `postgresql://doadmin:AVNS_doadmin@localhost:${postgres.port}/devx?sslmode=verify-full`,
      ...Object.fromEntries(
        ["STATE", "VALKEY"].flatMap((store) => [
          [`secrets.STORE_${store}_URL`, ""],
          [`vars.STORE_${store}_CA`, ""],
        ]),
      ),
      "vars.BACKUP_STORE": join(temporary, "store"),
      "secrets.BACKUP_STORE_KEY": "",
      "vars.BACKUP_OFFSITE": join(temporary, "offsite"),
      "secrets.BACKUP_OFFSITE_KEY": "",
      "vars.BACKUP_RECIPIENTS": recipient,
      "secrets.BACKUP_SIGNING_KEY": signingKey,
      "vars.BACKUP_VERIFY_KEYS": verifyKey,
      "secrets.BACKUP_KEY": identity,
    };
    mkdirSync(join(temporary, "home"));
  });
  afterAll(async () => {
    await servers.close();
    await removeHome(home);
    rmSync(temporary, { recursive: true });
  });

  /** As GitHub starts it. */
  async function run(job: keyof typeof workflow.jobs) {
    const { env, run: script } = slipwayStep(workflow.jobs[job]);
    const value = (expression: string) => values[expression] ?? `there is no value of ${expression}`;
    const set = Object.entries(env!).map(([name, text]) => [
      name,
      text.replace(/\$\{\{ (\S+) \}\}/g, (_, expression) => value(expression)),
    ]);
    const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
    const options = {
      cwd: ROOT,
      env: { PATH, HOME: join(temporary, "home"), XDG_CACHE_HOME: dirname(REAL_CACHE), RUNNER_TEMP: temporary, ...Object.fromEntries(set) },
    };
    const started = promisify(execFile)("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script!], options);
    const { stdout, stderr } = await started.catch((error: { stdout: string; stderr: string }) => error);
    return { code: started.child.exitCode, output: `${stdout}${stderr}` };
  }

  it("make a backup, once until the next one is due", async () => {
    expect(await run("make")).toEqual({
      code: 0,
      output: expect.stringMatching(/^Made devx\/postgres\S+ 100 rows in 1 table[\s\S]*intact/),
    });
    expect(await run("make")).toEqual({ code: 0, output: "" });
  });

  it("fail while a backup is not rehearsed, rehearse it, and succeed", async () => {
    expect(await run("status")).toMatchObject({ code: 1, output: expect.stringContaining("rehears") });
    expect(await run("rehearse")).toMatchObject({ code: 0, output: expect.stringMatching(/^equal +devx\/postgres/) });
    expect(await run("status")).toMatchObject({ code: 0 });
  });
});
