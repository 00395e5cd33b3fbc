import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { majorsOn } from "../../../catalog/versions.ts";
import { skipTest } from "../../../tests/skip.ts";
import type { Home } from "../home.ts";
import { copyPackages, removeHome, temporaryHome } from "../testing/servers.ts";
import { currentUser } from "../user.ts";
import { detectDistribution } from "./apt.ts";
import { findPgbouncer, findPostgresBinaries, findValkeyServer, linkLibraries, listPostgresMajors, trustStatistics } from "./binaries.ts";

let folder: string;
let home: Home;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway binaries "));
  home = { state: join(folder, "state"), cache: join(folder, "cache"), user: currentUser };
});
afterEach(() => {
  delete process.env.http_proxy;
  rmSync(folder, { recursive: true, force: true });
});

function program(name: string): string {
  const file = join(folder, "bin", name);
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(file, "#!/bin/sh\n", { mode: 0o755 });
  return file;
}

/** No process listens on this port, so every download fails as it does without a network. */
const disableNetwork = () => {
  process.env.http_proxy = "http://127.0.0.1:9";
};

describe("Postgres", () => {
  it("is installed by npm in every major version that a new cluster can have", async () => {
    expect(listPostgresMajors()).toEqual(expect.arrayContaining(majorsOn(new Date().toISOString().slice(0, 10))));
    for (const major of listPostgresMajors()) {
      const { postgres } = await findPostgresBinaries(major, home);
      expect(spawnSync(postgres, ["--version"], { encoding: "utf8" }).stdout).toContain(`PostgreSQL) ${major}.`);
    }
  });

  it("gets the symbolic links of its libraries where npm did not run the install script", () => {
    mkdirSync(join(folder, "native", "lib"), { recursive: true });
    writeFileSync(join(folder, "native", "lib", "libpq.so.5.17"), "");
    const links = ["libpq.so", "libpq.so.5"].map((name) => ({ source: "native/lib/libpq.so.5.17", target: `native/lib/${name}` }));
    writeFileSync(join(folder, "native", "pg-symlinks.json"), JSON.stringify(links));
    expect(linkLibraries(folder)).toBe(true);
    expect(linkLibraries(folder)).toBe(true);
    expect(readlinkSync(join(folder, "native", "lib", "libpq.so.5"))).toBe("libpq.so.5.17");
  });
});

describe("pg_stat_statements", () => {
  it("can be created by the owner of a database, as at DigitalOcean", () => {
    const extension = join(folder, "native", "share", "postgresql", "extension");
    const control = join(extension, "pg_stat_statements.control");
    mkdirSync(extension, { recursive: true });
    writeFileSync(control, "relocatable = true\n");
    expect(trustStatistics(folder)).toBe(true);
    expect(trustStatistics(folder)).toBe(true);
    expect(readFileSync(control, "utf8")).toBe("relocatable = true\ntrusted = true\n");
    expect(readdirSync(extension)).toEqual(["pg_stat_statements.control"]);
  });
});

describe("Valkey and PgBouncer", () => {
  it("are taken from environment variables first", async () => {
    const env = { VALKEY_SERVER_BIN: program("my-valkey"), PGBOUNCER_BIN: program("my-pgbouncer"), PATH: join(folder, "bin") };
    program("valkey-server");
    expect(await findValkeyServer(home, env)).toEqual({ file: env.VALKEY_SERVER_BIN, env: {} });
    expect(await findPgbouncer(home, env)).toEqual({ file: env.PGBOUNCER_BIN, env: {} });
  });

  it("are found in PATH, Valkey before Redis", async () => {
    const PATH = join(folder, "bin");
    const redis = program("redis-server");
    expect((await findValkeyServer(home, { PATH })).file).toBe(redis);
    const valkey = program("valkey-server");
    expect((await findValkeyServer(home, { PATH })).file).toBe(valkey);
  });

  it("are refused with the name of the variable if its path is not executable", async () => {
    await expect(findValkeyServer(home, { REDIS_SERVER_BIN: "/no/such/file" })).rejects.toThrow(
      "REDIS_SERVER_BIN is /no/such/file, which is not an executable file. Correct the path, or unset REDIS_SERVER_BIN to use an installed or downloaded program.",
    );
  });

  it("are taken from the cache without a network once they are unpacked", async (context) => {
    const real = temporaryHome();
    await findValkeyServer(real, { PATH: "" });
    await removeHome(real);
    copyPackages(home.cache);
    if (!existsSync(join(home.cache, "packages")))
      skipTest(context, { reason: "Valkey and PgBouncer are installed, so nothing was unpacked" });
    disableNetwork();
    const { file, env } = await findValkeyServer(home, { PATH: "" });
    expect(spawnSync(file, ["--version"], { encoding: "utf8", env }).stdout).toMatch(/(valkey|redis).* v=/i);
  });

  it("are reported with the failed download and the command that installs them, without a network", async (context) => {
    if (!detectDistribution()) skipTest(context, { reason: "packages are unpacked on Debian and Ubuntu only" });
    disableNetwork();
    await expect(findValkeyServer(home, { PATH: "" })).rejects.toThrow(
      /valkey is not installed, and downloading it failed\. Downloading the package index from http\S+ failed\. Check the network connection\..*apt-get install redis-server.*export VALKEY_SERVER_BIN=/s,
    );
    expect(readdirSync(join(home.cache, "packages", detectDistribution()!.key))).toEqual([]);
  });

  it("are downloaded once by two processes at the same time, after a third one was killed during the download", async (context) => {
    if (!detectDistribution()) skipTest(context, { reason: "packages are unpacked on Debian and Ubuntu only" });
    const packages = join(home.cache, "packages", detectDistribution()!.key);
    const killed = fetchInProcess(home);
    await expect.poll(() => existsSync(packages) && readdirSync(packages).length, { interval: 5 }).toBe(1);
    killed.kill();
    await killed.ended;

    const both = [fetchInProcess(home), fetchInProcess(home)];
    const [one, other] = await Promise.all(both.map(({ ended }) => ended));
    if (one?.includes("Check the network connection")) skipTest(context, { reason: "the package archive is not reachable" });
    expect(one).toMatch(/(valkey|redis).* v=/i);
    expect(other).toBe(one);
    expect(readdirSync(packages)).toEqual(["valkey+pgbouncer"]);
  });
});

/** Downloads the server in another process and prints its version. */
function fetchInProcess(home: Home) {
  const program = `
    import { spawnSync } from "node:child_process";
    import { findValkeyServer } from ${JSON.stringify(new URL("./binaries.ts", import.meta.url).href)};
    const { file, env } = await findValkeyServer(${JSON.stringify(home)}, { PATH: "" });
    process.stdout.write(spawnSync(file, ["--version"], { encoding: "utf8", env }).stdout);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  const ended = new Promise<string>((resolve) => child.once("close", () => resolve(output)));
  return { ended, kill: () => child.kill("SIGKILL") };
}
