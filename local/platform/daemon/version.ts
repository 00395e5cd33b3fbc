/** The version of the daemon's code: a hash of the names and modification times of all files that it may load. */
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const LOCAL = fileURLToPath(new URL("../../", import.meta.url));

export function codeVersion(): string {
  const hash = createHash("sha256").update(process.version);
  for (const name of readdirSync(LOCAL, { recursive: true, encoding: "utf8" }).sort()) {
    if (!/\.[jt]s$/.test(name) || name.endsWith(".test.ts")) continue;
    hash.update(`${name} ${statSync(join(LOCAL, name)).mtimeMs}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}
