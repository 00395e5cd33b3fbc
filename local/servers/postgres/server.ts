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
import { accessFile, renderSettings, SUPERUSER } from "./settings.ts";
import { ensurePostgresTemplate, runSingleUser, SETTINGS_FILE } from "./template.ts";

/** A Postgres cluster as it should be. */
export interface PostgresCluster {
  readonly name: string;
  readonly major: string;
  readonly memoryGiB: number;
  readonly administrator: PostgresUser;
  readonly rules: readonly Rule[];
  readonly config: Readonly<Record<string, unknown>>;
}

/** Another cluster of this home, running. */
export interface Original {
  readonly superuser: Superuser;
  readonly data: string;
}

export interface PostgresLocation {
  readonly folder: string;
  readonly key: string;
  readonly home: Home;
  readonly authority: Authority;
  /** false: faster, and lost with the machine's power. */
  readonly fsync: boolean;
}

export interface PostgresServer extends Server {
  /**
   * What a changed configuration needs: nothing more than a reload, or a new start. Where Postgres does not take it, an error says what and
   * why, and the configuration is what it was.
   */
  tryConfiguration(port: number): Promise<"reload" | "restart">;
}

/** What slipway knows of a cluster and Postgres does not. */
interface Origin {
  /** The superuser's. */
  readonly password: string;
  /** Whom a replica follows; gone once it has been parted from it. */
  readonly following?: ReplicationSource;
}

export interface ReplicationSource {
  readonly cluster: string;
  /** Keeps its place in the original's log. */
  readonly slot: string;
}

/** The data of a new cluster: empty, or copied from another one, which it may then follow. */
export async function preparePostgres(
  place: PostgresLocation,
  cluster: PostgresCluster,
  original?: Original,
  following?: ReplicationSource,
): Promise<void> {
  const { folder, home } = place;
  // A follower has what its original has, this password too.
  const password = original?.superuser.password ?? newPassword();
  await createFolder(
    join(folder, "data"),
    async (data) => {
      const binaries = await findPostgresBinaries(cluster.major, home);
      // Written first: should this stop half-way, whoever removes the cluster knows whose log was being kept for it.
      writeJson(join(folder, "origin.json"), { password, ...(following && { following }) } satisfies Origin);
      if (original) await copyData(original.superuser, original.data, data, following?.slot);
      else cpSync(await ensurePostgresTemplate(binaries, home), data, { recursive: true });
      if (following) writeFileSync(join(data, "standby.signal"), "");
      writeFileSync(join(data, SETTINGS_FILE), "");
      changeOwner(home.user.uid, data);
      if (!original) await setFirstPasswords(binaries, home, data, password, cluster.administrator);
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

/** The major that made the data is the only one that can read it. */
export const readMajor = (place: PostgresLocation): string => readFileSync(join(dataFolder(place), "PG_VERSION"), "utf8").trim();

/** The way into the server as its superuser; undefined while it does not run. */
export function findSuperuser({ folder, authority }: PostgresLocation): Superuser | undefined {
  const running = findRunningProcess(folder);
  return running && { port: running.port, password: readJson<Origin>(join(folder, "origin.json"))!.password, authority: authority.pem };
}

export const readReplicationSource = ({ folder }: PostgresLocation): ReplicationSource | undefined =>
  readJson<Origin>(join(folder, "origin.json"))?.following;

/** Makes a follower a server of its own; its former original need not keep anything for it any more. */
export async function detachReplica(place: PostgresLocation, own: Superuser, original: Superuser | undefined): Promise<void> {
  const { password, following } = readJson<Origin>(join(place.folder, "origin.json"))!;
  if (existsSync(join(dataFolder(place), "standby.signal")))
    await asSuperuser(own, (client) => client.query("SELECT pg_promote(true, 60)"));
  if (original && following) await dropSlot(original, following.slot);
  writeJson(join(place.folder, "origin.json"), { password } satisfies Origin);
}

/** Its reader may need a moment to go. */
export async function dropSlot(original: Superuser, slot: string): Promise<void> {
  await asSuperuser(original, async (client) => {
    for (let tries = 0; tries < 100; tries++, await sleep(50)) {
      const { rows } = await client.query<{ active: boolean }>("SELECT active FROM pg_replication_slots WHERE slot_name = $1", [slot]);
      if (rows[0]?.active) continue;
      if (rows[0]) await client.query("SELECT pg_drop_replication_slot($1)", [slot]);
      return;
    }
  });
}

/** The server over data that `preparePostgres` made. `original` is what a replica follows. */
export async function postgresServer(place: PostgresLocation, cluster: PostgresCluster, original?: Original): Promise<PostgresServer> {
  const { folder, key, home, authority } = place;
  const data = dataFolder(place);
  const { password, following } = readJson<Origin>(join(folder, "origin.json"))!;
  const binaries = await findPostgresBinaries(readMajor(place), home);
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
      fsync: place.fsync,
      certificate,
      renderAccessFile: access,
      ...(original && following && { follow: { ...original.superuser, slot: following.slot, authorityFile: certificate.authority } }),
    });
    writeSecret(join(data, SETTINGS_FILE), settings);
    writeSecret(access, accessFile(admittedAddresses(cluster.rules)));
    for (const path of [join(folder, "tls"), join(data, SETTINGS_FILE), access]) changeOwner(home.user.uid, path);
  }

  async function tryConfiguration(port: number) {
    const before = readFileSync(join(data, SETTINGS_FILE), "utf8");
    writeConfiguration(port);
    return asSuperuser(superuser(port), async (client) => {
      // Postgres reads the file for this view without applying it. What it cannot apply while it runs is an error there too.
      const { rows } = await client.query<{ name: string; setting: string; error: string; applicable: boolean }>(
        `SELECT file.name, file.setting, file.error, known.context = 'postmaster' AS applicable
         FROM pg_file_settings file LEFT JOIN pg_settings known USING (name) WHERE file.error IS NOT NULL`,
      );
      const refused = rows.find(({ error, applicable }) => !(applicable && error === "setting could not be applied"));
      if (refused) {
        writeSecret(join(data, SETTINGS_FILE), before);
        changeOwner(home.user.uid, join(data, SETTINGS_FILE));
        throw new ServerError(`Postgres does not take ${refused.name} = ${refused.setting}: ${refused.error}.`);
      }
      await client.query("SELECT pg_reload_conf()");
      return rows.length > 0 ? "restart" : "reload";
    });
  }
}

/**
 * After `kill -9` of the postmaster its children may still be at work, and a new one must wait for them. Once none is left, the old one's
 * lock file means nothing, though Postgres would believe it if its number has been given to another process.
 */
async function clearAfterCrash(folder: string): Promise<void> {
  if (process.platform !== "linux") return;
  const data = realpathSync(folder);
  for (const until = Date.now() + 20_000; Date.now() < until; await sleep(20)) {
    const left = processesIn(data);
    if (left.length === 0) return rmSync(join(data, "postmaster.pid"), { force: true });
    for (const pid of left) sendSignal(pid, "SIGQUIT");
  }
  throw new ServerError(
    `Processes of a crashed Postgres do not end: ${processesIn(data).join(", ")}. Look at them: ps -fp ${processesIn(data)[0]}`,
  );
}

/** Every process of a Postgres server works in its data directory. */
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
