/** The package as users install it: packed from a copy of this checkout, and unpacked next to its dependencies only. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { copyCheckout } from "../copy.ts";
import { ROOT } from "../setup/checkout.ts";

export interface Packed {
  /** Paths in the tarball. */
  readonly files: readonly string[];
  /** A folder with `slipway` in its node_modules. */
  readonly folder: string;
  readonly remove: () => void;
}

/** `npm pack`, build included, on a copy, so that two runs and the checkout's own dist do not meet. */
export async function pack(): Promise<Packed> {
  const temporary = realpathSync(mkdtempSync(join(tmpdir(), "slipway-pack-")));
  const copy = join(temporary, "copy");
  copyCheckout(copy);
  lockWhatIsInstalled(copy);
  await execute("npm", ["pack", "--silent"], copy);

  const folder = join(temporary, "consumer");
  const installed = join(folder, "node_modules", "slipway");
  mkdirSync(installed, { recursive: true });
  const tarball = readdirSync(copy).find((name) => name.endsWith(".tgz"));
  await execute("tar", ["-xzf", join(copy, tarball ?? "no tarball"), "--strip-components=1"], installed);
  linkDependencies(folder, installed);
  const listed = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return {
    files: listed.map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1)).sort(),
    folder,
    remove: () => rmSync(temporary, { recursive: true, force: true }),
  };
}

/** So that the build takes node_modules, which are this checkout's own, as they are. */
function lockWhatIsInstalled(copy: string): void {
  const lock = JSON.parse(readFileSync(join(copy, "package-lock.json"), "utf8"));
  const { packages } = JSON.parse(readFileSync(join(ROOT, "node_modules", ".package-lock.json"), "utf8"));
  writeFileSync(join(copy, "package-lock.json"), JSON.stringify({ ...lock, packages: { "": lock.packages[""], ...packages } }));
}

/** The dependencies that npm would install with it, linked from this checkout; no other package is there. */
function linkDependencies(folder: string, installed: string): void {
  const { dependencies, bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), link);
  }
  mkdirSync(join(folder, "node_modules", ".bin"));
  for (const [name, path] of Object.entries<string>(bin))
    symlinkSync(join("..", "slipway", path), join(folder, "node_modules", ".bin", name));
}

/** Runs it on the Node of this process; a failure says all that the command said. */
export async function execute(command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<string> {
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, env: { ...process.env, ...env, PATH }, maxBuffer: 64 << 20 });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`);
  }
}
