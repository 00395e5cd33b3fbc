/** Where the local platform of one checkout keeps what. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { findHome, type Home } from "../servers/home.ts";

/** The stack that runs here. */
export const STACK = "local";

export interface Workspace {
  readonly home: Home;
  /** The program's directory: index.ts, sql/, keyspaces/. */
  readonly checkout: string;
  /** What `realize` remembers. */
  readonly stack: string;
  /** The daemon's log, command and address. */
  readonly daemon: string;
  readonly cloud: string;
}

export function workspaceAt(checkout: string, home: Home = findHome(checkout)): Workspace {
  const at = (name: string) => join(home.state, name);
  return { home, checkout, stack: at("stack.json"), daemon: at("daemon"), cloud: at("cloud") };
}

/** Everything that a platform left, data included; downloads and what else is in the folder stay. */
export function deleteWorkspaceState({ home: { state } }: Workspace): void {
  for (const name of ["stack.json", "daemon", "cloud", "api-certificate", "apps", "servers", "sources.json", "up"])
    rmSync(join(state, name), { recursive: true, force: true });
}
