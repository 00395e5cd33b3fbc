/** Deploys stack local on the local platform, as `slipway local up` does. */
import { startPlatform } from "../../local/platform/start.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import type { Deployer } from "./rotation.ts";

/** @param systems Those that the platform runs: others are not started. */
export function localDeployer(workspace: Workspace, systems: readonly string[]): Deployer {
  return {
    // Nothing on this machine is in production.
    requireNoChanges: async () => {},
    deploy: async () => void (await startPlatform(workspace, { systems })),
    // The engine reads every resource when it deploys.
    refresh: async () => {},
  };
}
