import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { type Stack, startStack } from "./stack.ts";

const config = {
  "slipway:environment": "local",
  "slipway:systems": ["devx"],
  "slipway:region": "nyc1",
  "slipway:allowedSources": ["127.0.0.1"],
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-1vcpu-1gb", nodes: 1 },
};

/** The same as a real deployment but for where it goes: Pulumi's engine, the real provider, a real Postgres behind the API. */
describeWithPulumi("migrations in a deployment", (cli) => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config, {
      backing: { ...recordOnly, ...servers },
      copied: ["sql", "keyspaces"],
    });
  });
  afterAll(async () => {
    await stack?.remove();
    await removeHome(home);
  });

  const keyspace = () => join(stack.program, "keyspaces", "devx", "broken.yaml");
  const write = (name: string, sql: string) => writeFileSync(join(stack.program, "sql", "devx", name), sql);

  it("are parsed before anything exists: a preview and an up list every error with its position, and create nothing", async () => {
    write("004_broken.sql", "CREATE TABLE devx.a (id uuid);\n\nALTER TABEL devx.a ADD b text;\n");
    write("005_open.sql", "INSERT INTO devx.a VALUES ('x);\n");
    writeFileSync(keyspace(), "keyspace: broken\nstorre: state\n");
    for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, output } = await stack.pulumi(...command);
      expect(code).not.toBe(0);
      expect(output).toContain("3 errors in the files that post-deploy steps apply. Nothing was deployed.");
      expect(output).toContain('sql/devx/004_broken.sql:3:7: syntax error at or near "TABEL".');
      expect(output).toContain("sql/devx/005_open.sql:1:28: ");
      expect(output).toMatch(/keyspaces\/devx\/broken\.yaml:2: .*storre/);
      expect(output).not.toMatch(/\n\s+at .*\.[jt]s:\d+/);
    }
    expect(stack.requests().filter((request) => request.includes("/v2/"))).toEqual([]);
    for (const file of ["004_broken.sql", "005_open.sql"]) rmSync(join(stack.program, "sql", "devx", file));
    rmSync(keyspace());
  });

  it("run before the app, as its owner, and are quiet in the next preview [D48]", async () => {
    expect(await stack.succeed("preview", "--diff")).toMatch(
      /pending +: "3 migrations pending: 001_create_base_schema.sql, 002_add_api_keys_table.sql, 003_api_keys_never_in_clear.sql"/,
    );
    await stack.succeed("up", "--yes", "--skip-preview");
    await stack.succeed("refresh", "--yes");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("show in a preview what is pending", async () => {
    write("004_notes.sql", "CREATE TABLE devx.notes (id uuid PRIMARY KEY);\nALTER TABLE devx.nots ADD body text;\n");
    write("004_notes.down.sql", "DROP TABLE devx.notes;\n");
    expect(await stack.succeed("preview", "--diff")).toContain("1 migration pending: 004_notes.sql");
  });

  it("fail the up with the SQL error, its line and no stack trace, and the app is not deployed [D48]", async () => {
    await stack.succeed("config", "set", "--path", "slipway:devx.sizes.api.instances", "2");
    await stack.succeed("config", "set", "--path", "slipway:devx.sizes.api.size", "apps-s-1vcpu-1gb");
    stack.requests();
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code).not.toBe(0);
    expect(output).toContain('004_notes.sql:2:1: relation "devx.nots" does not exist (42P01)');
    expect(output).toContain("004_notes.sql was rolled back completely.");
    expect(output).not.toMatch(/\n\s+at .*\.[jt]s:\d+/);
    expect(stack.requests().filter((request) => request.startsWith("PUT /v2/apps"))).toEqual([]);
  });

  it("go on from there with the next up", async () => {
    write("004_notes.sql", "CREATE TABLE devx.notes (id uuid PRIMARY KEY);\n");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(stack.requests().filter((request) => request.startsWith("PUT /v2/apps"))).not.toEqual([]);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("own everything again after their owner was deleted in the account and created again", async () => {
    const { databases } = (await stack.get("/v2/databases")) as { databases: { id: string }[] };
    await stack.delete(`/v2/databases/${databases[0]!.id}/users/devx_owner`);
    await stack.succeed("refresh", "--yes");
    write("005_notes.sql", "ALTER TABLE devx.notes ADD title text;\n");
    expect(await stack.succeed("preview", "--diff")).toMatch(/pending +: "nothing" => "rights of .*devx_owner.* in devxplatform"/);
    await stack.succeed("up", "--yes", "--skip-preview");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("report and undo in the next preview and up what a role sets for itself, and are quiet after it", async () => {
    const { databases } = (await stack.get("/v2/databases")) as { databases: { id: string; connection: { port: number; host: string } }[] };
    const [{ id, connection } = { id: "", connection: { port: 0, host: "" } }] = databases;
    const { users } = (await stack.get(`/v2/databases/${id}/users`)) as { users: { name: string; password: string }[] };
    const endpoint = await stack.endpointOf({ id, connection });
    const { password } = users.find(({ name }) => name === "devx")!;
    await query(endpoint, "ALTER ROLE devx SET row_security = off", {
      host: connection.host,
      user: "devx",
      password,
      database: "devxplatform",
    });
    expect(await stack.succeed("preview", "--diff")).toContain('ALTER ROLE \\"devx\\" RESET \\"row_security\\"');
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await query(endpoint, "SHOW row_security", { host: connection.host, user: "devx", password, database: "devxplatform" })).toEqual(
      [{ row_security: "on" }],
    );
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("drop nothing when the stack is destroyed, but what the cluster takes with it", async () => {
    await stack.succeed("destroy", "--yes");
    expect((await stack.get("/v2/databases")).databases).toEqual([]);
  });
});
