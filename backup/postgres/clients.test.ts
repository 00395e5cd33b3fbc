import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, type TestContext } from "vitest";
import { detectDistribution } from "../../local/servers/packages/apt.ts";
import { fetchRelease, type PackageCache } from "../../local/servers/packages/packages.ts";
import { REAL_CACHE } from "../../local/servers/testing/servers.ts";
import { currentUser } from "../../local/servers/user.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { MAJORS, nameIn, startServer } from "../../postdeploy/migrate/testing/server.ts";
import { type SkipReason, skipTest } from "../../tests/skip.ts";
import { findPostgresClients, type PostgresClients, type PostgresProgram } from "./clients.ts";

const realHome: PackageCache = { cache: REAL_CACHE, user: currentUser };

let folder: string;
let home: PackageCache;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway clients "));
  home = { cache: join(folder, "cache"), user: currentUser };
});
afterEach(() => {
  delete process.env.http_proxy;
  rmSync(folder, { recursive: true, force: true });
});

/** No process listens on this port, so every download fails as it does without a network. */
const disableNetwork = () => {
  process.env.http_proxy = "http://127.0.0.1:9";
};

/** Programs that print a version. No release has majors as high as those of these tests. */
function install(name: string, version: string, programs: readonly string[] = ["pg_dump", "pg_restore", "psql"]): string {
  const bin = join(folder, name);
  mkdirSync(bin);
  for (const program of programs)
    writeFileSync(join(bin, program), `#!/bin/sh\necho "${program} (PostgreSQL) ${version} (Debian ${version}-1)"\n`, { mode: 0o755 });
  return bin;
}

const failureOf = (finding: Promise<unknown>): Promise<Failure> =>
  finding.then(
    () => Promise.reject(new Error("it succeeded")),
    (error) => {
      expect(error).toBeInstanceOf(Failure);
      expect(error.exit).toBe(2);
      return error as Failure;
    },
  );

describe("installed programs", () => {
  it("are taken from SLIPWAY_POSTGRES_CLIENTS first", async () => {
    const chosen = install("chosen", "92.3");
    const env = { SLIPWAY_POSTGRES_CLIENTS: chosen, PATH: install("path", "90.1") };
    const clients = await findPostgresClients(90, home, { env });
    expect([clients.major, clients.version]).toEqual([92, "92.3"]);
    expect(clients.program("pg_restore")).toEqual({ file: join(chosen, "pg_restore"), args: [], env: {} });
  });

  it.each([
    ["without psql", () => install("partial", "90.1", ["pg_dump", "pg_restore"]), /has no executable psql\./],
    ["that does not exist", () => "/no/such/folder", /is \/no\/such\/folder, which has no executable pg_dump, pg_restore, psql\./],
    ["older than the server", () => install("old", "89.4"), /with version 89\.4, which refuses a server of version 90\./],
    ["whose pg_dump does not run", () => breakPrograms(install("broken", "90.1")), /`.*broken\/pg_dump --version` failed\./],
  ])("are refused in SLIPWAY_POSTGRES_CLIENTS in a folder %s", async (_, create, expected) => {
    const env = { SLIPWAY_POSTGRES_CLIENTS: create(), PATH: install("path", "90.1") };
    const { message } = await failureOf(findPostgresClients(90, home, { env }));
    expect(message).toMatch(expected);
    expect(message).toContain("Correct the path, or unset SLIPWAY_POSTGRES_CLIENTS to use installed or downloaded programs.");
  });

  it("are taken from PATH in the server's version, otherwise in the next newer one, never in an older one", async () => {
    const versions = ["89.9", "93.0", "91.4", "90.2"].map((version) => install(version, version));
    const PATH = versions.join(":");
    expect((await findPostgresClients(90, home, { env: { PATH } })).version).toBe("90.2");
    expect((await findPostgresClients(92, home, { env: { PATH } })).version).toBe("93.0");
    disableNetwork();
    const { message } = await failureOf(findPostgresClients(94, home, { env: { PATH } }));
    expect(message).toContain("of version 94 or newer for a server of version 94. Installed: 89.9 in ");
  });

  it("are not taken from a folder of PATH that has only some of them, or only Debian's wrapper", async () => {
    const partial = install("partial", "90.1", ["pg_dump"]);
    const wrapper = install("wrapper", "90.1", ["pg_wrapper"]);
    for (const name of ["pg_dump", "pg_restore", "psql"]) symlinkSync("pg_wrapper", join(wrapper, name));
    const complete = install("complete", "90.7");
    const clients = await findPostgresClients(90, home, { env: { PATH: [partial, wrapper, complete].join(":") } });
    expect(clients.program("pg_dump").file).toBe(join(complete, "pg_dump"));
  });

  it("are reported as missing with the command that installs them, without a network", async () => {
    disableNetwork();
    const { message } = await failureOf(findPostgresClients(90, home, { env: { PATH: "" } }));
    expect(message).toMatch(/^slipway needs pg_dump, pg_restore and psql of version 90 or newer for a server of version 90\. /);
    expect(message).toMatch(
      /\nInstall them: .*90.*\. If they are in another folder, set it: export SLIPWAY_POSTGRES_CLIENTS=\/path\/to\/bin$/,
    );
    expect(existsSync(home.cache)).toBe(false);
  });
});

