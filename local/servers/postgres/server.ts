import { cpSync, existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Authority } from "../certificates.ts";
import { ServerError } from "../error.ts";
import { changeOwner, createFolder, readJson, writeJson, writeSecret } from "../files.ts";
import { admittedAddresses, type Rule } from "../firewall.ts";
import type { Home } from "../home.ts";
import { findPostgresBinaries, type PostgresBinaries } from "../packages/binaries.ts";
import { newPassword, scramVerifier } from "../passwords.ts";
import { findRunningProcess, sendSignal } from "../process.ts";
import type { Server } from "../server.ts";
import { asSuperuser, PLATFORM_DATABASE, type PostgresUser, type Superuser } from "./admin.ts";
import { copyData } from "./copy.ts";
import { renderAccessFile, renderSettings, SUPERUSER } from "./settings.ts";
import { ensurePostgresTemplate, runSingleUser, SETTINGS_FILE } from "./template.ts";

/** The desired state of a cluster. */
export interface PostgresCluster {
  readonly name: string;
  readonly major: string;
  readonly memoryGiB: number;
  readonly administrator: PostgresUser;
  readonly rules: readonly Rule[];
  readonly config: Readonly<Record<string, unknown>>;
}

/** A running cluster whose data is copied: a primary or the source of a fork. */
export interface SourceCluster {
  readonly superuser: Superuser;
  readonly data: string;
}

export interface PostgresLocation {
  readonly folder: string;
  readonly key: string;
  readonly home: Home;
  readonly authority: Authority;
  /** false is faster, but a power failure can lose data. */
  readonly fsync: boolean;
}

export interface PostgresServer extends Server {
  /**
   * Writes the configuration and reloads it. @returns "restart" if some changes need a restart
   * @throws with the setting and the reason if Postgres refuses the configuration, which then stays as it was
   */
  tryConfiguration(port: number): Promise<"reload" | "restart">;
}

/** What slipway stores about a cluster, in origin.json. */
interface ClusterRecord {
  /** The superuser's password. */
  readonly password: string;
  /** Only for a replica, until it is promoted. */
  readonly following?: ReplicationSource;
}

export interface ReplicationSource {
  /** The id of the primary. */
  readonly cluster: string;
  /** The replication slot on the primary. */
  readonly slot: string;
}

/** Creates the data of a new cluster: empty, or a copy of another cluster, of which it may be a replica. */
export async function preparePostgres(
  location: PostgresLocation,
  cluster: PostgresCluster,
  source?: SourceCluster,
  replication?: ReplicationSource,
): Promise<void> {
  const { folder, home } = location;
  // The copy includes the superuser's password.
  const password = source?.superuser.password ?? newPassword();
  await createFolder(
    join(folder, "data"),
    async (data) => {
      const binaries = await findPostgresBinaries(cluster.major, home);
      // Written first, so that after a crash removing the cluster also drops the slot on its primary.
      writeJson(join(folder, "origin.json"), { password, ...(replication && { following: replication }) } satisfies ClusterRecord);
      if (source) await copyData(source.superuser, source.data, data, replication?.slot);
      else cpSync(await ensurePostgresTemplate(binaries, home), data, { recursive: true });
      if (replication) writeFileSync(join(data, "standby.signal"), "");
      writeFileSync(join(data, SETTINGS_FILE), "");
      changeOwner(home.user.uid, data);
      if (!source) await setFirstPasswords(binaries, home, data, password, cluster.administrator);
    },
    home.user.uid,
  );
}

const setFirstPasswords = (binaries: PostgresBinaries, { user }: Home, data: string, password: string, administrator: PostgresUser) =>
  runSingleUser(binaries, user.prefix, data, PLATFORM_DATABASE, [
    `ALTER ROLE ${SUPERUSER} PASSWORD '${scramVerifier(password)}'`,
    `ALTER ROLE ${administrator.name} PASSWORD '${scramVerifier(administrator.password)}'`,
  ]);

export const dataFolder = ({ folder }: PostgresLocation): string => join(folder, "data");

/** The major version that created the data, which is the only one that can read it. */
export const readMajor = (location: PostgresLocation): string => readFileSync(join(dataFolder(location), "PG_VERSION"), "utf8").trim();

/** The superuser's connection settings; undefined if the server does not run. */
export function findSuperuser({ folder, authority }: PostgresLocation): Superuser | undefined {
  const running = findRunningProcess(folder);
  return (
    running && { port: running.port, password: readJson<ClusterRecord>(join(folder, "origin.json"))!.password, authority: authority.pem }
  );
}

export const readReplicationSource = ({ folder }: PostgresLocation): ReplicationSource | undefined =>
  readJson<ClusterRecord>(join(folder, "origin.json"))?.following;

