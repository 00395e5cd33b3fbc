import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addSources } from "../../local/apps/sources.ts";
import { listServerStatus } from "../../local/servers/status.ts";
import { removeHome } from "../../local/servers/testing/servers.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { openRealBacking } from "./real-backing.ts";
import { type Stack, startStack } from "./stack.ts";

/** An app is polled every 10 seconds by the provider. */
/** A plain program of the DigitalOcean provider: no component of slipway's is in it. */
const index = `
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";

export default async function program() {
  const github = { repo: "acme/shop", branch: "main", deployOnPush: true };
  const envs = [
    { key: "DATABASE_URL", value: "\${db.DATABASE_URL}", scope: "RUN_TIME" },
    { key: "DATABASE_CA", value: "\${db.CA_CERT}", scope: "RUN_TIME" },
    { key: "RELEASE", value: new pulumi.Config("shop").get("release") ?? "1", scope: "RUN_TIME" },
  ];
  const app = new digitalocean.App("shop", {
    spec: {
      name: "shop",
      region: "nyc",
      services: [{ name: "api", github, httpPort: 3000, envs }],
      jobs: [
        { name: "migrate", kind: "PRE_DEPLOY", github, sourceDir: "database", runCommand: "node migrate.mjs", envs },
        { name: "rescue", kind: "FAILED_DEPLOY", github, runCommand: "echo $RELEASE >> rescued", envs },
      ],
      databases: [{ name: "db", engine: "PG", production: false }],
    },
  });
  return { url: app.liveUrl };
}
`;

const migration = (statement: string) => `
import pg from ${JSON.stringify(fileURLToPath(import.meta.resolve("pg")))};
const client = new pg.Client({ connectionString: process.env.DATABASE_URL.replace(/\\?.*/, ""), ssl: { ca: process.env.DATABASE_CA } });
await client.connect();
try {
  await client.query(${JSON.stringify(statement)});
} catch (error) {
  console.error(\`migration failed: \${error.message}\`);
  process.exitCode = 1;
} finally {
  await client.end();
}
`;

describeWithPulumi("an app with a development database and a migration job", (cli) => {
  const { home, apps, backing } = openRealBacking();
  const repository = join(home.state, "..", "repository");
  let stack: Stack;

  beforeAll(async () => {
    mkdirSync(join(repository, "database"), { recursive: true });
    addSources(home.state, { shop: repository });
    stack = await startStack(cli, {}, { index, backing });
  }, 60_000);
  afterAll(async () => {
    await stack?.remove();
    await removeHome(home);
  }, 60_000);

  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  const app = async (): Promise<any> => ((await stack.get("/v2/apps")).apps as object[])[0];
  const write = (statement: string) => writeFileSync(join(repository, "database", "migrate.mjs"), migration(statement));
  async function orders(): Promise<object[]> {
    const environment = readFileSync(`/proc/${apps.status()[0]!.components.find(({ name }) => name === "api")!.pid}/environ`, "utf8");
    const value = (key: string) => new RegExp(`(?:^|\\0)${key}=([^\\0]*)`).exec(environment)![1]!;
    const client = new pg.Client({ connectionString: value("DATABASE_URL").replace(/\?.*/, ""), ssl: { ca: value("DATABASE_CA") } });
    await client.connect();
    try {
      return (await client.query("SELECT id FROM orders")).rows as object[];
    } finally {
      await client.end();
    }
  }

  it("comes up migrated, and the next preview has no change", async () => {
    write("CREATE TABLE orders AS SELECT 1 AS id");
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code, output).toBe(0);
    expect(stack.requests().filter((request) => !/ 20\d$/.test(request))).toEqual([]);
    expect(await orders()).toEqual([{ id: 1 }]);
    const preview = await stack.pulumi("preview", "--expect-no-changes");
    expect(preview.code, preview.output).toBe(0);
  });

  it("stays as it was when the migration of an update fails, and FAILED_DEPLOY runs", async () => {
    const before = (await app()).active_deployment.id;
    write("ALTER TABLE nowhere ADD COLUMN total int");
    await stack.pulumi("config", "set", "shop:release", "2");
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code, output).not.toBe(0);
    const { active_deployment } = await app();
    expect([active_deployment.id, active_deployment.phase]).toEqual([before, "ACTIVE"]);
    const [latest] = (await stack.get(`/v2/apps/${(await app()).id}/deployments`)).deployments as { phase: string; progress: object }[];
    expect(latest!.phase).toBe("ERROR");
    expect(JSON.stringify(latest!.progress)).toContain('migration failed: relation \\"nowhere\\" does not exist');
    expect(readFileSync(join(repository, "rescued"), "utf8")).toBe("2\n");
    expect(await orders()).toEqual([{ id: 1 }]);
  });

  it("takes the next update whose migration succeeds", async () => {
    write("INSERT INTO orders VALUES (2)");
    await stack.pulumi("config", "set", "shop:release", "3");
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code, output).toBe(0);
    expect(await orders()).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it("leaves no server when it is destroyed", async () => {
    const { code, output } = await stack.pulumi("destroy", "--yes", "--skip-preview");
    expect(code, output).toBe(0);
    expect(listServerStatus(home.state)).toEqual([]);
    expect(existsSync(join(repository, "database"))).toBe(true);
  });
});
