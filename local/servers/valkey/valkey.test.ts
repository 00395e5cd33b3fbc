import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../cloud/backing.ts";
import { openServers, type ServerBacking } from "../backing.ts";
import { removeHome, runCommand, temporaryHome, valkeyCluster } from "../testing/servers.ts";

const home = temporaryHome();
let servers: ServerBacking;
let endpoint: Endpoint;

beforeAll(async () => {
  servers = openServers({ home, fsync: false });
  endpoint = await servers.startCluster(valkeyCluster("state"));
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
});

const setting = async (name: string) => {
  const secrets = readFileSync(join(home.state, "servers", "state", "valkey", "secrets.json"), "utf8");
  const { configCommand } = JSON.parse(secrets) as { configCommand: string };
  return ((await runCommand(endpoint, [configCommand, "GET", name])) as string[])[1];
};
describe("a Valkey cluster", () => {
  it("accepts TLS connections of the user `default`, with and without its name", async () => {
    expect(await runCommand(endpoint, ["PING"])).toBe("PONG");
    expect(await runCommand(endpoint, ["PING"], { username: "default" })).toBe("PONG");
  });

  it("refuses a connection without TLS, a wrong password, no password, and is refused by a client that does not trust its authority", async () => {
    await expect(runCommand(endpoint, ["PING"], { tls: undefined })).rejects.toThrow();
    await expect(runCommand(endpoint, ["PING"], { password: "guess" })).rejects.toThrow("WRONGPASS");
    await expect(runCommand(endpoint, ["PING"], { password: undefined })).rejects.toThrow("NOAUTH");
    await expect(runCommand(endpoint, ["PING"], { tls: {} })).rejects.toThrow(/certificate/);
  });

  it("disables the commands that change the server", async () => {
    for (const words of [
      ["CONFIG", "GET", "*"],
      ["ACL", "LIST"],
      ["SHUTDOWN"],
      ["DEBUG", "SLEEP", "0"],
      ["REPLICAOF", "NO", "ONE"],
      ["SAVE"],
    ]) {
      await expect(runCommand(endpoint, words), words.join(" ")).rejects.toThrow(/unknown command/);
    }
    expect(await runCommand(endpoint, ["SET", "a", "1"])).toBe("OK");
  });

  it("changes eviction, persistence and events while it runs, and keeps its keys", async () => {
    await runCommand(endpoint, ["SET", "kept", "yes"]);
    expect([await setting("maxmemory-policy"), await setting("appendonly"), await setting("save")]).toEqual([
      "noeviction",
      "yes",
      "3600 1 300 100 60 10000",
    ]);
    await servers.configure("state", {
      eviction_policy: "allkeys_lru",
      valkey_persistence: "off",
      valkey_notify_keyspace_events: "Ex",
      valkey_timeout: 90,
    });
    expect([await setting("maxmemory-policy"), await setting("appendonly"), await setting("save")]).toEqual(["allkeys-lru", "no", ""]);
    expect([await setting("notify-keyspace-events"), await setting("timeout")]).toEqual(["xE", "90"]);
    expect(await runCommand(endpoint, ["GET", "kept"])).toBe("yes");
  });

  it("uses 90 % of its node's memory for keys", async () => {
    expect(Number(await setting("maxmemory"))).toBe(Math.round(0.9 * 2 ** 30));
  });

  it("restarts to change its number of databases, and keeps its keys", async () => {
    await servers.configure("state", {});
    await runCommand(endpoint, ["SET", "kept", "still"]);
    await expect(runCommand(endpoint, ["SELECT", "20"])).rejects.toThrow("out of range");
    await servers.configure("state", { valkey_number_of_databases: 24 });
    expect(await runCommand(endpoint, ["SELECT", "20"])).toBe("OK");
    expect(await runCommand(endpoint, ["GET", "kept"])).toBe("still");
  });

  it("changes its password at once", async () => {
    await servers.setPassword("state", { name: "default", password: "AVNS_new", replication: false });
    await expect(runCommand(endpoint, ["PING"])).rejects.toThrow("WRONGPASS");
    expect(await runCommand(endpoint, ["PING"], { password: "AVNS_new" })).toBe("PONG");
    await servers.setPassword("state", { name: "default", password: "AVNS_default", replication: false });
    expect(await runCommand(endpoint, ["PING"])).toBe("PONG");
  });

  it("keeps its secrets in files that only their owner can read", () => {
    for (const name of ["secrets.json", "valkey.conf", "tls/server.key"]) {
      expect(statSync(join(home.state, "servers", "state", "valkey", name)).mode & 0o777, name).toBe(0o600);
    }
  });
});
