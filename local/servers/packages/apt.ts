import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ServerError } from "../error.ts";
import { run } from "../run.ts";

/** The Debian or Ubuntu that this machine runs. */
export interface Distribution {
  /** Names what was unpacked for it: "debian-bookworm-x64". */
  readonly key: string;
  readonly id: "debian" | "ubuntu";
  readonly codename: string;
}

/** How many bytes of a download are there. */
export type ProgressListener = (bytes: number) => void;

/** apt with a state of its own: it needs no root and leaves the machine's apt alone. */
export interface Apt {
  /** These packages and the libraries that they need and this machine lacks; undefined where the distribution does not have them. */
  plan(names: readonly string[]): Promise<readonly PlannedPackage[] | undefined>;
  /** Fetches the packages' files into a folder, signatures and hashes checked by apt. */
  download(packages: readonly PlannedPackage[], folder: string, told: ProgressListener): Promise<void>;
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
    // Valkey came to bookworm after its release.
    suites: (codename: string) => [codename, `${codename}-backports`],
  },
  ubuntu: {
    keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
    components: "main universe",
    suites: (codename: string) => [codename, `${codename}-updates`],
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

export async function openApt(folder: string, { id, codename }: Distribution, told: ProgressListener): Promise<Apt> {
  for (const name of ["state/lists/partial", "cache/archives/partial"]) mkdirSync(join(folder, name), { recursive: true, mode: 0o755 });
  const env = { ...process.env, LC_ALL: "C", APT_CONFIG: join(folder, "apt.conf") };
  const apt = (args: readonly string[], cwd = folder) => run(["apt-get", ...args], { cwd, env });
  const { suites } = ARCHIVES[id];
  writeFileSync(join(folder, "apt.conf"), await configuration(folder));

  // A distribution without the additional suite still has the first one; without any, there is no network.
  let failure = "";
  for (const chosen of [suites(codename), [codename]]) {
    writeFileSync(join(folder, "sources.list"), sourcesList(id, chosen));
    const lists = join(folder, "state", "lists");
    const update = await watched(lists, told, () => apt(["-qq", "--error-on=any", "update"]));
    if (update.code === 0) return { plan, download, remove };
    failure = update.stderr;
  }
  remove();
  throw new ServerError(`No package index could be fetched from ${mirrorOf(id, codename)}: is there a network?\n${firstErrors(failure)}`);

  async function plan(names: readonly string[]) {
    const { code, stdout } = await apt(["-qq", "--print-uris", "--no-install-recommends", "install", ...names]);
    if (code !== 0) return undefined;
    const installed = await installedPackages();
    const planned = [...stdout.matchAll(/^'.*' ([^_\s]+)_\S+\.deb (\d+)/gm)].map(([, name = "", bytes]) => ({
      name,
      bytes: Number(bytes),
    }));
    // Besides the programs only the libraries that this machine lacks: what maintainer scripts would need (perl, other packages' set-up) never runs.
    const libraries = planned.filter(({ name }) => /^lib(?!.*(perl|llvm|-dev$))/.test(name) && !installed.has(name));
    const asked = names.map((name) => planned.find((one) => one.name === name) ?? { name, bytes: 0 });
    return [...asked, ...libraries.filter(({ name }) => !names.includes(name))];
  }

  async function download(packages: readonly PlannedPackage[], into: string, told: ProgressListener) {
    const names = packages.map(({ name }) => name);
    const { code, stderr } = await watched(into, told, () => apt(["-qq", "download", ...names], into));
    if (code !== 0) throw new ServerError(`Packages could not be fetched: is there a network?\n${firstErrors(stderr)}`);
  }

  function remove() {
    rmSync(folder, { recursive: true, force: true });
  }
}

const LOOK_EVERY_MS = 250;

/** Says how much lies in a folder while somebody else fills it. */
async function watched<T>(folder: string, told: ProgressListener, work: () => Promise<T>): Promise<T> {
  const clock = setInterval(() => told(bytesIn(folder)), LOOK_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(clock);
  }
}

function bytesIn(folder: string): number {
  try {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  } catch {
    // Renamed or deleted between the two looks: the next one tells.
    return 0;
  }
}

/** The machine's own settings (proxies above all) without its folders and without the hooks that would run after an update. */
async function configuration(folder: string): Promise<string> {
  const { stdout } = await run(["apt-config", "dump"]);
  const kept = stdout
    .split("\n")
    .filter((line) => !/^(Dir|APT::Update|DPkg|APT::Sandbox|Acquire::Languages|Acquire::IndexTargets)\b/.test(line));
  const status = join(folder, "status");
  writeFileSync(status, "");
  const ours = {
    "Dir::State": join(folder, "state"),
    // Resolved as if nothing were installed: a package on this machine (redis-tools from the security suite) would conflict with the version fetched.
    "Dir::State::status": status,
    "Dir::Cache": join(folder, "cache"),
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    // Already in what was kept, hooks and all.
    "Dir::Etc::main": "/dev/null",
    "Dir::Etc::parts": "/dev/null",
    "APT::Sandbox::User": "",
    "Debug::NoLocking": "true",
    "Acquire::Languages": "none",
    "Acquire::Retries": "1",
    "Acquire::http::Timeout": "20",
  };
  return [...kept, ...Object.entries(ours).map(([name, value]) => `${name} "${value}";`)].join("\n");
}

async function installedPackages(): Promise<ReadonlySet<string>> {
  const { stdout } = await run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n"]);
  return new Set([...stdout.matchAll(/^(\S+) installed$/gm)].map(([, name = ""]) => name));
}

function sourcesList(id: Distribution["id"], suites: readonly string[]): string {
  const { keyring, components } = ARCHIVES[id];
  const options = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  return suites.map((suite) => `deb ${options}${mirrorOf(id, suites[0]!)} ${suite} ${components}\n`).join("");
}

/** The mirror that this machine was set up with, which may be the only one it can reach. */
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
    `apt names no archive of ${id} ${codename} in /etc/apt/sources.list or /etc/apt/sources.list.d, so nothing can be fetched. ` +
      "Name one there, or install valkey-server (or redis-server) and pgbouncer yourself.",
  );
}

const firstErrors = (stderr: string) =>
  stderr
    .split("\n")
    .filter((line) => /^[EW]:/.test(line))
    .slice(0, 2)
    .join("\n");
