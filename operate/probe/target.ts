/** Where a prober writes and reads: the service that declares what it accepts. */
import type { System } from "../../systems/definition.ts";
import type { Traffic } from "../../systems/verification.ts";
import type { ApiClient } from "../recover/api.ts";
import { findApps } from "../verify/deployed-app.ts";

export interface ProbeTarget {
  /** "fluxstudio-local/api" */
  readonly service: string;
  /** Of its app, without a slash at the end; undefined while no deployment is active. */
  readonly url: string | undefined;
  readonly traffic: Traffic;
}

/** @param suffix What the names of apps end with: "-staging". @returns undefined where no service declares its traffic */
export async function findTarget(api: ApiClient, system: System, suffix: string): Promise<ProbeTarget | undefined> {
  for (const { declared, name, app } of await findApps(api, system, suffix))
    for (const [component, service] of Object.entries(declared.components))
      if (service.kind === "service" && service.checks?.traffic !== undefined)
        return { service: `${name}/${component}`, url: app?.active === undefined ? undefined : app.url, traffic: service.checks.traffic };
  return undefined;
}
