/** The account of a stack: the address of its API, and its token. */

import type { Project } from "../../engine/project.ts";
import type { StackConfig } from "../../engine/stackfile.ts";
import { STACK } from "../../local/platform/workspace.ts";
import { findPulumi, openPulumi, type PulumiCli } from "../../operate/recover/pulumi-cli.ts";
import { pulumiDeployer } from "../../operate/rotate/deploy-pulumi.ts";
import type { Deployer } from "../../operate/rotate/rotation.ts";
import { UsageError } from "./errors.ts";

export const DIGITALOCEAN = "https://api.digitalocean.com";

export interface Target {
  readonly stack: string;
  readonly flags: string;
}

export function endpointOf({ config }: StackConfig, { stack, flags }: Target): string {
  const endpoint = config["digitalocean:apiEndpoint"] || process.env.DIGITALOCEAN_API_URL;
  if (endpoint) return endpoint;
  if (config["slipway:environment"] !== "local") return DIGITALOCEAN;
  throw new UsageError(
    `Stack ${stack} is local and names no digitalocean:apiEndpoint, so this would reach DigitalOcean itself. Type:\n  pulumi config set digitalocean:apiEndpoint http://127.0.0.1:4010 ${flags}`,
  );
}

/** The config's before the environment's, as the provider reads it. */
export async function readToken(
  { config, placeholders }: StackConfig,
  cli: PulumiCli | undefined,
  { stack, flags }: Target,
): Promise<string> {
  const key = "digitalocean:token";
  const isEncrypted = placeholders.includes(key);
  if (config[key] && !isEncrypted) return config[key];
  const token = process.env.DIGITALOCEAN_TOKEN || process.env.DIGITALOCEAN_ACCESS_TOKEN;
  if (isEncrypted && cli !== undefined) {
    try {
      return (await cli.run(["config", "get", key, "-s", stack])).trim();
    } catch (error) {
      // The passphrase is missing where only the comparison runs.
      if (!token) throw error;
    }
  }
  if (token) return token;
  const reason = isEncrypted ? `${key} of stack ${stack} is encrypted, and only Pulumi's CLI can open it` : `Stack ${stack} has no ${key}`;
  throw new UsageError(
    `${reason}. Set DIGITALOCEAN_TOKEN to a token of its account${isEncrypted ? "." : `, or type: pulumi config set --secret ${key} ${flags}`}`,
  );
}

/** @returns undefined where the CLI is not installed */
export function openProjectCli(project: Project, { stack, flags }: Target): PulumiCli | undefined {
  const program = findPulumi();
  return program === undefined ? undefined : openPulumi(program, { directory: project.root, project: project.name, stack, flags });
}

/** @param name As the CLI takes it. @throws {UsageError} where the CLI is not installed */
export function requireProjectCli(project: Project, name: string, target: Target): PulumiCli {
  const cli = openProjectCli(project, target);
  if (cli !== undefined) return cli;
  throw new UsageError(
    `Pulumi's CLI, which deploys stack ${name}, is neither on the PATH nor in ~/.pulumi/bin. Install it: https://www.pulumi.com/docs/install${name === STACK ? ". Or start the local platform, which needs no CLI: slipway local up" : ""}`,
  );
}

/** @param purpose What deploys: "a rotation". */
export function openPulumiDeployer(project: Project, name: string, target: Target, purpose?: string): Deployer {
  return pulumiDeployer({
    ...{ cli: requireProjectCli(project, name, target), project: project.name, ...target },
    ...(purpose !== undefined && { purpose }),
  });
}
