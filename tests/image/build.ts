/**
 * Builds the image of a Dockerfile, and runs it, where there is no Docker daemon: each stage is a folder with a fresh Debian, in which RUN runs with
 * chroot in namespaces of its own.
 *
 * The base is not the one of Docker Hub, but a minimal Debian of the same release with the same version of Node. Docker's builder, its layers and its
 * default limits for system calls are not covered.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { listDescendants } from "../processes.ts";
import { ROOT } from "../setup/checkout.ts";
import { ONLY_ROOT, type SkipReason } from "../skip.ts";
import { contextFiles, type Instruction, parseDockerfile, type Stage } from "./dockerfile.ts";

const execute = promisify(execFile);
const DEBIAN = "http://deb.debian.org/debian";

/** @returns why no image can be built here; undefined if it can */
export async function findSkipReason(): Promise<SkipReason | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return ONLY_ROOT;
  const succeeds = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: "ignore" }).status === 0;
  if (!succeeds("unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"))
    return { reason: "this container may not mount file systems", enable: "npm test as root of a machine, or docker run --privileged" };
  if (!succeeds("debootstrap", "--version")) return { reason: "debootstrap is not installed", enable: "apt-get install debootstrap" };
  for (const [url, what] of [
    [`${mirror()}/dists/bookworm/InRelease`, "Debian's mirror"],
    ["https://registry.npmjs.org/-/ping", "the npm registry"],
  ] as const)
    if (!(await isReachable(url))) return { reason: `${what} is not reachable: ${url}`, enable: "npm test with a network" };
  return undefined;
}

const isReachable = (url: string): Promise<boolean> =>
  fetch(url, { method: "HEAD", signal: AbortSignal.timeout(20_000) }).then(
    ({ ok }) => ok,
    () => false,
  );

