/**
 * Before the tests: a folder in which Node keeps what it compiled, for every process of the tests. They start thousands that load the same files. Several
 * processes may write at once, and Node does without where it cannot write. Vitest turns it off with --coverage.
 *
 * Tests also load files of temporary folders, whose entries nothing reads again, so a run begins with an empty folder when there are many. Another run that
 * uses it at that moment compiles again.
 */
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../node_modules/.cache/compiled", import.meta.url));
const MOST_FILES = 30_000;

export default function prepare(): void {
  try {
    if (readdirSync(FOLDER, { recursive: true }).length > MOST_FILES) rmSync(FOLDER, { recursive: true, force: true });
  } catch {
    // There is none yet, or it belongs to another user.
  }
  process.env.NODE_COMPILE_CACHE ??= FOLDER;
}
