import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ServerError } from "../error.ts";
import { run } from "../run.ts";

/** The Debian or Ubuntu release of this machine. */
export interface Distribution {
  /** "debian-bookworm-x64": the name of the folder of its packages. */
  readonly key: string;
  readonly id: "debian" | "ubuntu";
  readonly codename: string;
}

/** Receives the number of bytes downloaded so far. */
export type ProgressListener = (bytes: number) => void;

/** apt with its own state folder: needs no root and does not change the system's apt. */
export interface Apt {
  /** Adds the libraries that the packages need: those this machine lacks, or all of them if a release is set. @returns undefined if the distribution does not have the packages */
  plan(names: readonly string[]): Promise<readonly PlannedPackage[] | undefined>;
  /** Downloads the packages into a folder. apt verifies their signatures and hashes. */
  download(packages: readonly PlannedPackage[], folder: string, onProgress: ProgressListener): Promise<void>;
  remove(): void;
}

export interface PlannedPackage {
  readonly name: string;
  readonly bytes: number;
}

const ARCHIVES = {
  debian: {
    keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
    components: "main",
    // Valkey is not in bookworm itself, only in its backports.
    suites: (codename: string) => [codename, `${codename}-backports`],
    // Point releases of the suite itself have the fixes.
    fixed: (release: string) => [release],
  },
  ubuntu: {
    keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
    components: "main universe",
    suites: (codename: string) => [codename, `${codename}-updates`],
    fixed: (release: string) => [release, `${release}-updates`],
  },
} as const;