/** The mirror that this machine is configured with: it may be the only one that it reaches. */
function mirror(): string {
  const folder = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list", ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])];
  const text = files.filter((file) => existsSync(file)).map((file) => readFileSync(file, "utf8").replace(/^\s*#.*$/gm, ""));
  return /https?:\/\/\S+\/debian(?=\/?\s)/.exec(text.join("\n"))?.[0] ?? DEBIAN;
}

interface Config {
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

export interface Image extends Config {
  /** The folder with its files. */
  readonly root: string;
  /** Containers that still run are killed. */
  readonly containers: Set<ChildProcess>;
  remove(): Promise<void>;
}

type Built = Config & Pick<Image, "root">;

/** Of the official images of Node. */
const BASE_CONFIG: Config = {
  env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  workdir: "/",
  user: { uid: 0, gid: 0 },
  entrypoint: ["docker-entrypoint.sh"],
  cmd: ["node"],
};

/** @param context The folder of the Dockerfile and of the files that it copies. */
export async function buildImage(context: string): Promise<Image> {
  const stages = parseDockerfile(readFileSync(join(context, "Dockerfile"), "utf8"));
  const files = contextFiles(context, readFileSync(join(context, ".dockerignore"), "utf8"));
  const folder = mkdtempSync(join(tmpdir(), "slipway-image-"));
  chmodSync(folder, 0o755);
  const containers = new Set<ChildProcess>();
  const remove = async () => {
    for (const container of containers) container.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  };
  const built = new Map<Stage, Promise<Built>>();
  const find = (name: string) => stages.find((stage) => stage.name === name);
  /** Like Docker: only stages that are needed, and those that do not need each other at the same time. */
  const build = (stage: Stage): Promise<Built> => {
    const building = built.get(stage) ?? buildStage(stage);
    built.set(stage, building);
    return building;
  };
  const buildStage = async ({ from, instructions }: Stage): Promise<Built> => {
    const needed = instructions.flatMap((one) => (one.kind === "copy" ? (find(one.from ?? "") ?? []) : []));
    const others = Promise.all(needed.map(build));
    others.catch(() => {});
    const parent = find(from);
    const start = parent ? await build(parent) : { ...BASE_CONFIG, root: await findBase(from) };
    if (instructions.length === 0) return start;
    const root = mkdtempSync(join(folder, "stage-"));
    await execute("cp", ["--archive", `${start.root}/.`, root]);
    let config: Config = start;
    for (const instruction of instructions)
      config = await apply(instruction, config, {
        root,
        context: { root: context, files },
        stageRoot: async (name) => (await build(find(name) ?? unknownStage(name))).root,
      });
    return { ...config, root };
  };
  try {
    return { ...(await build(stages.at(-1)!)), containers, remove };
  } catch (error) {
    await Promise.allSettled(built.values());
    await remove();
    throw error;
  }
}

const unknownStage = (name: string): never => {
  throw new Error(`The Dockerfile has no stage "${name}".`);
};

interface Place {
  readonly root: string;
  readonly context: { readonly root: string; readonly files: readonly string[] };
  readonly stageRoot: (name: string) => Promise<string>;
}

async function apply(instruction: Instruction, config: Config, place: Place): Promise<Config> {
  switch (instruction.kind) {
    case "run":
      await runInstruction(instruction, config, place.root);
      return config;
    case "copy":
      await copy(instruction, config, place);
      return config;
    case "env":
      return { ...config, env: { ...config.env, ...instruction.variables } };
    case "workdir":
      mkdirSync(join(place.root, instruction.path), { recursive: true });
      return { ...config, workdir: instruction.path };
    case "user":
      return { ...config, user: { uid: instruction.uid, gid: instruction.gid } };
    case "entrypoint":
      return { ...config, entrypoint: instruction.words, cmd: [] };
    case "cmd":
      return { ...config, cmd: instruction.words };
  }
}

async function copy(
  { from, mode, sources, to }: Extract<Instruction, { kind: "copy" }>,
  { workdir }: Config,
  { root, context, stageRoot }: Place,
): Promise<void> {
  const target = join(root, resolve(workdir, to));
  const isFolder = to.endsWith("/") || sources.length > 1;
  for (const source of sources) {
    if (from !== undefined) {
      mkdirSync(target, { recursive: true });
      // Links, because they are made at once: no later instruction changes a file of the other stage.
      await execute("cp", ["--archive", "--link", `${join(await stageRoot(from), source)}/.`, target]);
      continue;
    }
    const copied = context.files.filter((file) => source === "." || file === source || file.startsWith(`${source}/`));
    if (copied.length === 0) throw new Error(`COPY ${source}: .dockerignore leaves none of it, or it does not exist.`);
    for (const file of copied) {
      const below = source === "." ? file : file.slice(source.length + 1);
      const path = below === "" ? (isFolder ? join(target, file.split("/").at(-1)!) : target) : join(target, below);
      mkdirSync(dirname(path), { recursive: true });
      cpSync(join(context.root, file), path);
      chmodSync(path, mode === undefined ? statSync(join(context.root, file)).mode : Number.parseInt(mode, 8));
    }
  }
}

/** Runs in namespaces of its own: what is mounted, and what still runs at the end, is gone afterwards. */
const NAMESPACES = ["--mount", "--pid", "--fork", "--kill-child"];
/** The words after the script: the folder, and pairs of a folder of this machine and its place in the other. */
const MOUNT =
  'root=$1; shift; while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done; shift; mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev";';

async function runInstruction({ command, caches }: Extract<Instruction, { kind: "run" }>, config: Config, root: string): Promise<void> {
  for (const name of ["resolv.conf", "hosts"]) cpSync(`/etc/${name}`, join(root, "etc", name), { dereference: true });
  const mounts = caches.length === 0 ? [] : [[(await execute("npm", ["config", "get", "cache"])).stdout.trim(), caches[0]!] as const];
  if (caches.some((path) => path !== "/root/.npm")) throw new Error(`Only npm's cache can be mounted, not ${caches.join(", ")}.`);
  const { proxies, authorities } = await networkOf(root);
  for (const [from, to] of mounts) for (const path of [from, join(root, to)]) mkdirSync(path, { recursive: true });
  const env = { HOME: "/root", ...config.env, ...proxies, ...authorities };
  const inside = ["chroot", root, ...environmentWords(env, config.workdir), "/bin/sh", "-c", command];
  const words = [...NAMESPACES, "sh", "-euc", `${MOUNT} exec "$@"`, "sh", root, ...mounts.flat(), "--", ...inside];
  try {
    await execute("unshare", words, { maxBuffer: 64 << 20 });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`RUN ${command} failed:\n${`${stdout}\n${stderr}`.split("\n").slice(-40).join("\n")}`);
  }
}

/** What this machine needs to reach a registry. Docker passes the variables of proxies to a build as well. */
async function networkOf(root: string) {
  const { stdout } = await execute("apt-config", ["dump"]);
  writeFileSync(join(root, "etc/apt/apt.conf.d/machine"), stdout.replace(/^(?!Acquire::).*\n/gm, ""));
  const proxies = Object.entries(process.env).flatMap(([name, value]) =>
    /^(https?|no)_proxy$/i.test(name) && value ? [[name, value]] : [],
  );
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  if (certificates) cpSync(certificates, join(root, "run/authorities.pem"), { dereference: true });
  return {
    proxies: Object.fromEntries(proxies) as Record<string, string>,
    authorities: certificates ? { NODE_EXTRA_CA_CERTS: "/run/authorities.pem" } : {},
  };
}

const environmentWords = (env: Readonly<Record<string, string>>, workdir: string): string[] => [
  ...["env", "-i", `--chdir=${workdir}`],
  ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
];

// ── The base ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Made once, and kept in this user's cache. */
async function findBase(image: string): Promise<string> {
  const [, version, release] = /^node:(\d+\.\d+\.\d+)-([a-z]+)-slim$/.exec(image) ?? [];
  if (version === undefined || release === undefined)
    throw new Error(`FROM ${image}: only node:<version>-<release of Debian>-slim can be built here.`);
  const node = join(ROOT, "node_modules/node/bin/node");
  const { stdout } = await execute(node, ["--version"]);
  if (stdout.trim() !== `v${version}`)
    throw new Error(`The Dockerfile has Node ${version}, and package.json ${stdout.trim()}: use the version that the tests run on.`);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slipway", "images");
  const base = join(cache, image.replace(":", "-"));
  if (existsSync(base)) return base;
  mkdirSync(cache, { recursive: true });
  const root = mkdtempSync(join(cache, ".base-"));
  try {
    await makeBase(root, release, node);
    // Another process may have finished its own meanwhile.
    if (existsSync(base)) rmSync(root, { recursive: true });
    else renameSync(root, base);
    return base;
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
}

async function makeBase(root: string, release: string, node: string): Promise<void> {
  await execute("debootstrap", ["--variant=minbase", release, root, mirror()], { maxBuffer: 64 << 20 });
  const sources = ["Types: deb", `URIs: ${mirror()}`, `Suites: ${release} ${release}-updates`, "Components: main"];
  rmSync(join(root, "etc/apt/sources.list"), { force: true });
  writeFileSync(
    join(root, "etc/apt/sources.list.d/debian.sources"),
    [...sources, "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg", ""].join("\n"),
  );
  for (const path of ["var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"])
    for (const name of readdirSync(join(root, path))) rmSync(join(root, path, name), { recursive: true });
  await execute("chroot", [root, "useradd", "--create-home", "--uid", "1000", "--user-group", "node"]);
  cpSync(node, join(root, "usr/local/bin/node"));
  const { stdout: npm } = await execute("sh", ["-c", 'readlink -f "$(command -v npm)"']);
  cpSync(dirname(dirname(npm)), join(root, "usr/local/lib/node_modules/npm"), { recursive: true, dereference: true });
  await execute("ln", ["-s", "../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm")]);
  // What the binary needs besides the C library, such as libatomic.
  const { stdout } = await execute("ldd", [node]);
  for (const [library] of stdout.matchAll(/\/\S+\.so\S*/g))
    if (!existsSync(join(root, library))) {
      mkdirSync(dirname(join(root, library)), { recursive: true });
      cpSync(library, join(root, library), { dereference: true });
    }
  // mkdtemp makes folders that only root can enter.
  chmodSync(root, 0o755);
}

// ── Containers ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ContainerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Folders of this machine, by their path in the container. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** Instead of the image's own, like --entrypoint. */
  readonly entrypoint?: readonly string[];
}

export interface Container {
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  /** Signals process 1, like `docker kill --signal`. */
  signal(name: NodeJS.Signals): void;
}

/** Like `docker run --read-only --tmpfs /tmp --network host --cap-drop ALL`. */
export function startContainer(image: Image, args: readonly string[], options: ContainerOptions = {}): Container {
  const { env = {}, volumes = {}, entrypoint = image.entrypoint } = options;
  for (const path of Object.keys(volumes)) mkdirSync(join(image.root, path), { recursive: true });
  const readOnly = 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; mount -t tmpfs -o mode=1777 tmpfs "$1/tmp";';
  const { uid, gid } = image.user;
  const inside = [
    ...["chroot", `--userspec=${uid}:${gid}`, "--groups=", image.root, ...environmentWords({ ...image.env, ...env }, image.workdir)],
    ...[...entrypoint, ...(args.length > 0 ? args : image.cmd)],
  ];
  const mounts = Object.entries(volumes).flatMap(([to, from]) => [from, to]);
  const words = [...NAMESPACES, "sh", "-euc", `${readOnly} ${MOUNT} exec "$@"`, "sh", image.root, ...mounts, "--", ...inside];
  const child = spawn("unshare", words, { stdio: ["ignore", "pipe", "pipe"] });
  image.containers.add(child);
  child.once("close", () => image.containers.delete(child));
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const ended = new Promise<number | null>((close, fail) => child.once("error", fail).once("close", close));
  return {
    ended: ended.then((code) => ({ code, ...output })),
    signal: (name) => process.kill(listDescendants(child.pid!)[0]!.pid, name),
  };
}

export const runContainer = (image: Image, args: readonly string[], options?: ContainerOptions) =>
  startContainer(image, args, options).ended;
