/** node_modules exactly as package-lock.json says, installed when it is missing, broken or of another lock file. */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { withLock } from "./lock.mjs";
import { npm } from "./npm.mjs";
import { Plain, say, timed } from "./say.mjs";

/** npm's list of what it has installed, written last. */
const INSTALLED = path.join("node_modules", ".package-lock.json");

export async function ensureDependencies(root) {
  if (whyInstall(root) === undefined) return;
  await withLock(path.join(root, ".slipway", "setup.lock"), async (lock) => {
    // Whoever held the lock before may have done it all.
    const why = whyInstall(root);
    if (why === undefined) return;
    say(`${why}, so npm installs what package-lock.json names. Everything stays inside this folder.`);
    await timed("Installing", () => install(root, lock));
    const still = whyInstall(root);
    if (still !== undefined)
      throw new Plain(`npm ended without an error, but: ${still}.\nType: rm -rf node_modules\nthen the same command again.`);
  });
}

async function install(root, lock) {
  try {
    await npm(root, ["ci"], lock, "the dependencies");
  } catch (error) {
    // What npm leaves may look complete; without its own list it does not.
    fs.rmSync(path.join(root, INSTALLED), { force: true });
    throw error;
  }
}

/** The reason for an install in words, or undefined where node_modules is what the lock file asks for. */
export function whyInstall(root) {
  const locked = Object.entries(lockedPackages(root));
  if (!fs.existsSync(path.join(root, "node_modules"))) return "There is no node_modules yet";
  const installed = readJson(path.join(root, INSTALLED))?.packages;
  if (installed === undefined) return "An earlier install did not come to its end";
  for (const [where, wanted] of locked) {
    const have = installed[where];
    if (have === undefined) {
      if (wanted.optional) continue;
      return `${where} is missing`;
    }
    if (have.version !== wanted.version || (have.integrity && wanted.integrity && have.integrity !== wanted.integrity)) {
      return `${where} is ${have.version} where package-lock.json names ${wanted.version}`;
    }
    if (!fits(have.os, process.platform) || !fits(have.cpu, process.arch)) return "node_modules was installed on another kind of machine";
    if (!fs.existsSync(path.join(root, where, "package.json"))) return `${where} is broken`;
  }
  return undefined;
}

/** npm's os and cpu lists: names that are allowed, or, with "!", that are not. */
const fits = (list, name) =>
  list === undefined || list.includes(name) || (list.every((entry) => entry.startsWith("!")) && !list.includes(`!${name}`));

function lockedPackages(root) {
  const { "": lockedFor, ...packages } = readJson(path.join(root, "package-lock.json"))?.packages ?? {};
  if (lockedFor === undefined) throw new Plain("package-lock.json is missing or cannot be read. Type: git checkout package-lock.json");
  const asked = readJson(path.join(root, "package.json"));
  for (const kind of ["dependencies", "devDependencies"]) {
    const names = Object.keys({ ...asked[kind], ...lockedFor[kind] });
    const differs = names.find((name) => asked[kind]?.[name] !== lockedFor[kind]?.[name]);
    if (differs !== undefined) throw new Plain(`package.json and package-lock.json do not agree on ${differs}. Type: npm install`);
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
