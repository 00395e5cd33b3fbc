/** Installs node_modules if it does not match package-lock.json. */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { withLock } from "./lock.mjs";
import { npm } from "./npm.mjs";
import { print, printDuration, UserError } from "./output.mjs";

/** npm writes this list last, after a complete install. */
const INSTALLED = path.join("node_modules", ".package-lock.json");

export async function ensureDependencies(root) {
  if (findInstallReason(root) === undefined) return;
  await withLock(path.join(root, ".slipway", "setup.lock"), async (lock) => {
    // Another set-up may have finished the install while this one waited for the lock.
    const reason = findInstallReason(root);
    if (reason === undefined) return;
    print(`${reason}. npm installs the packages of package-lock.json into this folder.`);
    await printDuration("Installing", () => install(root, lock));
    const remaining = findInstallReason(root);
    if (remaining !== undefined)
      throw new UserError(
        `npm finished without an error, but the install is incomplete: ${remaining}.\nRun: rm -rf node_modules\nThen run the same command again.`,
      );
  });
}

async function install(root, lock) {
  try {
    await npm(root, ["ci"], lock, "the dependencies");
  } catch (error) {
    // A failed install may look complete. Removing npm's list marks it as incomplete.
    fs.rmSync(path.join(root, INSTALLED), { force: true });
    throw error;
  }
}

/** @returns why an install is needed; undefined if node_modules matches the lock file */
export function findInstallReason(root) {
  const locked = Object.entries(readLockedPackages(root));
  if (!fs.existsSync(path.join(root, "node_modules"))) return "node_modules does not exist";
  const installed = readJson(path.join(root, INSTALLED))?.packages;
  if (installed === undefined) return "An earlier install is incomplete";
  for (const [where, wanted] of locked) {
    const have = installed[where];
    if (have === undefined) {
      if (wanted.optional) continue;
      return `${where} is missing`;
    }
    if (have.version !== wanted.version || (have.integrity && wanted.integrity && have.integrity !== wanted.integrity)) {
      return `${where} has version ${have.version}, and package-lock.json requires ${wanted.version}`;
    }
    if (!matchesList(have.os, process.platform) || !matchesList(have.cpu, process.arch))
      return "node_modules was installed for another platform";
    if (!fs.existsSync(path.join(root, where, "package.json"))) return `${where} is broken`;
  }
  return undefined;
}

/** npm's os and cpu lists contain allowed names, or excluded names with a "!". */
const matchesList = (list, name) =>
  list === undefined || list.includes(name) || (list.every((entry) => entry.startsWith("!")) && !list.includes(`!${name}`));

function readLockedPackages(root) {
  const { "": lockedFor, ...packages } = readJson(path.join(root, "package-lock.json"))?.packages ?? {};
  if (lockedFor === undefined) throw new UserError("package-lock.json is missing or invalid. Run: git checkout package-lock.json");
  const manifest = readJson(path.join(root, "package.json"));
  for (const kind of ["dependencies", "devDependencies"]) {
    const names = Object.keys({ ...manifest[kind], ...lockedFor[kind] });
    const differs = names.find((name) => manifest[kind]?.[name] !== lockedFor[kind]?.[name]);
    if (differs !== undefined) throw new UserError(`package.json and package-lock.json disagree about ${differs}. Run: npm install`);
  }
  return packages;
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
