/** A cluster's CA certificate, from a file that somebody names. */
import { readFileSync } from "node:fs";
import { UsageError } from "./command.ts";

export function readCa(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new UsageError(
      `The CA file ${file} cannot be read. Fetch it: doctl databases get-ca ID --format Certificate --no-header > ca.pem`,
    );
  }
}
