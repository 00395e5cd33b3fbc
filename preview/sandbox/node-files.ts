/** Node's executable and the libraries that it loads: all that the file system of a sandbox has of this machine's programs. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

let files: readonly string[] | undefined;

/** Paths as the loader asks for them; some are symbolic links. */
export function nodeFiles(): readonly string[] {
  files ??= [process.execPath, ...sharedObjects()];
  return files;
}

function sharedObjects(): readonly string[] {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  const before = report.excludeNetwork;
  // Otherwise the report asks the name server about every open connection.
  report.excludeNetwork = true;
  const { sharedObjects } = report.getReport() as unknown as { readonly sharedObjects: readonly string[] };
  if (before !== undefined) report.excludeNetwork = before;
  // The first one is the kernel's, which has no file.
  return sharedObjects.filter((file) => path.isAbsolute(file) && existsSync(file));
}

/** The executable and the libraries of a tool. */
export async function filesOf(tool: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)("ldd", [tool]);
  return [tool, ...[...stdout.matchAll(/(?:^|\s)(\/\S+)/g)].map(([, file]) => file!)];
}
