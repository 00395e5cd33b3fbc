/** node_modules/.bin: what npx and npm's scripts find first. */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";

/** With this package's own programs there, `npx slipway` runs the checkout's at once; without, npx makes itself an installation of it. */
export function linkOwnPrograms(root) {
  const { bin = {} } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
  for (const [name, file] of Object.entries(bin)) linkIntoBin(root, name, path.join(root, file));
}

export function linkIntoBin(root, name, file) {
  if (process.platform === "win32") return; // where npm writes three scripts for each instead
  const link = path.join(root, "node_modules", ".bin", name);
  try {
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.symlinkSync(path.relative(path.dirname(link), file), link);
  } catch (error) {
    // There already, or a checkout that may not be written: a convenience is no reason to stop.
    if (!["EEXIST", "EROFS", "EACCES", "EPERM"].includes(error.code)) throw error;
  }
}
