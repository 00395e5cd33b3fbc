/** The state of the local platform, which `slipway local status --json` prints. */
import type { DatabaseTarget } from "./database-targets.ts";

export interface PlatformStatus {
  readonly daemon?: {
    readonly pid: number;
    readonly api: string;
    readonly page: string;
    /** Why the API does not listen on the address in stack local. */
    readonly apiMoved?: string;
    /** The same for the page, servers and apps. */
    readonly moves?: readonly string[];
  };
  readonly servers: readonly ServerLine[];
  readonly apps: readonly AppLine[];
}

export interface ServerLine {
  readonly cluster: string;
  readonly kind: string;
  readonly port?: number;
  readonly pid?: number;
  readonly log: string;
}

export interface AppLine {
  readonly app: string;
  readonly url: string;
  /** The databases that its components connect to. */
  readonly leads: readonly DatabaseTarget[];
  readonly components: readonly ComponentLine[];
}

export interface ComponentLine {
  readonly name: string;
  readonly kind: string;
  /** "ok" or the reason why it is not healthy; absent for a component without a port. */
  readonly health?: string;
  readonly healthUrl?: string;
  readonly port?: number;
  readonly pid?: number;
  readonly log?: string;
}

export function isHealthy({ daemon, servers, apps }: PlatformStatus): boolean {
  const components = apps.flatMap((app) => app.components);
  return daemon !== undefined && servers.every(({ pid }) => pid !== undefined) && components.every(({ health = "ok" }) => health === "ok");
}
