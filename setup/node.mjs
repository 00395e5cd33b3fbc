/** Finds a Node that runs TypeScript directly: the running one if it is new enough, otherwise the `node` package of the lock file. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { withLock } from "./lock.mjs";
import { createEnvironment, runSetupCommand } from "./npm.mjs";
import { print, printDuration, UserError } from "./output.mjs";

/** @returns the path of a Node that satisfies `engines` in package.json */
export async function ensureNode(root) {
  const wanted = /\d+(\.\d+)*/.exec(JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")).engines.node)[0];
  // An install may just have replaced the binary of this process.
  if (isNewEnough(process.versions.node, wanted) && fs.existsSync(process.execPath)) return process.execPath;

  const own = path.join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!isNewEnough(readVersion(own), wanted)) {
    await withLock(path.join(root, ".slipway", "setup.lock"), async (lock) => {
      if (isNewEnough(readVersion(own), wanted)) return;
      print(
        `Node ${wanted} or newer is required, and this is ${process.versions.node}. Downloading Node into node_modules; the installed Node does not change.`,
      );
      await printDuration("Downloading Node", () => downloadNode(root, lock));
      if (!isNewEnough(readVersion(own), wanted))
        throw new UserError(
          `The downloaded Node does not run on this machine. Install Node ${wanted} or newer from https://nodejs.org, then run the same command again.`,
        );
    });
  }
  linkIntoBin(root, own);
  return own;
}

/** Runs the install script of the package, which npm skipped (--ignore-scripts). The script installs the binary for this platform with npm. */
async function downloadNode(root, lock) {
  const home = path.join(root, "node_modules", "node");
  fs.rmSync(path.join(home, "bin"), { recursive: true, force: true });
  await runSetupCommand(
    "node",
    ["installArchSpecificPackage.js"],
    { cwd: home, env: { ...createEnvironment(root), npm_config_ignore_scripts: "true" } },
    lock,
    "Node",
  );
}

/** Lets `npx` and npm scripts find the binary. npm does not create the link while the binary is missing. */
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

function readVersion(binary) {
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
