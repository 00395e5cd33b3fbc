/** What runs, where, and how it is. */
import type { DatabaseTarget } from "./database-targets.ts";

export interface PlatformStatus {
  readonly daemon?: {
    readonly pid: number;
    readonly api: string;
    readonly page: string;
    /** Why the API is not at the address that stack local names. */
    readonly apiMoved?: string;
    /** The same of the page, servers and apps, since the daemon started. */
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
  /** The databases that its variables name. */
  readonly leads: readonly DatabaseTarget[];
  readonly components: readonly ComponentLine[];
}

export interface ComponentLine {
  readonly name: string;
  readonly kind: string;
  /** "ok", or why it is not; absent for what serves nothing. */
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
