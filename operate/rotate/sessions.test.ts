import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tryLogin } from "../../postdeploy/connect/login.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { countSessions, drainSessions } from "./sessions.ts";

describe("the sessions of a user that is retired", () => {
  let server: TestServer;
  const clients: pg.Client[] = [];
  const connection = () => ({ url: server.url("postgres") });
  beforeAll(async () => {
    server = await startServer();
    await server.sql("CREATE ROLE retired LOGIN PASSWORD 'old'; CREATE ROLE other LOGIN PASSWORD 'other'");
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end().catch(() => {});
  });
  afterAll(() => server.stop());

  async function connect(user: string): Promise<pg.Client> {
    const url = new URL(connection().url);
    const client = new pg.Client({ host: url.hostname, port: Number(url.port), database: "postgres", user, application_name: "a client" });
    client.on("error", () => {});
    await client.connect();
    clients.push(client);
    return client;
  }
  const drain = (more: Partial<Parameters<typeof drainSessions>[2]> = {}) =>
    drainSessions(connection(), "retired", { idleSeconds: 3600, timeoutSeconds: 0, endsSessions: false, report: () => {}, ...more });
  const count = async () => [...(await countSessions(connection(), ["retired", "other"])).values()];

  it("are none if nothing logs in as it", async () => {
    await connect("other");
    expect(await drain()).toEqual({ ended: 0 });
    expect(await count()).toEqual([0, 1]);
  });

  it("are named and stay if they are left after the wait", async () => {
    await (await connect("retired")).query("SELECT 1");
    await expect(drain()).rejects.toThrow(
      /^retired still has 1 session, so its password was not replaced:\n {2}pid \d+ {2}a client {2}from .* {2}idle, last statement \d+ s ago\n/,
    );
    expect(await count()).toEqual([1, 0]);
  });

  it("are ended if they sent no statement for so long, and those of others are not", async () => {
    await (await connect("retired")).query("SELECT 1");
    await (await connect("other")).query("SELECT 1");
    expect(await drain({ idleSeconds: 0 })).toEqual({ ended: 1 });
    expect(await count()).toEqual([0, 1]);
  });

  it("are waited for while they have a transaction, and are ended then only if that is asked for", async () => {
    await (await connect("retired")).query("BEGIN");
    await expect(drain({ idleSeconds: 0 })).rejects.toThrow("retired still has 1 session");
    expect(await drain({ idleSeconds: 0, endsSessions: true })).toEqual({ ended: 1 });
    expect(await count()).toEqual([0, 0]);
  });
});

describe("a login that is tried", () => {
  it("throws if the server neither accepts nor refuses it", async () => {
    await expect(tryLogin({ url: "postgresql://a:b@127.0.0.1:1/c" })).rejects.toThrow("ECONNREFUSED");
  });
});
