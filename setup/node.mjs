/** A Node that is new enough to run TypeScript as it stands: the one that is here, else the `node` package of the lock file. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { withLock } from "./lock.mjs";
import { hostEnv, quietly } from "./npm.mjs";
import { Plain, say, timed } from "./say.mjs";

/** The path of a Node that satisfies package.json's `engines`. */
export async function ensureNode(root) {
  const wanted = /\d+(\.\d+)*/.exec(JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")).engines.node)[0];
  // The binary this runs on may be one that an install has just replaced.
  if (isNewEnough(process.versions.node, wanted) && fs.existsSync(process.execPath)) return process.execPath;

  const own = path.join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!isNewEnough(versionOf(own), wanted)) {
    await withLock(path.join(root, ".slipway", "setup.lock"), async (lock) => {
      if (isNewEnough(versionOf(own), wanted)) return;
      say(
        `Node ${process.versions.node} is here and ${wanted} or newer is needed, so one is fetched into node_modules. The machine's own stays as it is.`,
      );
      await timed("Fetching Node", () => fetchNode(root, lock));
      if (!isNewEnough(versionOf(own), wanted))
        throw new Plain(
          `The fetched Node does not run on this machine. Install Node ${wanted} or newer from https://nodejs.org and try again.`,
        );
    });
  }
  linkIntoBin(root, own);
  return own;
}

/** The package's install script, run by name: npm has run no install scripts. It asks npm for this platform's binary. */
async function fetchNode(root, lock) {
  const home = path.join(root, "node_modules", "node");
  fs.rmSync(path.join(home, "bin"), { recursive: true, force: true });
  await quietly(
    "node",
    ["installArchSpecificPackage.js"],
    { cwd: home, env: { ...hostEnv(root), npm_config_ignore_scripts: "true" } },
    lock,
    "Node",
  );
}

/** So that `npx` and npm's scripts find it too; npm leaves the link out while there is no binary. */
function linkIntoBin(root, own) {
  if (process.platform === "win32") return;
  const link = path.join(root, "node_modules", ".bin", "node");
  try {
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.symlinkSync(path.relative(path.dirname(link), own), link);
  } catch (error) {
    if (!["EEXIST", "EROFS", "EACCES", "EPERM"].includes(error.code)) throw error;
  }
}

function versionOf(binary) {
  try {
    return execFileSync(binary, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .trim()
      .replace(/^v/, "");
  } catch {
    return "0";
  }
}

function isNewEnough(version, wanted) {
  const have = version.split(".").map(Number);
  for (const [i, least] of wanted.split(".").map(Number).entries()) {
    if ((have[i] ?? 0) !== least) return (have[i] ?? 0) > least;
  }
  return true;
}
