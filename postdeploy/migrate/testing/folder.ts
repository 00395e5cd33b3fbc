import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestFolder {
  readonly path: string;
  write(files: Readonly<Record<string, string | Uint8Array>>): void;
  remove(name: string): void;
}

/** Creates a temporary folder. `cleanFolders` removes it. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): TestFolder {
  const path = mkdtempSync(join(tmpdir(), "slipway-sql-"));
  created.push(path);
  const folder: TestFolder = {
    path,
    write(more) {
      for (const [name, content] of Object.entries(more)) writeFileSync(join(path, name), content);
    },
    remove(name) {
      rmSync(join(path, name));
    },
  };
  folder.write(files);
  return folder;
}

const created: string[] = [];

export function cleanFolders(): void {
  for (const path of created.splice(0)) rmSync(path, { recursive: true, force: true });
}
