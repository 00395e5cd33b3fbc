import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ServerError } from "./error.ts";
import { detectServerUser, type ServerUser } from "./user.ts";

/** The folders of one checkout's servers, and the user that the servers run as. */
export interface Home {
  /** Of this checkout only: data, secrets, ports, logs. */
  readonly state: string;
  /** Downloads and templates, shared by every checkout of this user. */
  readonly cache: string;
  readonly user: ServerUser;
}

interface HomeOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly user?: ServerUser;
}

/**
 * The state is in `.slipway` in the checkout. Where slipway cannot write to the checkout, or the servers' user cannot enter it, the state is in
 * the user's state folder, under a name derived from the checkout's path.
 */
export function findHome(checkout: string, { env = process.env, user = detectServerUser() }: HomeOptions = {}): Home {
  const name = `${basename(checkout)}-${createHash("sha256").update(checkout).digest("hex").slice(0, 8)}`;
  const home = env.HOME || homedir();
  const state = firstUsable(user, "the state of the local servers", [
    join(checkout, ".slipway"),
    join(env.XDG_STATE_HOME || join(home, ".local", "state"), "slipway", name),
    join("/var/tmp", `slipway-${process.getuid?.() ?? "user"}`, name),
  ]);
  const cache = firstUsable(user, "downloads and templates", [
    join(env.XDG_CACHE_HOME || join(home, ".cache"), "slipway"),
    join(dirname(state), "slipway-cache"),
    join(state, "cache"),
  ]);
  return { state, cache, user };
}

function firstUsable(user: ServerUser, what: string, candidates: readonly string[]): string {
  const usable = candidates.find((path) => isUsable(path, user));
  if (usable) return usable;
  throw new ServerError(
    `No folder for ${what}. Not writable${user.uid === undefined ? "" : ", or not accessible to uid ${user.uid}"}: ${candidates.join(", ")}. ` +
      "Set XDG_STATE_HOME and XDG_CACHE_HOME to folders that you can write to.",
  );
}

function isUsable(path: string, user: ServerUser): boolean {
  const shared = user.uid !== undefined;
  try {
    if (shared && !isOpenToAll(nearestExisting(path))) return false;
    mkdirSync(path, { recursive: true, mode: shared ? 0o711 : 0o700 });
    accessSync(path, constants.W_OK | constants.X_OK);
    // Another user may have created the folder in /var/tmp, and could read what is in it.
    return statSync(path).uid === (process.getuid?.() ?? statSync(path).uid);
  } catch {
    return false;
  }
}

const nearestExisting = (path: string): string => (existsSync(path) ? path : nearestExisting(dirname(path)));

/** Can every user enter this folder and all folders above it? */
export function isOpenToAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (!(statSync(at).mode & constants.S_IXOTH)) return false;
    if (at === dirname(at)) return true;
  }
}
