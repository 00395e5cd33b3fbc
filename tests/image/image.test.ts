/** The image of the Dockerfile: built from its own steps, and started as App Platform and `docker run` start it. */

import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readInventory } from "../../backup/repository.ts";
import { generateSigningKey, parseSigningKey } from "../../backup/signature.ts";
import { openFolder } from "../../backup/store/folder.ts";
import { createTestKeys } from "../../backup/testing/fixture.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { formatWorkerCommand } from "../../catalog/backup-worker.ts";
import { ADMIN_URL, DATABASE_URL, OWNER_URL, POSTGRES_CA } from "../../catalog/connection-variables.ts";
import { DEFAULT_RETENTION } from "../../catalog/retention.ts";
import type { Endpoint } from "../../local/cloud/backing.ts";
import { openServers } from "../../local/servers/backing.ts";
import { postgresCluster, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { MAJORS, startServer } from "../../postdeploy/migrate/testing/server.ts";
import { devx } from "../../systems/devx.ts";
import { ROOT } from "../setup/checkout.ts";
import { describeUnless } from "../skip.ts";
import { buildImage, type ContainerOptions, findSkipReason, type Image, runContainer, startContainer } from "./build.ts";

const VOLUME = "/mnt/volume";

describeUnless(await findSkipReason(), "the image", () => {
  const { roles, database } = devx.postgres;
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  let image: Image;
  let postgres: Endpoint;

  beforeAll(async () => {
    const users = Object.values(roles).map((name) => ({ name, password: `pw_${name}`, replication: false }));
    [image, postgres] = await Promise.all([
      buildImage(ROOT),
      servers.startCluster(postgresCluster("image", { databases: ["defaultdb", database], users })),
    ]);
  });
  afterAll(async () => {
    await image?.remove();
    await servers.close();
    await removeHome(home);
  });

  const url = (user: string, password = `pw_${user}`) =>
    `postgresql://${user}:${password}@localhost:${postgres.port}/${database}?sslmode=verify-full`;
  /** The variables of components/wiring.ts. */
  const jobVariables = () => ({
    [ADMIN_URL]: url("doadmin", "AVNS_doadmin"),
    [OWNER_URL]: url(roles.owner),
    [POSTGRES_CA]: postgres.ca,
  });
  const shell = async (command: string, options: ContainerOptions = {}) => {
    const { stdout, stderr } = await runContainer(image, ["-c", command], { ...options, entrypoint: ["sh"] });
    return `${stdout}${stderr}`.trim();
  };

  /** The variables of the worker, and a volume with its store. */
  async function prepareWorker() {
    const folder = mkdtempSync(join(tmpdir(), "slipway-volume-"));
    const { recipient } = await createTestKeys();
    const { signingKey } = generateSigningKey();
    mkdirSync(join(folder, "store"));
    for (const path of [folder, join(folder, "store")]) chownSync(path, image.user.uid, image.user.gid);
    const env = {
      [BACKUP_VARIABLES.store]: `${VOLUME}/store`,
      [BACKUP_VARIABLES.recipients]: recipient,
      [BACKUP_VARIABLES.signingKey]: signingKey,
      [DATABASE_URL]: url(roles.backup),
      [POSTGRES_CA]: postgres.ca,
    };
    const repository = { copies: [openFolder(join(folder, "store"))] as const, verifyKeys: [parseSigningKey(signingKey).publicKey] };
    return {
      options: { env, volumes: { [VOLUME]: folder } },
      backups: async () => (await readInventory(repository)).backups,
      remove: () => rmSync(folder, { recursive: true }),
    };
  }

  it("contains production packages, sources and SQL, and neither tests nor git", async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(await runContainer(image, ["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    const app = join(image.root, "app");
    const folders = ["sql/devx/001_create_base_schema.sql", "keyspaces/candlefish", "node_modules/pg", "systems/devx.ts"];
    expect(folders.filter((path) => !existsSync(join(app, path)))).toEqual([]);
    const left = [
      "tests",
      "bench",
      "docs",
      ".git",
      "node_modules/vitest",
      "node_modules/@biomejs",
      "node_modules/node",
      "Pulumi.prod.yaml",
    ];
    expect(left.filter((path) => existsSync(join(app, path)))).toEqual([]);
    expect(readdirSync(app, { recursive: true }).filter((path) => /^(?!node_modules).*(\.test\.ts|\/testing)$/.test(String(path)))).toEqual(
      [],
    );
    expect(await shell("command -v git docker")).toBe("");
  });

  it("runs as a numeric user without root's rights, and writes to /tmp only", async () => {
    expect(await shell("id -u; id -g")).toBe("1000\n1000");
    expect(await shell("find / -xdev -writable -not -type l 2>/dev/null")).toBe("/tmp");
    const { stdout, code } = await runContainer(image, []);
    expect([code, stdout]).toEqual([0, expect.stringContaining("slipway <command> [flags]")]);
  });

  it("runs the post-deploy job of a system, with pg from its own packages; a second job changes nothing [F106]", async () => {
    const first = await runContainer(image, ["post-deploy", "--system", "devx"], { env: jobVariables() });
    expect(first).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("001_create_base_schema.sql") });
    // App Platform's run command, in place of the entry point and as its arguments.
    for (const entrypoint of [[], image.entrypoint]) {
      const again = await runContainer(image, ["slipway", "post-deploy", "--system", "devx"], { env: jobVariables(), entrypoint });
      expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("migrations  nothing pending") });
    }
    const [row] = await query(postgres, "SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'", { database });
    expect(row).toMatchObject({ tables: expect.any(Number) });
  });

  it("backs up a database into a folder as the backup role, and nothing when nothing is due", async () => {
    const { options, backups, remove } = await prepareWorker();
    const worker = [...formatWorkerCommand({ system: "devx", dailyAtHour: 2, retention: DEFAULT_RETENTION }).split(" "), "--once"];
    // App Platform's run command in place of the entry point.
    expect(await runContainer(image, worker, { ...options, entrypoint: [] })).toMatchObject({
      ...{ code: 0, stderr: "" },
      stdout: expect.stringMatching(/Made devx\/postgres[\s\S]*intact/),
    });
    expect(await runContainer(image, worker, options)).toEqual({ code: 0, stdout: "", stderr: "" });
    const [backup, ...others] = await backups();
    expect([backup?.manifest.postgres?.server.major, others]).toEqual([17, []]);
    remove();
  });

  it.each(MAJORS.filter((major) => major !== 17))("has a pg_dump for a server of Postgres %i, without a network", async (major) => {
    const server = await startServer({ major });
    const { options, backups, remove } = await prepareWorker();
    await server.database("shop");
    await server.sql("CREATE TABLE items AS SELECT n FROM generate_series(1, 100) n", "shop");
    const env = { ...options.env, [DATABASE_URL]: server.url("shop"), [POSTGRES_CA]: "", http_proxy: "http://127.0.0.1:9" };
    const ended = await runContainer(image, ["backup", "create", "--system", "devx"], { ...options, env });
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining("100 rows in 1 table") });
    expect(await backups()).toHaveLength(1);
    remove();
    await server.stop();
  });

  it("ends a worker that waits with exit code 0 on SIGTERM, before Docker would kill it", async () => {
    const { options, backups, remove } = await prepareWorker();
    const worker = startContainer(image, ["backup", "worker", "--system", "devx"], options);
    await expect.poll(async () => (await backups())[0]?.records.length).toBe(1);
    // Then it prunes, and waits.
    await new Promise((wait) => setTimeout(wait, 500));
    const start = performance.now();
    worker.signal("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect(performance.now() - start).toBeLessThan(10_000);
    remove();
  });

  it("ends a post-deploy job that waits for a server on SIGTERM", async () => {
    const silent = createServer().listen(0, "localhost");
    await once(silent, "listening");
    const connected = once(silent, "connection");
    const address = `postgresql://doadmin:x@localhost:${(silent.address() as AddressInfo).port}/devx`;
    const job = startContainer(image, ["post-deploy", "--system", "devx"], { env: { ...jobVariables(), [ADMIN_URL]: address } });
    await connected;
    job.signal("SIGTERM");
    // 128 + SIGTERM.
    expect(await job.ended).toMatchObject({ code: 143 });
    silent.close();
  });
});
