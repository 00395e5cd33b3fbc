/** Checks the lock file of an untrusted commit before npm reads it: only packages of the user's registry, each with its hash. */
import { z } from "zod";

/** Of npm 7 and newer. */
const VERSIONS = [2, 3];
const LARGEST = 32 * 2 ** 20;
const MOST_PACKAGES = 20_000;

const specs = z.record(z.string(), z.string()).optional();
const dependencies = {
  dependencies: specs,
  devDependencies: specs,
  optionalDependencies: specs,
  peerDependencies: specs,
};

const lockSchema = z.looseObject({
  lockfileVersion: z.number(),
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      resolved: z.string().optional(),
      integrity: z.string().optional(),
      link: z.boolean().optional(),
      inBundle: z.boolean().optional(),
      ...dependencies,
    }),
  ),
});

export type LockFile = z.infer<typeof lockSchema>;
type LockedPackage = LockFile["packages"][string];

export const KINDS = Object.keys(dependencies) as (keyof typeof dependencies)[];

/** "node_modules/@pulumi/pulumi/node_modules/long" */
const PLACE = /^(?:node_modules\/(?:@[a-z0-9-~][a-z0-9-._~]*\/)?[A-Za-z0-9-~_][A-Za-z0-9-._~]*(?:\/|$))+$/;

/** A range of versions, a tag, or another name for a package of the registry. Never a URL, a repository or a path. */
const SPEC = /^(?:npm:(?:@[\w.~-]+\/)?[\w.~-]+@)?[\w\s.*^~<>=|+-]*$/;

/** @param registries whose packages are accepted. @throws {UnsafePackages} */
export function readLockFile(text: string, registries: readonly string[]): LockFile {
  if (text.length > LARGEST) throw new UnsafePackages(`it has more than ${LARGEST / 2 ** 20} MiB`);
  const lock = parse(text);
  if (!VERSIONS.includes(lock.lockfileVersion)) throw new UnsafePackages(`its version is ${lock.lockfileVersion}, not 2 or 3`);
  const packages = Object.entries(lock.packages);
  if (packages.length > MOST_PACKAGES) throw new UnsafePackages(`it has more than ${MOST_PACKAGES} packages`);
  for (const [place, one] of packages) {
    const reason = place === "" ? findForeignSpec(one) : (reasonAgainst(place, one, registries) ?? findForeignSpec(one));
    if (reason !== undefined) throw new UnsafePackages(`${quote(place === "" ? "the project" : place)} ${reason}`);
  }
  return lock;
}

/** The message continues a sentence about the lock file. */
export class UnsafePackages extends Error {}

function parse(text: string): LockFile {
  try {
    return lockSchema.parse(JSON.parse(text));
  } catch {
    throw new UnsafePackages("it is not a lock file of npm");
  }
}

function reasonAgainst(
  place: string,
  { link, resolved, integrity, inBundle }: LockedPackage,
  registries: readonly string[],
): string | undefined {
  if (link) return "is a link";
  if (!PLACE.test(place) || place.endsWith("/")) return "is not in node_modules";
  // In the archive of the package that contains it.
  if (inBundle && resolved === undefined) return undefined;
  if (resolved !== undefined && !registries.some((registry) => isBelow(resolved, registry))) return "does not come from the registry";
  return integrity !== undefined && /^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity) ? undefined : "has no SHA-512 hash";
}

function isBelow(address: string, registry: string): boolean {
  const [url, allowed] = [URL.parse(address), URL.parse(registry)];
  return (
    url !== null && allowed !== null && url.origin === allowed.origin && url.pathname.startsWith(allowed.pathname) && url.username === ""
  );
}

function findForeignSpec(one: LockedPackage): string | undefined {
  for (const kind of KINDS)
    for (const [name, spec] of Object.entries(one[kind] ?? {}))
      if (!SPEC.test(spec)) return `depends on ${quote(name)} from elsewhere than the registry`;
  return undefined;
}

/** Of an attacker: into a message, and from there into a comment. */
const quote = (text: string): string => JSON.stringify(text.slice(0, 100));
