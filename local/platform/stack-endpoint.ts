/** The address at which Pulumi expects the API: digitalocean:apiEndpoint in the file of stack `local`. */
import { API_PORT } from "../../catalog/local-api.ts";
import { findProject } from "../../engine/project.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { readStack } from "../../engine/stackfile.ts";
import { STACK } from "./workspace.ts";

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
  const url = endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isLoopback = url !== undefined && ["127.0.0.1", "localhost"].includes(url.hostname);
  return isLoopback && url.port !== "" ? Number(url.port) : API_PORT;
}

/** The command that configures Pulumi for this API; undefined if Pulumi uses it already or there is no stack `local`. */
export function endpointCommand(checkout: string, api: string): string | undefined {
  const endpoint = stackEndpoint(checkout);
  if (endpoint === undefined || sameAddress(endpoint, api)) return undefined;
  return `pulumi config set digitalocean:apiEndpoint ${api} -s ${STACK}`;
}

const sameAddress = (one: string, other: string): boolean =>
  URL.canParse(one) && new URL(one).href.replace("localhost", "127.0.0.1") === new URL(other).href.replace("localhost", "127.0.0.1");
