/** Jobs of a deployment, with real processes and databases. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { isRunning } from "../../tests/processes.ts";
import { describeUnless, NEEDS_PROC } from "../../tests/skip.ts";
import { addSources } from "../apps/sources.ts";
import { startTestHost, type TestHost } from "./testing/platform.ts";

const source = { github: { repo: "acme/shop", branch: "main" } };
const envs = [
  { key: "DATABASE_URL", value: "${db.DATABASE_URL}", scope: "RUN_TIME" },
  { key: "DATABASE_CA", value: "${db.CA_CERT}", scope: "RUN_TIME" },
];
const databases = [{ name: "db", engine: "PG" }];
const service = { name: "api", ...source, envs };
const job = (name: string, kind: string, run_command: string, more: object = {}) => ({ name, kind, run_command, ...source, ...more });

const MIGRATION = `
import pg from ${JSON.stringify(fileURLToPath(import.meta.resolve("pg")))};
const { DATABASE_URL, DATABASE_CA } = process.env;
const client = new pg.Client({ connectionString: DATABASE_URL.replace(/\\?.*/, ""), ssl: { ca: DATABASE_CA } });
await client.connect();
await client.query("CREATE TABLE IF NOT EXISTS orders (id int)");
await client.query("INSERT INTO orders SELECT count(*) + 1 FROM orders");
console.log("migrated", process.cwd());
await client.end();
`;

describeUnless(NEEDS_PROC, "a job", () => {
  let test: TestHost;
  let repository: string;
  beforeAll(async () => {
    test = await startTestHost();
  }, 60_000);
  afterAll(() => test.close(), 60_000);
  beforeEach(() => {
    repository = mkdtempSync(join(tmpdir(), "slipway source "));
    mkdirSync(join(repository, "database"));
    writeFileSync(join(repository, "database", "migrate.mjs"), MIGRATION);
    addSources(test.workspace.home.state, { shop: repository });
    return () => rmSync(repository, { recursive: true });
  });

  const logOf = (name: string, app = "shop") => readFileSync(join(test.workspace.home.state, "apps", app, name, "log"), "utf8");
  const trace = () => (existsSync(join(repository, "trace")) ? readFileSync(join(repository, "trace"), "utf8").trim().split("\n") : []);
  async function rows(sql: string): Promise<object[]> {
    const { DATABASE_URL, DATABASE_CA } = test.host.env("shop", "api")!.env;
    const client = new pg.Client({ connectionString: DATABASE_URL!.replace(/\?.*/, ""), ssl: { ca: DATABASE_CA! } });
    await client.connect();
    try {
      return (await client.query(sql)).rows as object[];
    } finally {
      await client.end();
    }
  }
  // biome-ignore lint/suspicious/noExplicitAny: the tree of an answer
  const stepsOf = (steps: any[]): any[] => steps.flatMap((step) => [step, ...stepsOf(step.steps ?? [])]);
  const statusOf = (deployment: { progress: { steps: object[] } }, component: string) =>
    stepsOf(deployment.progress.steps).find((step) => step.name === "wait" && step.component_name === component)?.status;

  it("of kind PRE_DEPLOY runs its command against the development database before the service starts, once per deployment", async () => {
    const migrate = job("migrate", "PRE_DEPLOY", "node migrate.mjs", { source_dir: "database", envs });
    const spec = { name: "shop", services: [service], jobs: [migrate], databases };
    const { id, deployment } = await test.create(spec);
    expect(deployment.phase).toBe("ACTIVE");
    expect(deployment.jobs).toMatchObject([{ name: "migrate" }]);
    const { progress } = deployment;
    expect(progress).toMatchObject({ error_steps: 0, pending_steps: 0, success_steps: progress.total_steps });
    const waits = stepsOf(progress.steps).filter(({ name }) => name === "wait");
    expect(waits.map(({ component_name }) => component_name)).toEqual(["migrate", "api"]);
    expect(await rows("SELECT id FROM orders")).toEqual([{ id: 1 }]);
    expect(logOf("migrate")).toContain(`migrated ${join(repository, "database")}`);
    const line = (await test.host.status()).apps[0]!.components.find(({ name }) => name === "migrate");
    expect(line?.log).toBe(join(test.workspace.home.state, "apps", "shop", "migrate", "log"));

    await test.restart();
    expect(await rows("SELECT id FROM orders")).toHaveLength(1);
    await test.update(id, spec);
    expect(await rows("SELECT id FROM orders")).toHaveLength(2);
    await test.remove(id);
  });

  it("of kind PRE_DEPLOY that fails stops the deployment: the previous one stays active, FAILED_DEPLOY runs and POST_DEPLOY does not", async () => {
    const jobs = (command: string) => [
      job("after", "POST_DEPLOY", `echo after >> ${JSON.stringify(join(repository, "trace"))}`),
      job("rescue", "FAILED_DEPLOY", `echo rescue >> ${JSON.stringify(join(repository, "trace"))}`),
      job("first", "PRE_DEPLOY", `echo first >> ${JSON.stringify(join(repository, "trace"))}`),
      job("second", "PRE_DEPLOY", command),
    ];
    const first = await test.create({ name: "shop", services: [service], databases, jobs: jobs("echo second >> trace") });
    expect(first.deployment.phase).toBe("ACTIVE");
    expect(trace()).toEqual(["first", "second", "after"]);
    const apiPid = async () => (await test.host.status()).apps[0]!.components.find(({ name }) => name === "api")!.pid;

    const before = await apiPid();
    expect(before).toBeDefined();
    const failed = await test.update(first.id, {
      name: "shop",
      services: [service, { ...service, name: "extra" }],
      databases,
      jobs: jobs("echo column does not exist >&2; exit 3"),
    });
    expect(failed.deployment.phase).toBe("ERROR");
    expect(trace()).toEqual(["first", "second", "after", "first", "rescue"]);
    expect(failed.app.active_deployment.id).toBe(first.deployment.id);
    expect((await fetch(failed.app.live_url)).status).toBe(200);
    expect(await apiPid()).toBe(before);
    expect(["first", "second", "api", "extra", "after", "rescue"].map((name) => statusOf(failed.deployment, name))).toEqual([
      ...["SUCCESS", "ERROR", "PENDING", "PENDING", "PENDING", "SUCCESS"],
    ]);
    expect(failed.deployment.progress.error_steps).toBe(1);
    const error = stepsOf(failed.deployment.progress.steps).find(({ name, status }) => name === "wait" && status === "ERROR");
    expect(error.reason.code).toBe("DeployContainerExitNonZero");
    expect(error.reason.message).toBe('"echo column does not exist >&2; exit 3" exited with code 3:\ncolumn does not exist');
    expect(logOf("second")).toContain("failed: exited with code 3");
    await test.remove(first.id);
  });

  it("of kind POST_DEPLOY that fails reverts to the previous deployment", async () => {
    const spec = (path: string, command: string) => ({
      name: "shop",
      services: [{ ...service, health_check: { http_path: path } }],
      databases,
      jobs: [job("smoke", "POST_DEPLOY", command)],
    });
    const first = await test.create(spec("/one", "exit 0"));
    const failed = await test.update(first.id, spec("/two", "exit 1"));
    expect([failed.deployment.phase, statusOf(failed.deployment, "api"), statusOf(failed.deployment, "smoke")]).toEqual([
      ...["ERROR", "SUCCESS", "ERROR"],
    ]);
    expect((await fetch(`${failed.app.live_url}/one`)).status).toBe(200);
    expect((await fetch(`${failed.app.live_url}/two`)).status).toBe(404);
    await test.remove(first.id);
  });

  it("that prints a variable has its value in the log, but not in the API's response", async () => {
    const leak = job("leak", "PRE_DEPLOY", "echo url $DATABASE_URL; echo failed; exit 1", { envs });
    const { id, deployment } = await test.create({ name: "shop", services: [service], databases, jobs: [leak] });
    expect(deployment.phase).toBe("ERROR");
    expect(JSON.stringify(deployment.progress.steps)).toContain("exited with code 1:\\nurl ***\\nfailed");
    expect(logOf("leak")).toMatch(/url postgresql:\/\/db:AVNS_/);
    await test.remove(id);
  });

  it("without a local source checks the databases in its variables, and fails if one does not answer", async () => {
    // No server listens on port 1.
    const placeholder = (value: string) => job("migrate", "PRE_DEPLOY", "exit 1", { envs: [{ key: "DATABASE_URL", value }] });
    const app = (value: string) => ({ name: "elsewhere", services: [{ ...service, envs: [] }], jobs: [placeholder(value)], databases });
    const { id, deployment } = await test.create(app("${db.DATABASE_URL}"));
    expect(deployment.phase).toBe("ACTIVE");
    expect(logOf("migrate", "elsewhere")).toContain('"connections":{"DATABASE_URL":"ok"}');
    const failed = await test.update(id, app("postgresql://u:p@127.0.0.1:1/d"));
    expect(failed.deployment.phase).toBe("ERROR");
    expect(JSON.stringify(failed.deployment.progress.steps)).toContain("its placeholder exited with code 1");
    await test.remove(id);
  });

  it("is stopped with its child processes at its timeout, and when its deployment is canceled or the app is deleted", async () => {
    const app = (timeout: string) => ({
      name: "shop",
      services: [service],
      databases,
      jobs: [
        job("slow", "PRE_DEPLOY", "sleep 600 & echo $! > started; mv started pid; wait", {
          timeout,
          termination: { grace_period_seconds: 1 },
        }),
      ],
    });
    const ended = async () => {
      // On a busy machine the timeout can end the shell before it has written the number.
      if (!existsSync(join(repository, "pid"))) return;
      const pid = Number(readFileSync(join(repository, "pid"), "utf8"));
      rmSync(join(repository, "pid"));
      await expect.poll(() => isRunning(pid)).toBe(false);
    };
    const late = await test.create(app("2s"));
    expect(late.deployment.phase).toBe("ERROR");
    expect(JSON.stringify(late.deployment.progress.steps)).toContain("did not end within its timeout of 2 seconds");
    await ended();

    const begun = () => expect.poll(() => existsSync(join(repository, "pid"))).toBe(true);
    await test.call("PUT", `/v2/apps/${late.id}`, { spec: app("10m") });
    await begun();
    const [running] = (await test.call("GET", `/v2/apps/${late.id}/deployments`)).body.deployments;
    expect([running.phase, statusOf(running, "slow")]).toEqual(["DEPLOYING", "RUNNING"]);
    const canceled = await test.call("POST", `/v2/apps/${late.id}/deployments/${running.id}/cancel`);
    expect(canceled.body.deployment.phase).toBe("CANCELED");
    await ended();

    await test.call("POST", `/v2/apps/${late.id}/deployments`, {});
    await begun();
    await test.remove(late.id);
    await ended();
  });
});
