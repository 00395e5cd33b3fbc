/** Where Pulumi looks for the API of stack `local`: digitalocean:apiEndpoint in the stack's file. */
import { API_PORT } from "../../catalog/local-api.ts";
import { findProject } from "../../engine/project.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { readStack } from "../../engine/stackfile.ts";
import { STACK } from "./workspace.ts";

/** @returns undefined where the project has no such stack, or the stack no such setting. */
export function stackEndpoint(checkout: string): string | undefined {
  try {
    return readStack(findProject(checkout), STACK).config["digitalocean:apiEndpoint"] || undefined;
  } catch (error) {
    // What is wrong with the file is reported by what runs the program.
    if (error instanceof ProjectError) return undefined;
    throw error;
  }
}

/** The port that the API takes if it is free: the one that Pulumi will look at. */
export function preferredPort(checkout: string): number {
  const endpoint = stackEndpoint(checkout);
  const url = endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isHere = url !== undefined && ["127.0.0.1", "localhost"].includes(url.hostname);
  return isHere && url.port !== "" ? Number(url.port) : API_PORT;
}

/** The command that makes Pulumi use this API, or undefined where Pulumi does already, or where there is no stack for it. */
export function endpointCommand(checkout: string, api: string): string | undefined {
  const endpoint = stackEndpoint(checkout);
  if (endpoint === undefined || sameAddress(endpoint, api)) return undefined;
  return `pulumi config set digitalocean:apiEndpoint ${api} -s ${STACK}`;
}

const sameAddress = (one: string, other: string): boolean =>
  URL.canParse(one) && new URL(one).href.replace("localhost", "127.0.0.1") === new URL(other).href.replace("localhost", "127.0.0.1");
