/** `slipway audit --untrusted`: the program runs without a network, without credentials, and with the right to read only the commit and slipway. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findProjectRoot } from "../../engine/project.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { previewCache } from "../../preview/checkout/worktree.ts";
import { ownModules } from "../../preview/record/side.ts";
import type { Mount } from "../../preview/sandbox/box.ts";
import { LIMITS, runSandboxed } from "../../preview/sandbox/run.ts";
import { findSandbox, SANDBOX_MISSING } from "../../preview/sandbox/sandbox.ts";
import type { Job } from "./child.ts";
import { CHILD, type Ended } from "./child-file.ts";

/** Where the process finds the commit. */
const CHECKOUT = "/checkout";

export async function runUntrusted(job: Job, seconds = LIMITS.seconds): Promise<Ended> {
  const sandbox = await findSandbox();
  if (sandbox === undefined)
    throw new ProjectError(
      SANDBOX_MISSING.replace("The preview runs the program at head, which can be anyone's,", "--untrusted runs the program").replace(
        /Without a sandbox.*/,
        "If you trust the program, leave out --untrusted.",
      ),
    );
  const root = findProjectRoot(job.options.cwd);
  const copy = copyCommit(root);
  try {
    const { sent, errors, code, failure } = await runSandboxed(
      sandbox,
      {
        script: CHILD,
        input: { ...job, hasOwnSdk: true, options: { ...job.options, cwd: CHECKOUT } },
        readable: mounts(root, copy),
        directory: CHECKOUT,
        // What an untrusted program writes there, another one would run.
        cache: { folder: path.join(previewCache(), "compiled", "audit"), isWritable: false },
      },
      { ...LIMITS, seconds },
    );
    const ended = failure ?? (code === undefined ? "A signal ended the process." : `The process ended with exit code ${code}.`);
    return { sent: sent.replaceAll(`${CHECKOUT}/`, ""), reason: `${ended}${errors}` };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

const ROOT = path.join(import.meta.dirname, "../..");
const OWN = ["audit", "catalog", "cli", "engine", "postdeploy", "report", "settings", "systems"].map((folder) => path.join(ROOT, folder));
/** Node reads the nearest one to find the module format of a file. */
const MANIFESTS = [path.join(ROOT, "package.json"), path.join(ROOT, "..", "package.json")];

/** A copy of the files of the folder that are committed or could be. Not `.git`, which can hold a token, and not what git ignores, such as `.env`. */
function copyCommit(root: string): string {
  const { status, stdout } = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new ProjectError(`--untrusted audits a commit, and ${root} is not in a git repository.`);
  const copy = mkdtempSync(path.join(tmpdir(), "slipway-audit-"));
  for (const name of new Set(stdout.split("\0"))) {
    const file = path.join(root, name);
    // A link could lead out of the commit.
    if (name === "" || !lstatSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    mkdirSync(path.dirname(path.join(copy, name)), { recursive: true });
    copyFileSync(file, path.join(copy, name));
  }
  // In it, the packages are mounted, and the file system of the sandbox is read-only.
  mkdirSync(path.join(copy, "node_modules"), { recursive: true });
  return copy;
}

function mounts(root: string, copy: string): readonly Mount[] {
  const modules = nearestModules(root);
  return [
    { from: copy, to: CHECKOUT },
    ...(modules === undefined ? [] : [{ from: modules, to: path.join(CHECKOUT, "node_modules") }]),
    ...[...OWN, ...MANIFESTS].filter(existsSync).map((file) => ({ from: file, to: file })),
    ...ownModules(),
  ];
}

function nearestModules(root: string): string | undefined {
  for (let folder = root; ; folder = path.dirname(folder)) {
    const modules = path.join(folder, "node_modules");
    if (existsSync(modules)) return realpathSync(modules);
    if (folder === path.dirname(folder)) return undefined;
  }
}
