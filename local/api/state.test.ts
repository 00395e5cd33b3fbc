import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createCluster, POSTGRES, send, startTestApi, type TestReply, temporaryDirectory } from "./testing/api.ts";

describe("acknowledged state", () => {
  it("survives a restart: clusters with their users and pools, apps with their secrets, project assignments", async () => {
    const directory = temporaryDirectory();
    const before = await startTestApi({ directory });
    const id = await createCluster(before);
    await before.call("POST", `/v2/databases/${id}/users`, { name: "app" });
    await before.call("PUT", `/v2/databases/${id}/firewall`, { rules: [{ type: "ip_addr", value: "10.0.0.0/8" }] });
    const envs = [{ key: "TOKEN", value: "s3cret", type: "SECRET", scope: "RUN_TIME" }];
    const spec = { name: "shop", services: [{ name: "api", github: { repo: "a/b", branch: "main" }, envs }] };
    const app = (await before.call("POST", "/v2/apps", { spec })).body.app;
    const paths = [
      "/v2/account",
      "/v2/vpcs",
      "/v2/databases",
      `/v2/databases/${id}/users`,
      `/v2/databases/${id}/firewall`,
      "/v2/projects",
      `/v2/apps/${app.id}`,
    ];
    await before.cloud.idle();
    const read = async ({ call }: typeof before) => await Promise.all(paths.map(async (path) => (await call("GET", path)).body));
    const seen = await read(before);
    await before.api.close();
    await before.cloud.close();

    const after = await startTestApi({ directory });
    expect(await read(after)).toEqual(seen);
  });

  it("is complete and exact after 20 clients create and delete resources concurrently", async () => {
    const { api, call } = await startTestApi();
    const { id } = (await call("POST", "/v2/databases", { ...POSTGRES, size: "db-s-4vcpu-8gb" })).body.database;
    const client = async (number: number) => {
      const replies: string[] = [];
      const call = async (method: string, path: string, body?: object) =>
        replies.push(`${method} ${(await send(api.url, method, path, body)).status}`);
      for (let round = 0; round < 5; round++) {
        await call("POST", `/v2/databases/${id}/dbs`, { name: `db-${number}` });
        await call("POST", `/v2/databases/${id}/users`, { name: `user-${number}` });
        await call("POST", `/v2/databases/${id}/dbs`, { name: `contested-${round}` });
        await call("DELETE", `/v2/databases/${id}/users/user-${number}`);
        if (round < 4) await call("DELETE", `/v2/databases/${id}/dbs/db-${number}`);
      }
      return replies;
    };
    const replies = (await Promise.all(Array.from({ length: 20 }, (_, number) => client(number)))).flat();
    const count = (reply: string) => replies.filter((other) => other === reply).length;
    // For each of the five contested names, one of the 20 requests succeeds.
    expect([count("POST 201"), count("POST 422"), count("DELETE 204")]).toEqual([20 * 5 * 2 + 5, 20 * 5 - 5, 20 * 9]);
    const names = (await call("GET", `/v2/databases/${id}/dbs`)).body.dbs.map(({ name }: { name: string }) => name).sort();
    const mine = Array.from({ length: 20 }, (_, number) => `db-${number}`);
    expect(names).toEqual(["defaultdb", ...mine, ...[0, 1, 2, 3, 4].map((round) => `contested-${round}`)].sort());
    expect((await call("GET", `/v2/databases/${id}/users`)).body.users).toHaveLength(1);
  });

  it("survives SIGKILL at any moment, including during journal compaction", async () => {
    const directory = temporaryDirectory();
    const acknowledged = new Set<string>();
    // Large records, so that the journal is compacted every other round.
    const data = "x".repeat(200_000);
    for (let round = 0; round < 5; round++) {
      const server = await serve(directory);
      const call = (method: string, path: string, body?: object) => send(server.url, method, path, body, "local");
      if (round === 0) await call("POST", "/v2/domains", { name: "stored.example" });
      const stored = (await records(call)).filter(({ type }) => type === "TXT");
      expect([...acknowledged].filter((name) => !stored.some((record) => record.name === name))).toEqual([]);
      expect(stored.every((record) => record.data === data)).toBe(true);

      const before = acknowledged.size;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let index = 0; ; index++) {
          const name = `r${round}-${writer}-${index}`;
          const reply = await call("POST", "/v2/domains/stored.example/records", { type: "TXT", name, data }).catch(() => undefined);
          if (reply?.status !== 201) return;
          acknowledged.add(name);
          if (acknowledged.size === before + 12) setTimeout(() => server.process.kill("SIGKILL"), Math.random() * 150);
        }
      });
      await Promise.all(writers);
      await server.ended;
    }
    expect(readdirSync(join(directory, "state")).some((name) => name.startsWith("snapshot-"))).toBe(true);
    const last = await serve(directory);
    const stored = await records((method, path) => send(last.url, method, path, undefined, "local"));
    expect([...acknowledged].filter((name) => !stored.some((record) => record.name === name))).toEqual([]);
    last.process.kill("SIGTERM");
    expect(await last.ended).toEqual([0, null]);
  });
});

describe("the command", () => {
  it("reports a port in use, and unlocks its state", async () => {
    const { api } = await startTestApi();
    const directory = temporaryDirectory();
    const args = [COMMAND, "--port", new URL(api.url).port, "--state", directory];
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
      expect((await child.stderr.toArray()).join("")).toMatch(/^--port \d+ is in use\. Stop the process/);
    }
  });

  it("reports an invalid option, with the usage", async () => {
    const child = spawn(process.execPath, [COMMAND, "--port", "seventy"], { stdio: ["ignore", "ignore", "pipe"] });
    const text = (await child.stderr.toArray()).join("");
    expect(text).toMatch(/^--port seventy: must be a number up to 65535\n\nServe DigitalOcean's API on loopback/);
    expect(text).not.toContain("    at ");
    expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(2);
  });
});

interface TextRecord {
  readonly type: string;
  readonly name: string;
  readonly data: string;
}

async function records(call: (method: string, path: string) => Promise<TestReply>): Promise<TextRecord[]> {
  const found: TextRecord[] = [];
  for (let page = 1; ; page++) {
    const { body } = await call("GET", `/v2/domains/stored.example/records?per_page=50&page=${page}`);
    found.push(...(body.domain_records as TextRecord[]));
    if (found.length >= body.meta.total) return found;
  }
}

const COMMAND = fileURLToPath(new URL("./serve.ts", import.meta.url));

async function serve(directory: string): Promise<{ url: string; process: ChildProcess; ended: Promise<unknown[]> }> {
  const child = spawn(process.execPath, [COMMAND, "--port", "0", "--state", directory, "--quiet"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) return { url: line, process: child, ended };
  throw new Error("the server exited before it printed its address");
}
