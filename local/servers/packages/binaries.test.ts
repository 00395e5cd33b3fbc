import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { majorsOn } from "../../../catalog/versions.ts";
import { skipTest } from "../../../tests/skip.ts";
import type { Home } from "../home.ts";
import { copyPackages, removeHome, temporaryHome } from "../testing/servers.ts";
import { currentUser } from "../user.ts";
import { detectDistribution } from "./apt.ts";
import { findPgbouncer, findPostgresBinaries, findValkeyServer, linkLibraries, listPostgresMajors } from "./binaries.ts";

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

/** Nothing listens there, so that every download fails as it does without a network. */
const unplug = () => {
  process.env.http_proxy = "http://127.0.0.1:9";
};

describe("Postgres", () => {
  it("is what npm installed, for each major that a new cluster may be made with", async () => {
    expect(listPostgresMajors()).toEqual(expect.arrayContaining(majorsOn(new Date().toISOString().slice(0, 10))));
    for (const major of listPostgresMajors()) {
      const { postgres } = await findPostgresBinaries(major, home);
      expect(spawnSync(postgres, ["--version"], { encoding: "utf8" }).stdout).toContain(`PostgreSQL) ${major}.`);
    }
  });

  it("has its libraries' links made where npm did not run the install script", () => {
    mkdirSync(join(folder, "native", "lib"), { recursive: true });
    writeFileSync(join(folder, "native", "lib", "libpq.so.5.17"), "");
    const links = ["libpq.so", "libpq.so.5"].map((name) => ({ source: "native/lib/libpq.so.5.17", target: `native/lib/${name}` }));
    writeFileSync(join(folder, "native", "pg-symlinks.json"), JSON.stringify(links));
    expect(linkLibraries(folder)).toBe(true);
    expect(linkLibraries(folder)).toBe(true);
    expect(readlinkSync(join(folder, "native", "lib", "libpq.so.5"))).toBe("libpq.so.5.17");
  });
});

describe("Valkey and PgBouncer", () => {
  it("are the files that variables name, before anything else", async () => {
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

  it("are refused with the variable's name when it leads nowhere", async () => {
    await expect(findValkeyServer(home, { REDIS_SERVER_BIN: "/no/such/file" })).rejects.toThrow(
      "REDIS_SERVER_BIN is /no/such/file, which is no program that can be run. Correct it, or unset it to have one found.",
    );
  });

  it("come from the cache without any network once they were unpacked", async (context) => {
    const real = temporaryHome();
    await findValkeyServer(real, { PATH: "" });
    await removeHome(real);
    copyPackages(home.cache);
    if (!existsSync(join(home.cache, "packages")))
      skipTest(context, { reason: "Valkey and PgBouncer are installed, so nothing was unpacked" });
    unplug();
    const { file, env } = await findValkeyServer(home, { PATH: "" });
    expect(spawnSync(file, ["--version"], { encoding: "utf8", env }).stdout).toMatch(/(valkey|redis).* v=/i);
  });

  it("say that there is no network, and what to type, where they cannot be fetched", async (context) => {
    if (!detectDistribution()) skipTest(context, { reason: "packages are unpacked on Debian and Ubuntu only" });
    unplug();
    await expect(findValkeyServer(home, { PATH: "" })).rejects.toThrow(
      /There is no valkey on this machine, and it could not be fetched\. No package index could be fetched from http\S+: is there a network\?.*apt-get install redis-server.*export VALKEY_SERVER_BIN=/s,
    );
    expect(readdirSync(join(home.cache, "packages", detectDistribution()!.key))).toEqual([]);
  });

  it("are fetched by two processes at once, after a third one was killed while it did", async (context) => {
    if (!detectDistribution()) skipTest(context, { reason: "packages are unpacked on Debian and Ubuntu only" });
    const place = join(home.cache, "packages", detectDistribution()!.key);
    const killed = fetchElsewhere(home);
    await expect.poll(() => existsSync(place) && readdirSync(place).length, { interval: 5 }).toBe(1);
    killed.kill();
    await killed.ended;

    const both = [fetchElsewhere(home), fetchElsewhere(home)];
    const [one, other] = await Promise.all(both.map(({ ended }) => ended));
    if (one?.includes("is there a network")) skipTest(context, { reason: "the package archive is not reachable" });
    expect(one).toMatch(/(valkey|redis).* v=/i);
    expect(other).toBe(one);
    expect(readdirSync(place)).toEqual(["valkey+pgbouncer"]);
  });
});

/** What the fetched server says of itself, from a process of its own. */
function fetchElsewhere(home: Home) {
  const program = `
    import { spawnSync } from "node:child_process";
    import { valkeyServer } from ${JSON.stringify(new URL("./binaries.ts", import.meta.url).href)};
    const { file, env } = await valkeyServer(${JSON.stringify(home)}, { PATH: "" });
    process.stdout.write(spawnSync(file, ["--version"], { encoding: "utf8", env }).stdout);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  const ended = new Promise<string>((resolve) => child.once("close", () => resolve(output)));
  return { ended, kill: () => child.kill("SIGKILL") };
}