export function detectDistribution(): Distribution | undefined {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)`, "m").exec(release)?.[1];
  const id = field("ID");
  const codename = field("VERSION_CODENAME");
  if ((id !== "debian" && id !== "ubuntu") || !codename || !existsSync("/usr/bin/apt-get")) return undefined;
  return { key: `${id}-${codename}-${process.arch}`, id, codename };
}

/**
 * @param release The codename of a release of the distribution, such as "trixie", for packages together with all of their libraries. apt verifies
 * its signature with the keyring of this machine: Debian signs a release also with the keys of the two releases before it.
 */
export async function openApt(
  folder: string,
  { id, codename }: Distribution,
  onProgress: ProgressListener,
  release?: string,
): Promise<Apt> {
  for (const name of ["state/lists/partial", "cache/archives/partial"]) mkdirSync(join(folder, name), { recursive: true, mode: 0o755 });
  const env = { ...process.env, LC_ALL: "C", APT_CONFIG: join(folder, "apt.conf") };
  const apt = (args: readonly string[], cwd = folder) => run(["apt-get", ...args], { cwd, env });
  const mirror = mirrorOf(id, codename);
  writeFileSync(join(folder, "apt.conf"), await configuration(folder));

  // The additional suite does not exist for every release. If the first suite fails too, there is no network.
  let failure = "";
  for (const suites of release === undefined ? [ARCHIVES[id].suites(codename), [codename]] : [ARCHIVES[id].fixed(release)]) {
    writeFileSync(join(folder, "sources.list"), sourcesList(id, mirror, suites));
    const lists = join(folder, "state", "lists");
    const update = await reportSize(lists, onProgress, () => apt(["-qq", "--error-on=any", "update"]));
    if (update.code === 0) return { plan, download, remove };
    failure = update.stderr;
  }
  remove();
  throw new ServerError(
    `Downloading the package index ${release === undefined ? "" : `of ${release} `}from ${mirror} failed. Check the network connection.\n${firstErrors(failure)}`,
  );

  async function plan(names: readonly string[]) {
    const { code, stdout } = await apt(["-qq", "--print-uris", "--no-install-recommends", "install", ...names]);
    if (code !== 0) return undefined;
    // The libraries of another release need its C library, and then none of this machine's libraries.
    const installed = release === undefined ? await installedPackages() : new Set<string>();
    const planned = [...stdout.matchAll(/^'.*' ([^_\s]+)_\S+\.deb (\d+)/gm)].map(([, name = "", bytes]) => ({
      name,
      bytes: Number(bytes),
    }));
    // Only missing libraries: maintainer scripts never run, so what they need (perl, configuration tools) is left out.
    const libraries = planned.filter(({ name }) => /^lib(?!.*(perl|llvm|-dev$))/.test(name) && !installed.has(name));
    const requested = names.map((name) => planned.find((one) => one.name === name) ?? { name, bytes: 0 });
    return [...requested, ...libraries.filter(({ name }) => !names.includes(name))];
  }

  async function download(packages: readonly PlannedPackage[], into: string, onProgress: ProgressListener) {
    const names = packages.map(({ name }) => name);
    const { code, stderr } = await reportSize(into, onProgress, () => apt(["-qq", "download", ...names], into));
    if (code !== 0) throw new ServerError(`Downloading packages failed. Check the network connection.\n${firstErrors(stderr)}`);
  }

  function remove() {
    rmSync(folder, { recursive: true, force: true });
  }
}

const REPORT_INTERVAL_MS = 250;

/** Reports the size of a folder repeatedly while `work` runs. */
async function reportSize<T>(folder: string, onProgress: ProgressListener, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => onProgress(bytesIn(folder)), REPORT_INTERVAL_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

function bytesIn(folder: string): number {
  try {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  } catch {
    // A file was renamed or deleted while it was counted. The next report has the right size.
    return 0;
  }
}

/** The system's settings, mainly for its proxies, without its folders and without the hooks that run after an update. */
async function configuration(folder: string): Promise<string> {
  const { stdout } = await run(["apt-config", "dump"]);
  const kept = stdout
    .split("\n")
    .filter((line) => !/^(Dir|APT::Update|DPkg|APT::Sandbox|Acquire::Languages|Acquire::IndexTargets)\b/.test(line));
  const status = join(folder, "status");
  writeFileSync(status, "");
  const own = {
    "Dir::State": join(folder, "state"),
    // Resolve as if no package were installed: an installed one (redis-tools from the security suite) could conflict with the downloaded version.
    "Dir::State::status": status,
    "Dir::Cache": join(folder, "cache"),
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    // Their settings are in `kept` already.
    "Dir::Etc::main": "/dev/null",
    "Dir::Etc::parts": "/dev/null",
    "APT::Sandbox::User": "",
    "Debug::NoLocking": "true",
    "Acquire::Languages": "none",
    "Acquire::Retries": "1",
    "Acquire::http::Timeout": "20",
  };
  return [...kept, ...Object.entries(own).map(([name, value]) => `${name} "${value}";`)].join("\n");
}

async function installedPackages(): Promise<ReadonlySet<string>> {
  const { stdout } = await run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n"]);
  return new Set([...stdout.matchAll(/^(\S+) installed$/gm)].map(([, name = ""]) => name));
}

function sourcesList(id: Distribution["id"], mirror: string, suites: readonly string[]): string {
  const { keyring, components } = ARCHIVES[id];
  const options = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  return suites.map((suite) => `deb ${options}${mirror} ${suite} ${components}\n`).join("");
}

/** The mirror that this system is configured with, because it may be the only one that is reachable. */
function mirrorOf(id: Distribution["id"], codename: string): string {
  const parts = existsSync("/etc/apt/sources.list.d")
    ? readdirSync("/etc/apt/sources.list.d").map((name) => `/etc/apt/sources.list.d/${name}`)
    : [];
  for (const path of ["/etc/apt/sources.list", ...parts].filter((path) => existsSync(path))) {
    const text = readFileSync(path, "utf8").replace(/^[^\S\n]*#.*\n?/gm, "");
    const oneLine = new RegExp(`^deb\\s+(?:\\[[^\\]]*\\]\\s+)?(http\\S+)\\s+${codename}\\s.*\\bmain\\b`, "m").exec(text)?.[1];
    const stanza = text
      .split(/\n\s*\n/)
      .find((part) => new RegExp(`^Suites:.*\\b${codename}(\\s|$)`, "m").test(part) && /^Types:.*\bdeb\b/m.test(part));
    const mirror = oneLine ?? /^URIs:\s*(http\S+)/m.exec(stanza ?? "")?.[1];
    if (mirror) return mirror.replace(/\/$/, "");
  }
  throw new ServerError(
    `apt has no source for ${id} ${codename} in /etc/apt/sources.list or /etc/apt/sources.list.d, so packages cannot be downloaded. ` +
      "Add one, or install valkey-server (or redis-server) and pgbouncer yourself.",
  );
}

const firstErrors = (stderr: string) =>
  stderr
    .split("\n")
    .filter((line) => /^[EW]:/.test(line))
    .slice(0, 2)
    .join("\n");
