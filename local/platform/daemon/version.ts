/** Tells the code of one daemon from another's: names and times of every file that a daemon may run. */
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
