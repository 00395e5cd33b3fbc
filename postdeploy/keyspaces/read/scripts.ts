/** Reads the Lua scripts that a keyspace declares. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { declarationError, type FileLocation } from "./entry.ts";
import { checkFile, decodeUtf8 } from "./files.ts";
import type { Keyspace } from "./keyspace.ts";

export interface Script {
  readonly name: string;
  readonly file: string;
  readonly source: string;
  readonly sha: string;
  /** Keys that must exist when the script runs. */
  readonly needs: readonly string[];
  readonly location: FileLocation;
}

export function readScripts(keyspace: Keyspace): Script[] {
  const registry = keyspace.scripts?.registry;
  if (registry !== undefined && !keyspace.patterns.some(({ type, ttl, matches }) => type === "hash" && ttl === 0 && matches(registry)))
    throw declarationError(
      { file: keyspace.file },
      `the registry ${registry} is not declared under keys. Add it: { pattern: "${registry}", type: hash, ttl: none, … }.`,
    );
  return (keyspace.scripts?.files ?? []).map(({ name, file, needs, location }) => {
    const path = join(keyspace.folder, file).replaceAll("\\", "/");
    checkFile(keyspace.folder, file, location, "script");
    const source = normalizeLineEnds(decodeUtf8(readFileSync(path), path));
    if (source.trim() === "") throw declarationError({ file: path }, "is empty. Write the script, or remove it from the declaration.");
    return { name, file: path, source, sha: createHash("sha1").update(source).digest("hex"), needs, location };
  });
}

/** Line ends must not change the digest, which differs otherwise in a checkout on Windows. */
const normalizeLineEnds = (source: string): string => `${source.replaceAll("\r\n", "\n").replace(/\n*$/, "")}\n`;
