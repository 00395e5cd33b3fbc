/** Finds pg_dump, pg_restore and psql, or unpacks them from packages of Debian or Ubuntu. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { ServerError } from "../../local/servers/error.ts";
import { isExecutable } from "../../local/servers/is-executable.ts";
import { detectDistribution } from "../../local/servers/packages/apt.ts";
import { type DownloadProgress, fetchRelease, findUnpackedRelease, type PackageCache } from "../../local/servers/packages/packages.ts";
import { run } from "../../local/servers/run.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";

const PROGRAMS = ["pg_dump", "pg_restore", "psql"] as const;
export type PostgresProgram = (typeof PROGRAMS)[number];

/** How to run a program: `args` come before the program's own arguments, `env` is added to the environment. */
export interface ProgramCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** pg_dump, pg_restore and psql of one version. */
export interface PostgresClients {
  readonly major: number;
  /** "17.12" */
  readonly version: string;
  program(name: PostgresProgram): ProgramCommand;
}

export interface ClientOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Called several times a second while packages are downloaded. */
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** The major version of postgresql-client in each release, oldest first. A release without one that a server can have is left out. */
const RELEASES = {
  debian: [
    { release: "bookworm", major: 15 },
    { release: "trixie", major: 17 },
    { release: "forky", major: 18 },
  ],
  ubuntu: [
    { release: "noble", major: 16 },
    { release: "resolute", major: 18 },
  ],
} as const;

/** The environment variable with the folder of the programs to use. */
export const CLIENTS_VARIABLE = "SLIPWAY_POSTGRES_CLIENTS";

/**
 * Programs that can dump a server: pg_dump refuses a server that is newer than itself.
 * @returns programs of exactly this major version if there are any, otherwise of the next newer one
 * @throws Failure if there are none and they cannot be downloaded, with the command that installs them
 */
export async function findPostgresClients(
  serverMajor: number,
  home: PackageCache,
  { env = process.env, onProgress = () => {} }: ClientOptions = {},
): Promise<PostgresClients> {
  const chosen = env[CLIENTS_VARIABLE];
  if (chosen) return readChosen(chosen, serverMajor);
  const installed = await findInstalled(env, serverMajor);
  const suitable = installed.filter(({ major }) => major >= serverMajor).sort((one, other) => one.major - other.major);
  const exact = suitable[0]?.major === serverMajor;
  const found = exact ? suitable[0] : ((await findUnpacked(serverMajor, home)) ?? suitable[0]);
  return found ?? (await download(serverMajor, home, onProgress, installed));
}

async function readChosen(folder: string, serverMajor: number): Promise<PostgresClients> {
  const correction = `Correct the path, or unset ${CLIENTS_VARIABLE} to use installed or downloaded programs.`;
  const missing = PROGRAMS.filter((name) => !isExecutable(join(folder, name)));
  if (missing.length > 0) throw noClients(`${CLIENTS_VARIABLE} is ${folder}, which has no executable ${missing.join(", ")}. ${correction}`);
  const clients = await readVersion(folderCommand(folder));
  if (clients === undefined)
    throw noClients(`${CLIENTS_VARIABLE} is ${folder}, but \`${join(folder, "pg_dump")} --version\` failed. ${correction}`);
  if (clients.major < serverMajor)
    throw noClients(
      `${CLIENTS_VARIABLE} is ${folder} with version ${clients.version}, which refuses a server of version ${serverMajor}. ${correction}`,
    );
  return clients;
}

interface InstalledClients extends PostgresClients {
  readonly folder: string;
}

async function findInstalled(env: Readonly<Record<string, string | undefined>>, serverMajor: number): Promise<InstalledClients[]> {
  const folders = [...(env.PATH ?? "").split(delimiter).filter(Boolean), ...installFolders(serverMajor)];
  const complete = [...new Set(folders)].filter((folder) =>
    PROGRAMS.every((name) => isExecutable(join(folder, name)) && !isWrapper(join(folder, name))),
  );
  const read = await Promise.all(
    complete.map(async (folder) => {
      const clients = await readVersion(folderCommand(folder));
      return clients && { ...clients, folder };
    }),
  );
  return read.filter((one) => one !== undefined);
}

/** Debian's /usr/bin/pg_dump runs pg_dump of another version for each server. The versions themselves are in /usr/lib/postgresql. */
const isWrapper = (file: string) => basename(realpathSync(file)) === "pg_wrapper";

