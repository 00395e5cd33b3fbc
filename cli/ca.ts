/** A cluster's CA certificate, from a file that somebody names. */
import { readFileSync } from "node:fs";
import { FETCH_CA } from "../postdeploy/connect/target.ts";
import { UsageError } from "./command.ts";

export function readCa(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new UsageError(`The CA file ${file} cannot be read. Fetch it: ${FETCH_CA}`);
  }
}
