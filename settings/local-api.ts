/**
 * Stack `local` runs against slipway's own DigitalOcean API on this machine. Another project's API may have taken the port, and it accepts the
 * same token: without this check `pulumi up` would create this project's resources there.
 */
import * as pulumi from "@pulumi/pulumi";
import { API_PORT, PROJECT_HEADER, PROJECT_PATH, projectId } from "../catalog/local-api.ts";
import { isUnderEngine } from "./read.ts";
import type { Settings } from "./settings.ts";

const PATIENCE_MS = 10_000;

/** @throws {pulumi.RunError} unless the API that the provider is given belongs to this project; a preview needs no API, but accepts no other's. */
export async function verifyLocalApi({ environment, stack }: Pick<Settings, "environment" | "stack">): Promise<void> {
  if (environment !== "local" || !isUnderEngine()) return;
  const endpoint = new pulumi.Config("digitalocean").get("apiEndpoint") ?? process.env.DIGITALOCEAN_API_URL;
  const problem = await problemWith(endpoint, { root: pulumi.runtime.getRootDirectory(), stack, isPreview: pulumi.runtime.isDryRun() });
  if (problem !== undefined) throw new pulumi.RunError(problem);
}

interface Run {
  /** The folder of Pulumi.yaml. */
  readonly root: string;
  readonly stack: string;
  readonly isPreview: boolean;
}

/** @returns undefined where the endpoint is this project's own API. */
export async function problemWith(endpoint: string | undefined, { root, stack, isPreview }: Run): Promise<string | undefined> {
  const set = (address: string) => `pulumi config set digitalocean:apiEndpoint ${address} -s ${stack}`;
  if (endpoint === undefined || endpoint === "")
    return `Stack ${stack} names no digitalocean:apiEndpoint, so it would reach DigitalOcean itself. Type:\n  ${set(`http://127.0.0.1:${API_PORT}`)}`;
  const answer = await ask(endpoint).catch((error: Error) => error);
  const start = "npx slipway local up, or npx slipway local api";
  if (answer instanceof Error)
    return isPreview ? undefined : `No API answers at ${endpoint} (digitalocean:apiEndpoint of stack ${stack}). Start it: ${start}`;
  await answer.body?.cancel();
  const owner = answer.headers.get(PROJECT_HEADER);
  if (owner === projectId(root)) return undefined;
  const whose = owner === null ? "is not a local API of slipway" : "is the local API of another project";
  return (
    `What answers at ${endpoint} (digitalocean:apiEndpoint of stack ${stack}) ${whose}, and nothing was changed in it. ` +
    `See where this project's own API is: npx slipway local status. Then type:\n  ${set("<its address>")}`
  );
}

const ask = async (endpoint: string): Promise<Response> =>
  fetch(new URL(PROJECT_PATH, endpoint), { signal: AbortSignal.timeout(PATIENCE_MS) });
