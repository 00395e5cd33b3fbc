/** The shop of the tests of verify, with its roles and its backups. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { generateIdentity, identityToRecipient } from "../../../backup/encryption.ts";
import { generateSigningKey, parseSigningKey } from "../../../backup/signature.ts";
import { openFolder } from "../../../backup/store/folder.ts";
import type { BackupEnvironment } from "../../../cli/backup/environment.ts";
import { backupSource } from "../../../cli/rollback/backups.ts";
import { findHome } from "../../../local/servers/home.ts";
import type { TestStore } from "../../../postdeploy/keyspaces/testing/store.ts";
import { up } from "../../../postdeploy/migrate/index.ts";
import type { TestServer } from "../../../postdeploy/migrate/testing/server.ts";
import { applyRoles } from "../../../postdeploy/roles/index.ts";
import { openWriter } from "../../fork/writer.ts";
import { openApi } from "../../recover/api.ts";
import { type Shop, shop, startShop, TOKEN } from "../../verify/testing/shop.ts";
import type { RollbackSubject } from "../subject.ts";

/** Runs ./process.ts. @param killAt A line that it prints, at which it is killed. @returns its exit code; null if it was killed */
export async function runProcess(
  args: readonly string[],
  killAt?: string,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./process.ts", import.meta.url)), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString();
    if (killAt !== undefined && stdout.split("\n").includes(killAt)) child.kill("SIGKILL");
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  return await new Promise((resolve) => child.once("close", (code) => resolve({ code, stderr })));
}

/** Everything from which another process builds the same subject. */
export interface Description {
  readonly endpoint: string;
  readonly cluster: string;
  readonly ownerUrl: string;
  readonly adminUrl: string;
  readonly migrations: string;
  readonly backups: string;
  readonly identity: string;
  readonly signingKey: string;
}

export interface Product extends Shop {
  readonly description: Description;
  rollback(): Promise<RollbackSubject>;
  /** Writes and applies a migration. */
  migrate(name: string, text: string, down?: string): Promise<void>;
  rows(table: string, database?: string): Promise<readonly string[]>;
}

export async function startProduct(postgres: TestServer, store: TestStore): Promise<Product> {
  for (const { name } of await postgres.sql(
    "SELECT datname AS name FROM pg_database WHERE datname LIKE 'shop%' OR datname LIKE 'slipway%'",
  ))
    await postgres.sql(`DROP DATABASE "${name}" WITH (FORCE)`);
  for (const role of ["shop_readonly", "shop_backup"]) await postgres.sql(`CREATE ROLE ${role} LOGIN`).catch(() => {});
  const product = await startShop(postgres, store);
  const { schemas, extensions, roles, statementTimeoutSeconds } = shop.postgres;
  await applyRoles({
    connection: { url: postgres.url("shop") },
    database: "shop",
    ...{ schemas, extensions, roles, statementTimeoutSeconds },
  });
  const backups = mkdtempSync(join(tmpdir(), "slipway-rollback-"));
  const description: Description = {
    ...{ endpoint: product.api.url, cluster: product.clusters.database, ownerUrl: product.owner.url, adminUrl: postgres.url("postgres") },
    ...{ migrations: product.folders.migrations, backups, identity: await generateIdentity(), signingKey: generateSigningKey().signingKey },
  };
  return {
    ...product,
    description,
    rollback: () => subjectOf(description),
    async migrate(name, text, down) {
      // The API's times are of whole seconds: a migration of the same second belongs to the deployment.
      await sleep(1000);
      writeFileSync(join(product.folders.migrations, `${name}.sql`), text);
      if (down !== undefined) writeFileSync(join(product.folders.migrations, `${name}.down.sql`), down);
      await up({ folder: product.folders.migrations, connection: product.owner, system: "shop", owner: "shop_owner", schemas: ["public"] });
    },
    rows: async (table, database = "shop") =>
      (await postgres.sql(`SELECT slug FROM ${table} ORDER BY 1`, database)).map(({ slug }) => String(slug)),
    async stop() {
      await product.stop();
      rmSync(backups, { recursive: true, force: true });
    },
  };
}

export async function subjectOf(description: Description): Promise<RollbackSubject> {
  const { endpoint, cluster, ownerUrl, adminUrl, migrations } = description;
  const access = { endpoint, token: TOKEN };
  const admin = { url: adminUrl };
  const backup = { url: ownerUrl.replace("shop_owner@", "shop_backup@") };
  return {
    ...{ system: shop, api: openApi(access), writer: openWriter(access), account: "The test account", suffix: "", admin },
    ...{ database: { cluster, owner: { url: ownerUrl } }, stores: new Map(), folders: { migrations, keyspaces: "none" } },
    ...{ isLocal: false, readBackups: async () => [], flags: "--system shop" },
    backups: backupSource(shop, await environmentOf(description), { database: { admin, backup }, identity: undefined }),
  };
}

async function environmentOf({ backups, identity, signingKey: text }: Description): Promise<BackupEnvironment> {
  const signingKey = parseSigningKey(text);
  const recipient = await identityToRecipient(identity);
  return {
    repository: { copies: [openFolder(backups)], verifyKeys: [signingKey.publicKey] },
    ...{ home: findHome(process.cwd()), tool: "slipway test", isLocal: false },
    ...{ recipients: () => [recipient], signingKey: () => signingKey, identities: () => [identity] },
  };
}
