import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Answer, createCluster, POSTGRES, send, startTestApi, temporaryDirectory } from "./testing/api.ts";

describe("what was acknowledged", () => {
  it("is there after a restart: clusters with all in them, apps with their secrets, objects' owners", async () => {
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

  it("is all there and nothing else after twenty clients made and removed things at once", async () => {
    const { api, call } = await startTestApi();
    const { id } = (await call("POST", "/v2/databases", { ...POSTGRES, size: "db-s-4vcpu-8gb" })).body.database;
    const client = async (number: number) => {
      const answers: string[] = [];
      const ask = async (method: string, path: string, body?: object) =>
        answers.push(`${method} ${(await send(api.url, method, path, body)).status}`);
      for (let round = 0; round < 5; round++) {
        await ask("POST", `/v2/databases/${id}/dbs`, { name: `db-${number}` });
        await ask("POST", `/v2/databases/${id}/users`, { name: `user-${number}` });
        await ask("POST", `/v2/databases/${id}/dbs`, { name: `contested-${round}` });
        await ask("DELETE", `/v2/databases/${id}/users/user-${number}`);
        if (round < 4) await ask("DELETE", `/v2/databases/${id}/dbs/db-${number}`);
      }
      return answers;
    };
    const answers = (await Promise.all(Array.from({ length: 20 }, (_, number) => client(number)))).flat();
    const count = (answer: string) => answers.filter((other) => other === answer).length;
    // Of twenty that want the same name five times, five get it.
    expect([count("POST 201"), count("POST 422"), count("DELETE 204")]).toEqual([20 * 5 * 2 + 5, 20 * 5 - 5, 20 * 9]);
    const names = (await call("GET", `/v2/databases/${id}/dbs`)).body.dbs.map(({ name }: { name: string }) => name).sort();
    const mine = Array.from({ length: 20 }, (_, number) => `db-${number}`);
    expect(names).toEqual(["defaultdb", ...mine, ...[0, 1, 2, 3, 4].map((round) => `contested-${round}`)].sort());
    expect((await call("GET", `/v2/databases/${id}/users`)).body.users).toHaveLength(1);
  });

  it("survives the kill of its process at any moment, also while it folds its journal", async () => {
    const directory = temporaryDirectory();
    const acknowledged = new Set<string>();
    // So much in each record that the journal is folded every other round.
    const data = "x".repeat(200_000);
    for (let round = 0; round < 5; round++) {
      const server = await serve(directory);
      const ask = (method: string, path: string, body?: object) => send(server.url, method, path, body, "local");
      if (round === 0) await ask("POST", "/v2/domains", { name: "kept.example" });
      const kept = (await records(ask)).filter(({ type }) => type === "TXT");
      expect([...acknowledged].filter((name) => !kept.some((record) => record.name === name))).toEqual([]);
      expect(kept.every((record) => record.data === data)).toBe(true);

      const before = acknowledged.size;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let index = 0; ; index++) {
          const name = `r${round}-${writer}-${index}`;
          const answer = await ask("POST", "/v2/domains/kept.example/records", { type: "TXT", name, data }).catch(() => undefined);
          if (answer?.status !== 201) return;
          acknowledged.add(name);
          if (acknowledged.size === before + 12) setTimeout(() => server.process.kill("SIGKILL"), Math.random() * 150);
        }
      });
      await Promise.all(writers);
      await server.ended;
    }
    expect(readdirSync(join(directory, "state")).some((name) => name.startsWith("snapshot-"))).toBe(true);
    const last = await serve(directory);
    const kept = await records((method, path) => send(last.url, method, path, undefined, "local"));
    expect([...acknowledged].filter((name) => !kept.some((record) => record.name === name))).toEqual([]);
    last.process.kill("SIGTERM");
    expect(await last.ended).toEqual([0, null]);
  });
});

describe("the command", () => {
  it("says that its port is taken, and leaves its state to the next one", async () => {
    const { api } = await startTestApi();
    const directory = temporaryDirectory();
    const args = [COMMAND, "--port", new URL(api.url).port, "--state", directory];
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
      expect((await child.stderr.toArray()).join("")).toMatch(/^--port \d+ is in use: stop what listens there/);
    }
  });

  it("says what is wrong with an option, and which it has", async () => {
    const child = spawn(process.execPath, [COMMAND, "--port", "seventy"], { stdio: ["ignore", "ignore", "pipe"] });
    const text = (await child.stderr.toArray()).join("");
    expect(text).toMatch(/^--port seventy: must be a number up to 65535\n\nDigitalOcean's API on loopback/);
    expect(text).not.toContain("    at ");
    expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(2);
  });
});

interface TextRecord {
  readonly type: string;
  readonly name: string;
  readonly data: string;
}

async function records(ask: (method: string, path: string) => Promise<Answer>): Promise<TextRecord[]> {
  const found: TextRecord[] = [];
  for (let page = 1; ; page++) {
    const { body } = await ask("GET", `/v2/domains/kept.example/records?per_page=50&page=${page}`);
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
  throw new Error("the server ended before it said where it is");
}