/** Promotes a replica to a primary and drops its slot on its former primary. */
export async function detachReplica(location: PostgresLocation, own: Superuser, source: Superuser | undefined): Promise<void> {
  const { password, following } = readJson<ClusterRecord>(join(location.folder, "origin.json"))!;
  if (existsSync(join(dataFolder(location), "standby.signal")))
    await asSuperuser(own, (client) => client.query("SELECT pg_promote(true, 60)"));
  if (source && following) await dropSlot(source, following.slot);
  writeJson(join(location.folder, "origin.json"), { password } satisfies ClusterRecord);
}

/** Waits until the replica has disconnected, because an active slot cannot be dropped. */
export async function dropSlot(source: Superuser, slot: string): Promise<void> {
  await asSuperuser(source, async (client) => {
    for (let attempt = 0; attempt < 100; attempt++, await sleep(50)) {
      const { rows } = await client.query<{ active: boolean }>("SELECT active FROM pg_replication_slots WHERE slot_name = $1", [slot]);
      if (rows[0]?.active) continue;
      if (rows[0]) await client.query("SELECT pg_drop_replication_slot($1)", [slot]);
      return;
    }
  });
}

/** @param source For a replica: its primary. */
export async function postgresServer(
  location: PostgresLocation,
  cluster: PostgresCluster,
  source?: SourceCluster,
): Promise<PostgresServer> {
  const { folder, key, home, authority } = location;
  const data = dataFolder(location);
  const { password, following } = readJson<ClusterRecord>(join(folder, "origin.json"))!;
  const binaries = await findPostgresBinaries(readMajor(location), home);
  const superuser = (port: number): Superuser => ({ port, password, authority: authority.pem });

  return {
    title: `Postgres ${cluster.name}`,
    key,
    folder,
    stopSignal: "SIGINT",
    configure: writeConfiguration,
    command: () => ({ argv: [binaries.postgres, "-D", data], env: {}, user: home.user }),
    beforeLaunch: () => clearAfterCrash(data),
    login: (port) => asSuperuser(superuser(port), async (client) => void (await client.query("SELECT 1"))),
    reload: async (port) => void (await asSuperuser(superuser(port), (client) => client.query("SELECT pg_reload_conf()"))),
    tryConfiguration,
  };

  function writeConfiguration(port: number) {
    const certificate = authority.issue(join(folder, "tls"), { commonName: cluster.name });
    const access = join(folder, "pg_hba.conf");
    const settings = renderSettings({
      port,
      name: cluster.name,
      memoryGiB: cluster.memoryGiB,
      config: cluster.config,
      fsync: location.fsync,
      certificate,
      accessFile: access,
      ...(source && following && { primary: { ...source.superuser, slot: following.slot, authorityFile: certificate.authority } }),
    });
    writeSecret(join(data, SETTINGS_FILE), settings);
    writeSecret(access, renderAccessFile(admittedAddresses(cluster.rules)));
    for (const path of [join(folder, "tls"), join(data, SETTINGS_FILE), access]) changeOwner(home.user.uid, path);
  }

  async function tryConfiguration(port: number) {
    const before = readFileSync(join(data, SETTINGS_FILE), "utf8");
    writeConfiguration(port);
    return asSuperuser(superuser(port), async (client) => {
      // Postgres parses the file for this view without applying it, and also lists settings that need a restart as errors.
      const { rows } = await client.query<{ name: string; setting: string; error: string; applicable: boolean }>(
        `SELECT file.name, file.setting, file.error, known.context = 'postmaster' AS applicable
         FROM pg_file_settings file LEFT JOIN pg_settings known USING (name) WHERE file.error IS NOT NULL`,
      );
      const refused = rows.find(({ error, applicable }) => !(applicable && error === "setting could not be applied"));
      if (refused) {
        writeSecret(join(data, SETTINGS_FILE), before);
        changeOwner(home.user.uid, join(data, SETTINGS_FILE));
        throw new ServerError(`Postgres refuses ${refused.name} = ${refused.setting}: ${refused.error}.`);
      }
      await client.query("SELECT pg_reload_conf()");
      return rows.length > 0 ? "restart" : "reload";
    });
  }
}

/**
 * After `kill -9` of the postmaster its child processes may still be running, and a new server has to wait until they have exited. Then the lock
 * file is stale, but Postgres would refuse to start if another process had that pid by now, so it is deleted.
 */
async function clearAfterCrash(folder: string): Promise<void> {
  if (process.platform !== "linux") return;
  const data = realpathSync(folder);
  for (const until = Date.now() + 20_000; Date.now() < until; await sleep(20)) {
    const remaining = processesIn(data);
    if (remaining.length === 0) return rmSync(join(data, "postmaster.pid"), { force: true });
    for (const pid of remaining) sendSignal(pid, "SIGQUIT");
  }
  throw new ServerError(
    `Processes of a crashed Postgres are still running: ${processesIn(data).join(", ")}. See their state: ps -fp ${processesIn(data).join(",")}`,
  );
}

/** The working directory of every Postgres process is its data directory. */
function processesIn(data: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === data && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("postgres");
      } catch {
        return false;
      }
    })
    .map(Number);
}
