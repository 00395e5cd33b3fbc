/**
 * Attacks with the password of Candlefish's Valkey cluster, on a server with the commands that DigitalOcean disables. The cluster has one login, so a
 * client of one keyspace reaches all of them.
 */
import { readFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { removeHome, runCommand, temporaryHome, valkeyCluster } from "../../local/servers/testing/servers.ts";
import { type Options, seed, verify } from "../../postdeploy/keyspaces/index.ts";
import { candlefish } from "../../systems/candlefish.ts";

const databaseOf = (keyspace: string) => candlefish.keyspaces[keyspace]!.database;
const SESSIONS = databaseOf("sessions");
const CACHE = databaseOf("cache");
const USER_DATA = databaseOf("userData");
const home = temporaryHome();
const servers = openServers({ home, fsync: false });
let endpoint: Endpoint;
let options: Options;

beforeAll(async () => {
  endpoint = await servers.startCluster(valkeyCluster("redteam", { config: { eviction_policy: "noeviction" } }));
  const url = `rediss://default:AVNS_default@localhost:${endpoint.port}/0`;
  options = {
    folder: fileURLToPath(new URL("../../keyspaces/candlefish", import.meta.url)),
    system: "candlefish",
    stores: { state: { url, ca: endpoint.ca, class: "state" }, cache: { url, ca: endpoint.ca, class: "cache" } },
  };
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
});

const ask = (words: string[], db: number = SESSIONS) => runCommand(endpoint, words, { db });

async function connected(): Promise<Redis> {
  const client = new Redis({
    ...{ host: "localhost", port: endpoint.port, password: "AVNS_default", tls: { ca: endpoint.ca }, lazyConnect: true },
    ...{ retryStrategy: () => null, maxRetriesPerRequest: 0, enableReadyCheck: false },
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** What the operator reads in the output of `slipway keyspaces verify`. */
async function findings(): Promise<string> {
  const results = await verify(options);
  return results
    .flatMap(({ keyspace, problems, scripts }) => [...problems, ...scripts.map((script) => `${keyspace}: script ${script} is not loaded`)])
    .join("\n");
}

interface Refused {
  /** Follows "cannot". */
  readonly name: string;
  readonly words: readonly string[];
  readonly message: RegExp;
}

const disabled = (name: string, ...words: string[]): Refused => ({ name, words, message: /unknown command/ });
const refused = (name: string, message: RegExp, ...words: string[]): Refused => ({ name, words, message });
const script = (name: string, message: RegExp, text: string): Refused => refused(`${name} in a script`, message, "EVAL", text, "0");

const REFUSED: readonly Refused[] = [
  disabled("read the settings of the server", "CONFIG", "GET", "*"),
  disabled("move the folder of the snapshots", "CONFIG", "SET", "dir", "/tmp"),
  disabled("rename the snapshot file", "CONFIG", "SET", "dbfilename", "authorized_keys"),
  disabled("change the password", "CONFIG", "SET", "requirepass", "redteam"),
  disabled("switch persistence off", "CONFIG", "SET", "appendonly", "no"),
  disabled("rewrite the settings file", "CONFIG", "REWRITE"),
  disabled("reset the statistics of the server", "CONFIG", "RESETSTAT"),
  disabled("write a snapshot", "SAVE"),
  disabled("write a snapshot in the background", "BGSAVE"),
  disabled("rewrite the append-only file", "BGREWRITEAOF"),
  disabled("read when the last snapshot was written", "LASTSAVE"),
  disabled("create a user", "ACL", "SETUSER", "redteam", "on", ">redteam", "~*", "+@all"),
  disabled("list the users", "ACL", "LIST"),
  disabled("delete the log of refused logins", "ACL", "LOG", "RESET"),
  disabled("crash the server", "DEBUG", "SEGFAULT"),
  disabled("suspend the server", "DEBUG", "SLEEP", "10"),
  disabled("reload the data of the server", "DEBUG", "RELOAD"),
  disabled("stop the server", "SHUTDOWN", "NOSAVE"),
  disabled("replace the data by that of another server", "REPLICAOF", "127.0.0.1", "1"),
  disabled("replace the data by that of another server under the old name", "SLAVEOF", "127.0.0.1", "1"),
  disabled("fail over to another server", "FAILOVER"),
  disabled("load a module", "MODULE", "LOAD", "/tmp/redteam.so"),
  disabled("list modules", "MODULE", "LIST"),
  disabled("watch the commands of all clients", "MONITOR"),
  disabled("copy a key to another server", "MIGRATE", "127.0.0.1", "1", "key", "0", "1000"),
  disabled("reset the cluster", "CLUSTER", "RESET", "HARD"),
  refused("select a database that does not exist", /out of range/, "SELECT", "16"),
  refused("swap a database with one that does not exist", /out of range/, "SWAPDB", "0", "16"),
  refused("log in as another user", /WRONGPASS/, "AUTH", "admin", "AVNS_default"),
  refused("log in with an empty password", /WRONGPASS/, "AUTH", "default", ""),
  refused("restore a damaged value", /DUMP payload version or checksum/, "RESTORE", "redteam", "0", "\u0000damaged"),
  script("read the settings of the server", /Unknown.* command|unknown command/i, "return redis.call('CONFIG', 'GET', '*')"),
  script("stop the server", /Unknown.* command|unknown command/i, "return redis.call('SHUTDOWN')"),
  script("run a program", /nonexistent global variable 'os'|attempt to index|not allowed|nil value/, "return os.execute('id')"),
  script("open a file", /nonexistent global variable 'io'|attempt to index|nil value/, "return io.open('/etc/passwd'):read('*a')"),
  script("load a library", /nonexistent global variable|nil value/, "return package.loadlib('/lib/x86_64-linux-gnu/libc.so.6', 'system')"),
  script("require a library", /nonexistent global variable|nil value/, "return require('os')"),
  script("load a file", /nonexistent global variable|nil value/, "return dofile('/etc/passwd')"),
  script("load bytecode", /bytecode|bad argument|nil value|attempt to call/, "return loadstring('\\27Lua')()"),
  script("use the debug library", /nonexistent global variable|nil value/, "return debug.getinfo(1)"),
  script("change a global", /readonly table|global variable|not allowed/, "_G.redteam = 1"),
  script("change the library of strings", /readonly table|not allowed/, "string.rep = nil"),
  script("replace the metatable of globals", /readonly table|not allowed|protected/, "setmetatable(_G, {})"),
];

describe("with the password, a client cannot", () => {
  it.each(REFUSED)("$name", async ({ words, message }) => {
    await expect(ask([...words])).rejects.toThrow(message);
    expect(await ask(["PING"])).toBe("PONG");
  });
});

describe("without the password or the certificate, a client cannot", () => {
  it("connect without TLS", async () => {
    await expect(runCommand(endpoint, ["PING"], { tls: undefined })).rejects.toThrow();
  });

  it("send a command in plain text", async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = connectPlain(endpoint.port, "localhost", () => void socket.write("AUTH AVNS_default\r\nFLUSHALL\r\n"));
      let received = "";
      socket.on("data", (data) => (received += data.toString("latin1")));
      socket.on("error", () => {});
      socket.on("close", () => resolve(received));
      socket.setTimeout(5000, () => socket.destroy());
    });
    expect(answer).not.toContain("OK");
  });

  it("log in to a server whose certificate an unknown authority signed", async () => {
    await expect(runCommand(endpoint, ["PING"], { tls: {} })).rejects.toThrow(/certificate/);
  });

  it("log in to a server whose certificate is for another host name", async () => {
    const tls = { ca: endpoint.ca, servername: "valkey.example.com" };
    await expect(runCommand(endpoint, ["PING"], { tls })).rejects.toThrow(/altnames|Hostname/);
  });

  it("use an old version of TLS", async () => {
    await expect(
      runCommand(endpoint, ["PING"], { tls: { ca: endpoint.ca, maxVersion: "TLSv1.1", minVersion: "TLSv1" } }),
    ).rejects.toThrow();
  });

  it.each([["FLUSHALL"], ["KEYS", "*"], ["EVAL", "return 1", "0"], ["INFO"], ["SELECT", "2"]])("run %s", async (...words) => {
    await expect(runCommand(endpoint, words, { password: undefined })).rejects.toThrow("NOAUTH");
    await expect(runCommand(endpoint, words, { password: "guess" })).rejects.toThrow("WRONGPASS");
  });
});

interface Impossible {
  /** Follows "can". */
  readonly name: string;
  /** Words of docs/roles.md, which states the consequence. */
  readonly page: string;
  /** Why Valkey does not refuse it, and how an operator notices it. */
  readonly impossible: string;
  readonly attack: () => Promise<unknown>;
  /** @returns whether it was detected */
  readonly detect: () => Promise<boolean>;
}

/** `slipway keyspaces verify` reports it. */
const verified = (name: string, page: string, finding: RegExp, attack: Impossible["attack"]): Impossible => ({
  ...{ name, page, attack },
  impossible: "the only login has all commands that are not disabled; detected by `slipway keyspaces verify`",
  detect: async () => finding.test(await findings()),
});

const callsOf = async (command: string): Promise<number> => {
  const statistics = String(await ask(["INFO", "commandstats"]));
  return Number(new RegExp(`cmdstat_${command.replace("|", "\\|")}:calls=(\\d+)`).exec(statistics)?.[1] ?? 0);
};

/** `slipway keyspaces verify` does not report it, but the server counts the command. */
function counted(name: string, page: string, command: string, attack: Impossible["attack"]): Impossible {
  let before = 0;
  return {
    ...{ name, page },
    impossible: "`slipway keyspaces verify` compares nothing that it changes; detected by the server's count in INFO commandstats",
    attack: async () => {
      before = await callsOf(command);
      await attack();
    },
    detect: async () => (await callsOf(command)) > before && (await findings()) === "",
  };
}

const flushedDatabase = (database: number) => new RegExp(`^Database ${database} of .* has no record of a seed: it was flushed`, "m");
const flushed = flushedDatabase(SESSIONS);

const IMPOSSIBLE: readonly Impossible[] = [
  verified("empty all databases with FLUSHALL", "`FLUSHALL`", flushed, () => ask(["FLUSHALL"])),
  verified("empty the database of a keyspace that slipway seeds with FLUSHDB", "`FLUSHDB` of a keyspace that slipway seeds", flushed, () =>
    ask(["FLUSHDB"]),
  ),
  verified("empty that database in a script", "also in a script", flushed, () => ask(["EVAL", "return redis.call('FLUSHDB')", "0"])),
  verified("exchange it with another one with SWAPDB", "`SWAPDB`", flushed, () => ask(["SWAPDB", `${SESSIONS}`, `${USER_DATA}`])),
  verified("write to an undeclared database", "an undeclared database", /^Database 5 of the store state holds 1 keys/m, () =>
    ask(["SET", "hidden", "x"], 5),
  ),
  verified("move keys to an undeclared database with MOVE", "`MOVE`", /^Database 6 of the store state holds 1 keys/m, async () => {
    await ask(["SET", "user:1", "x"], USER_DATA);
    expect(await ask(["MOVE", "user:1", "6"], USER_DATA)).toBe(1);
  }),
  verified("unload scripts with SCRIPT FLUSH", "`SCRIPT FLUSH`", /sessions: script cleanup is not loaded/, () => ask(["SCRIPT", "FLUSH"])),
  verified("delete the registry of scripts", "deleting the registry of scripts", /sessions: script cleanup is not loaded/, () =>
    ask(["DEL", "scripts:sha"]),
  ),
  verified(
    "empty the database of users' data, into which slipway seeds only a record",
    "`FLUSHDB` of a durable keyspace without seeds",
    flushedDatabase(USER_DATA),
    () => ask(["FLUSHDB"], USER_DATA),
  ),
  verified("exchange the databases of users' data and of the cache", "`SWAPDB`", flushedDatabase(USER_DATA), () =>
    ask(["SWAPDB", `${CACHE}`, `${USER_DATA}`]),
  ),
  // A cache may lose any key, so verify does not read it.
  counted("empty the database of the cache", "`FLUSHDB` of a cache", "flushdb", () => ask(["FLUSHDB"], CACHE)),
  counted("list all keys with KEYS", "`KEYS`", "keys", () => ask(["KEYS", "*"])),
  counted("read the sessions of another application", "reading the keys of other applications", "hgetall", () =>
    ask(["HGETALL", "session:redteam"]),
  ),
  counted("delete the log of slow commands", "`SLOWLOG RESET`", "slowlog|reset", () => ask(["SLOWLOG", "RESET"])),
  counted("list the addresses of all clients", "`CLIENT LIST`", "client|list", () => ask(["CLIENT", "LIST"])),
  counted("suspend all clients with CLIENT PAUSE", "`CLIENT PAUSE`", "client|pause", () => ask(["CLIENT", "PAUSE", "1", "WRITE"])),
  counted("load a library of functions", "`FUNCTION LOAD`", "function|load", () =>
    ask(["FUNCTION", "LOAD", "#!lua name=redteam\nserver.register_function('redteam', function() return 1 end)"]),
  ),
  {
    name: "end the connections of other clients with CLIENT KILL",
    page: "`CLIENT KILL`",
    impossible: "the commands of clients are not disabled; detected by the client, whose connection closes",
    attack: async () => {},
    detect: async () => {
      const victim = await connected();
      const id = String(await victim.call("CLIENT", "ID"));
      const closed = new Promise<boolean>((resolve) => victim.once("close", () => resolve(true)));
      await ask(["CLIENT", "KILL", "ID", id]);
      return closed;
    },
  },
  {
    name: "block the server with an endless script",
    page: "an endless script",
    impossible: "Valkey runs one script at a time; detected by every other client, which gets BUSY, and ended with SCRIPT KILL",
    attack: async () => {},
    detect: async () => {
      const attacker = await connected();
      const ended = attacker.call("EVAL", "while true do end", "0").catch((error: Error) => error.message);
      let answer = "";
      // Valkey reports BUSY after five seconds.
      while (!answer.startsWith("BUSY")) answer = await ask(["GET", "x"]).then(String, (error: Error) => error.message);
      const administrator = await connected();
      await administrator.call("SCRIPT", "KILL");
      administrator.disconnect();
      const message = String(await ended);
      attacker.disconnect();
      return /killed/i.test(message);
    },
  },
  {
    name: "change the methods of strings for later scripts",
    page: "changes the methods of strings",
    impossible: "servers without the fix of CVE-2025-46818 allow it; detected by scripts that fail, and ended with SCRIPT FLUSH",
    attack: async () => {},
    detect: async () => {
      const run = (text: string) => ask(["EVAL", text, "0"]).then(String, (error: Error) => error.message);
      const isRefused = /readonly table/.test(await run("getmetatable('').__index = nil return 'changed'"));
      const later = await run("return ('x'):len()");
      await ask(["SCRIPT", "FLUSH"]);
      expect(await run("return ('x'):len()")).toBe("1");
      return isRefused ? later === "1" : /attempt to index/.test(later);
    },
  },
];

describe("with the password, a client can", () => {
  beforeEach(async () => {
    for (const words of [["FLUSHALL"], ["SCRIPT", "FLUSH"], ["FUNCTION", "FLUSH"]]) await ask(words);
    await seed(options);
    expect(await findings()).toBe("");
  });

  it.each(IMPOSSIBLE)("$name: $impossible", async ({ attack, detect }) => {
    await attack();
    expect(await detect()).toBe(true);
  });

  it("not prevent that the next seed repairs what slipway declares", async () => {
    await ask(["FLUSHALL"]);
    await seed(options);
    expect(await findings()).toBe("");
  });
});

const rolesPage = readFileSync(fileURLToPath(new URL("../../docs/roles.md", import.meta.url)), "utf8");

it.each(IMPOSSIBLE)("docs/roles.md states the consequence of an attack that Valkey allows: $name", ({ page }) => {
  expect(rolesPage.slice(rolesPage.indexOf("### Attacks on Valkey"))).toContain(page);
});
