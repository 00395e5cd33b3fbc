/** The address at which Pulumi expects the API: digitalocean:apiEndpoint in the file of stack `local`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { API_PORT } from "../../catalog/local-api.ts";
import { findProject } from "../../engine/project.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { readStack, stackPath } from "../../engine/stackfile.ts";
import { STACK, type Workspace } from "./workspace.ts";

/** @returns undefined if the project has no stack `local`, or the stack does not set it. */
export function stackEndpoint(checkout: string): string | undefined {
  try {
    return readStack(findProject(checkout), STACK).config["digitalocean:apiEndpoint"] || undefined;
  } catch (error) {
    // The code that runs the program reports errors in the file.
    if (error instanceof ProjectError) return undefined;
    throw error;
  }
}

/** The port that the API should have, because Pulumi connects to it. */
export function preferredPort(checkout: string): number {
  const endpoint = stackEndpoint(checkout);
  return isLoopback(endpoint) && new URL(endpoint).port !== "" ? Number(new URL(endpoint).port) : API_PORT;
}

function isLoopback(endpoint: string | undefined): endpoint is string {
  return endpoint !== undefined && URL.canParse(endpoint) && ["127.0.0.1", "localhost"].includes(new URL(endpoint).hostname);
}

/**
 * Writes the address of this API where Pulumi reads it: over the loopback address in the file of stack `local`.
 * @returns a sentence that says so; undefined if Pulumi uses this API already, or the file names no loopback address.
 */
export function writeEndpoint({ checkout, home }: Pick<Workspace, "checkout" | "home">, api: string): string | undefined {
  // A platform with its state elsewhere is not the one that the checkout's file describes; or the checkout cannot be written to.
  if (home.state !== join(checkout, ".slipway")) return undefined;
  const endpoint = stackEndpoint(checkout);
  if (!isLoopback(endpoint) || sameAddress(endpoint, api)) return undefined;
  const [path, name] = stackPath(findProject(checkout), STACK);
  const text = readFileSync(path, "utf8");
  const changed = text.replace(/^(\s*["']?digitalocean:apiEndpoint["']?:\s*)\S+/m, `$1${api}`);
  if (changed === text) return undefined;
  writeFileSync(path, changed);
  return `${name} now names it (digitalocean:apiEndpoint), so that pulumi -s ${STACK} reaches this API.`;
}

/** The command that configures Pulumi for this API; undefined if Pulumi uses it already or there is no stack `local`. */
export function endpointCommand(checkout: string, api: string): string | undefined {
  const endpoint = stackEndpoint(checkout);
  if (endpoint === undefined || sameAddress(endpoint, api)) return undefined;
  return `pulumi config set digitalocean:apiEndpoint ${api} -s ${STACK}`;
}

export const sameAddress = (one: string, other: string): boolean =>
  one === other || (URL.canParse(one) && URL.canParse(other) && canonical(one) === canonical(other));

function canonical(address: string): string {
  const url = new URL(address);
  if (["localhost", "[::1]"].includes(url.hostname)) url.hostname = "127.0.0.1";
  return url.href.replace(/\/+$/, "");
}
