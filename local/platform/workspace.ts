/** The files of one checkout's local platform. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { findHome, type Home } from "../servers/home.ts";

/** The stack that runs on the local platform. */
export const STACK = "local";

export interface Workspace {
  readonly home: Home;
  /** The directory of the Pulumi program, with index.ts, sql/ and keyspaces/. */
  readonly checkout: string;
  /** The file with the state of the stack's resources. */
  readonly stack: string;
  /** The folder of the daemon's log, command line and address. */
  readonly daemon: string;
  /** The folder of the cloud's state. */
  readonly cloud: string;
}

export function workspaceAt(checkout: string, home: Home = findHome(checkout)): Workspace {
  const pathOf = (name: string) => join(home.state, name);
  return { home, checkout, stack: pathOf("stack.json"), daemon: pathOf("daemon"), cloud: pathOf("cloud") };
}

/** Deletes the platform's state and data. Downloads and unknown files in the folder stay. */
export function deleteWorkspaceState({ home: { state } }: Workspace): void {
  for (const name of [
    "stack.json",
    "daemon",
    "cloud",
    "api-certificate",
    "apps",
    "instances",
    "servers",
    "sources.json",
    "programs.json",
    "up",
  ])
    rmSync(join(state, name), { recursive: true, force: true });
}