describe("unpacked programs", () => {
  it("are reported with the failed download of each release, without a network", async (context) => {
    const distribution = detectDistribution();
    if (distribution?.id !== "debian") skipTest(context, { reason: "the releases are those of Debian" });
    if (existsSync("/usr/lib/postgresql/17") || existsSync("/usr/lib/postgresql/18"))
      skipTest(context, { reason: "Postgres 17 is installed" });
    disableNetwork();
    const { message } = await failureOf(findPostgresClients(17, home, { env: { PATH: "" } }));
    expect(message).toMatch(
      /Downloading them failed:\nDownloading the package index of trixie from http\S+ failed\. .*Downloading the package index of forky from http.*apt-get install postgresql-client-17/s,
    );
    expect(readdirSync(join(home.cache, "packages", distribution.key))).toEqual([]);
  });

  it.for(MAJORS)("of Postgres %s dump and restore a server, the tables in several processes", async (major, context) => {
    const clients = await findOrSkip(major, context);
    const server = await startServer({ major });
    try {
      const [source, target] = [(await server.database()).url, (await server.database()).url];
      const tables = ["one", "two", "three"].map(
        (name) => `CREATE TABLE ${name} AS SELECT i, md5(i::text) FROM generate_series(1, 5000) i`,
      );
      await server.sql(`${tables.join("; ")}; ALTER TABLE one ADD PRIMARY KEY (i)`, nameIn({ url: source }));
      const file = join(folder, "dump");
      runClient(clients, "pg_dump", ["--format=custom", `--file=${file}`, source]);
      const restored = runClient(clients, "pg_restore", ["--jobs=3", `--dbname=${target}`, file], { allowErrors: major < 17 });
      // pg_restore 17 and newer sets a parameter that older servers do not have, ignores the error, and exits with 1.
      expect(restored.replaceAll(/unrecognized configuration parameter "transaction_timeout"/g, "")).not.toMatch(/ERROR: {2}\w/);
      const sum = "SELECT count(*), sum(i) FROM one NATURAL JOIN two NATURAL JOIN three";
      expect(runClient(clients, "psql", ["-XAt", `--command=${sum}`, target])).toBe("5000|12502500\n");
    } finally {
      await server.stop();
    }
  });

  it("of this machine's own release run with their own libraries", async (context) => {
    const distribution = detectDistribution();
    const own = { bookworm: "postgresql-client-15", trixie: "postgresql-client-17", noble: "postgresql-client-16" }[
      distribution?.codename ?? ""
    ];
    if (distribution === undefined || own === undefined) skipTest(context, { reason: "packages are unpacked on Debian and Ubuntu only" });
    const unpacked = await orSkip(context, fetchRelease(realHome, own, distribution.codename));
    const { file, args } = unpacked.command(`usr/lib/postgresql/${own.slice(-2)}/bin/psql`);
    expect(file).toContain("/ld-linux");
    expect(spawnSync(file, [...args, "--version"], { encoding: "utf8", env: {} }).stdout).toContain(`(PostgreSQL) ${own.slice(-2)}.`);
  });

  it("are downloaded once by two processes at the same time, after a third one was killed during the download", async (context) => {
    const distribution = detectDistribution();
    if (distribution?.id !== "debian") skipTest(context, { reason: "the test downloads a package of Debian" });
    const packages = join(home.cache, "packages", distribution.key);
    const killed = fetchInProcess(home);
    await expect.poll(() => existsSync(packages) && readdirSync(packages).length, { interval: 5 }).toBe(1);
    killed.kill();
    await killed.ended;

    const [one, other] = await Promise.all([fetchInProcess(home), fetchInProcess(home)].map(({ ended }) => ended));
    if (one?.includes("Downloading the package index")) skipTest(context, NO_ARCHIVE);
    expect(one).toMatch(/^psql \(PostgreSQL\) 17\./);
    expect(other).toBe(one);
    expect(readdirSync(packages)).toEqual(["postgresql-client-17"]);
  });
});

const NO_ARCHIVE: SkipReason = { reason: "the package archive of the release is not reachable, or its index is expired" };

/** Skips the test if nothing can be downloaded. */
async function orSkip<T>(context: TestContext, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (/Downloading the package index/.test((error as Error).message)) skipTest(context, NO_ARCHIVE);
    throw error;
  }
}

async function findOrSkip(major: number, context: TestContext): Promise<PostgresClients> {
  if (detectDistribution() === undefined) skipTest(context, { reason: "packages are unpacked on Debian and Ubuntu only" });
  return orSkip(context, findPostgresClients(major, realHome, { env: { PATH: "" } }));
}

function runClient(clients: PostgresClients, name: PostgresProgram, args: readonly string[], { allowErrors = false } = {}): string {
  const { file, args: prefix, env } = clients.program(name);
  const { status, stdout, stderr } = spawnSync(file, [...prefix, ...args], { encoding: "utf8", env: { ...process.env, ...env } });
  if (!allowErrors) expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout + stderr;
}

/** A folder whose programs exit with an error. */
function breakPrograms(bin: string): string {
  for (const name of readdirSync(bin)) writeFileSync(join(bin, name), "#!/bin/sh\nexit 1\n");
  return bin;
}

/** Downloads the programs in another process and prints their version. */
function fetchInProcess(home: PackageCache) {
  const program = `
    import { spawnSync } from "node:child_process";
    import { fetchRelease } from ${JSON.stringify(new URL("../../local/servers/packages/packages.ts", import.meta.url).href)};
    const unpacked = await fetchRelease(${JSON.stringify(home)}, "postgresql-client-17", "trixie");
    const { file, args } = unpacked.command("usr/lib/postgresql/17/bin/psql");
    process.stdout.write(spawnSync(file, [...args, "--version"], { encoding: "utf8" }).stdout);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  const ended = new Promise<string>((resolve) => child.once("close", () => resolve(output)));
  return { ended, kill: () => child.kill("SIGKILL") };
}
