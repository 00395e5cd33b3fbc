import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openApps } from "../../local/apps/apps.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { type Stack, startStack } from "./stack.ts";

const config = {
  "slipway:environment": "local",
  "slipway:systems": ["devx"],
  "slipway:region": "nyc1",
  "slipway:allowedSources": ["127.0.0.1"],
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-1vcpu-1gb", nodes: 1 },
  "slipway:verify": "fail",
};

/** Between the verification and the service: replaces the answers of one path. */
interface Lie {
  readonly path: string;
  readonly status: number;
  readonly body: object;
}

/** Pulumi's engine, a real Postgres, and a placeholder service whose answers come from it. */
describeWithPulumi("the verification at the end of an up", (cli) => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  const apps = openApps({ state: home.state, report: () => {} });
  let stack: Stack;
  let router: Server;
  let service = "";
  let lie: Lie | undefined;

  beforeAll(async () => {
    router = createServer(async (request, reply) => {
      if (lie !== undefined && request.url === lie.path) {
        reply.writeHead(lie.status, { "content-type": "application/json" }).end(JSON.stringify(lie.body));
        return;
      }
      const answer = await fetch(`${service}${request.url}`);
      reply.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
    });
    await new Promise<void>((resolve) => router.listen(0, "127.0.0.1", resolve));
    stack = await startStack(cli, config, {
      backing: {
        ...recordOnly,
        ...servers,
        ...apps,
        async placeApp(app) {
          const placed = await apps.placeApp(app);
          service = placed.url;
          return { ...placed, url: `http://127.0.0.1:${(router.address() as AddressInfo).port}` };
        },
      },
    });
  });
  afterAll(async () => {
    await stack?.remove();
    await apps.close();
    router.closeAllConnections();
    await new Promise((resolve) => router.close(resolve));
    await removeHome(home);
  });

  it("reports what passed and the deployment with its commit, and runs again only when something changes [F11]", async () => {
    const output = await stack.succeed("up", "--yes", "--skip-preview");
    expect(output).toMatch(/DevX Platform: \d+ checks passed/);
    expect(output).toMatch(/devx-platform\S*: deployment [0-9a-f-]{36} of commit [0-9a-f]+: ACTIVE/);
    await stack.succeed("preview", "--expect-no-changes");
    await stack.succeed("config", "set", "--path", 'slipway:devx.connections["api/POSTGRES_POOL_MAX"]', "6");
    expect(await stack.succeed("preview", "--diff")).toContain("verification after the deployment, because of app devx");
  });

  it("fails the up with the name of the check where the service lies, and passes once it is corrected", async () => {
    lie = { path: "/api/templates", status: 200, body: { items: [{ slug: "made-up" }] } };
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code, output).not.toBe(0);
    expect(output).toContain("failed after the deployment. The new version is deployed and serves.");
    expect(output).toMatch(/canary devx-platform\S*\/api: GET \/api\/templates/);
    expect(output).toContain("slipway rollback plan --system devx --stack test");
    expect(output).not.toMatch(/\n\s+at .*\.[jt]s:\d+/);
    lie = undefined;
    expect(await stack.succeed("up", "--yes", "--skip-preview")).toMatch(/DevX Platform: \d+ checks passed/);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is no place for what was changed by hand, which doctor finds", async () => {
    const doctor = async () => {
      const { output } = await stack.slipway("doctor", "--stack", "test", "--system", "devx", "--json");
      const { examinations } = JSON.parse(output) as { examinations: { findings: { id: string; subject: string; evidence: string }[] }[] };
      return examinations.flatMap(({ findings }) => findings).filter(({ id }) => id.startsWith("drift-"));
    };
    expect(await doctor()).toEqual([]);
    const { databases } = (await stack.get("/v2/databases")) as { databases: { id: string; size: string }[] };
    await stack.put(`/v2/databases/${databases[0]!.id}/resize`, { size: "db-s-1vcpu-2gb", num_nodes: 1 });
    expect(await doctor()).toMatchObject([
      {
        id: "drift-changed",
        subject: "DatabaseCluster shared-postgres-test",
        evidence: expect.stringContaining("size is db-s-1vcpu-2gb instead of db-s-1vcpu-1gb"),
      },
    ]);
    await stack.succeed("config", "set", "--path", "slipway:postgres.size", "db-s-1vcpu-2gb");
    await stack.succeed("up", "--yes", "--skip-preview", "--refresh");
    expect(await doctor()).toEqual([]);
  });

  it("only warns where the stack says so", async () => {
    await stack.succeed("config", "set", "slipway:verify", "warn");
    lie = { path: "/health", status: 200, body: { status: "ok", database: "disconnected" } };
    expect(await stack.succeed("up", "--yes", "--skip-preview")).toMatch(/health devx-platform\S*\/api: GET \/health/);
    lie = undefined;
  });
});