/** Where packages of several versions install their programs. */
function installFolders(serverMajor: number): string[] {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, "bin")) : [];
  const majors = Array.from({ length: 5 }, (_, at) => serverMajor + at);
  return [
    ...versions,
    ...majors.flatMap((major) => [
      `/usr/pgsql-${major}/bin`,
      `/opt/homebrew/opt/postgresql@${major}/bin`,
      `/usr/local/opt/postgresql@${major}/bin`,
      `/Applications/Postgres.app/Contents/Versions/${major}/bin`,
    ]),
    ...["/opt/homebrew/opt/libpq/bin", "/usr/local/opt/libpq/bin"],
  ];
}

type CommandOf = (name: PostgresProgram) => ProgramCommand;

const folderCommand =
  (folder: string): CommandOf =>
  (name) => ({ file: join(folder, name), args: [], env: {} });

/** @returns undefined if pg_dump does not run here */
async function readVersion(program: CommandOf): Promise<PostgresClients | undefined> {
  const { file, args, env } = program("pg_dump");
  const { stdout } = await run([file, ...args, "--version"], { env: { ...process.env, ...env } }).catch(() => ({ stdout: "" }));
  const [, version, major] = /\(PostgreSQL\) ((\d+)\S*)/.exec(stdout) ?? [];
  return version === undefined ? undefined : { major: Number(major), version, program };
}

/** Whether pg_dump compresses with zstd: from version 16 on, unless it was built without. It says so before it connects. */
export async function supportsZstd({ major, program }: PostgresClients): Promise<boolean> {
  if (major < 16) return false;
  const { file, args, env } = program("pg_dump");
  const probe = ["--format=custom", "--compress=zstd", "--file=/dev/null", "--host=/nonexistent"];
  const { stderr } = await run([file, ...args, ...probe], { env: { ...process.env, ...env, LC_ALL: "C" } });
  return !stderr.includes("compression");
}

// ── Packages of Debian and Ubuntu ─────────────────────────────────────────────────────────────────────────────────────────────────────

const packageName = (major: number) => `postgresql-client-${major}`;

async function findUnpacked(major: number, home: PackageCache): Promise<PostgresClients | undefined> {
  const unpacked = findUnpackedRelease(home, packageName(major));
  if (unpacked === undefined) return undefined;
  return readVersion((name) => ({ ...unpacked.command(`usr/lib/postgresql/${major}/bin/${name}`), env: {} }));
}

async function download(
  serverMajor: number,
  home: PackageCache,
  onProgress: (progress: DownloadProgress) => void,
  installed: readonly InstalledClients[],
): Promise<PostgresClients> {
  const distribution = detectDistribution();
  const releases = distribution === undefined ? [] : RELEASES[distribution.id].filter(({ major }) => major >= serverMajor);
  const failures: string[] = [];
  for (const { release, major } of releases) {
    try {
      const name = packageName(major);
      if (!findUnpackedRelease(home, name)) await fetchRelease(home, name, release, onProgress);
      const found = await findUnpacked(major, home);
      if (found) return found;
      failures.push(`${name} of ${release} does not run on this machine.`);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      failures.push(error.message);
    }
  }
  const older = installed.map(({ folder, version }) => `${version} in ${folder}`);
  throw noClients(
    [
      `slipway needs pg_dump, pg_restore and psql of version ${serverMajor} or newer for a server of version ${serverMajor}. ` +
        (older.length > 0 ? `Installed: ${older.join(", ")}.` : "None are installed."),
      ...(distribution !== undefined && releases.length === 0 ? [`No release of ${distribution.id} that slipway knows has them.`] : []),
      ...(failures.length > 0 ? ["Downloading them failed:", ...failures] : []),
      `Install them: ${installCommand(serverMajor, distribution !== undefined)}. ` +
        `If they are in another folder, set it: export ${CLIENTS_VARIABLE}=/path/to/bin`,
    ].join("\n"),
  );
}

/** Debian and Ubuntu have one version per release; the archive of the Postgres project has all of them. */
function installCommand(major: number, usesApt: boolean): string {
  if (process.platform === "darwin") return `brew install postgresql@${major}`;
  if (usesApt)
    return `apt-get install postgresql-common && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && apt-get install ${packageName(major)}`;
  return `the package of the Postgres client ${major} (https://www.postgresql.org/download)`;
}

const noClients = (message: string) => new Failure("no-postgres-clients", 2, message);
