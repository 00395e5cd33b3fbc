import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ServerError } from "./error.ts";
import { detectServerUser, type ServerUser } from "./user.ts";

/** Where this checkout's servers live, where what every checkout can share is kept, and whom the servers run as. */
export interface Home {
  /** This checkout's own: data, secrets, ports, logs. */
  readonly state: string;
  /** Downloads and templates, shared by every checkout of this user. */
  readonly cache: string;
  readonly user: ServerUser;
}

interface Surroundings {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly user?: ServerUser;
}

/**
 * `.slipway` in the checkout, so that two checkouts never meet; under the user's state folder, by a name made of the checkout's path, where
 * the checkout cannot be written to or the servers' user could not enter it.
 */
export function findHome(checkout: string, { env = process.env, user = detectServerUser() }: Surroundings = {}): Home {
  const own = `${basename(checkout)}-${createHash("sha256").update(checkout).digest("hex").slice(0, 8)}`;
  const home = env.HOME || homedir();
  const state = firstUsable(user, "the state of the local servers", [
    join(checkout, ".slipway"),
    join(env.XDG_STATE_HOME || join(home, ".local", "state"), "slipway", own),
    join("/var/tmp", `slipway-${process.getuid?.() ?? "user"}`, own),
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
    `No folder for ${what}: none of these can be written to${user.uid === undefined ? "" : " and entered by nobody"}: ${candidates.join(", ")}. ` +
      "Set XDG_STATE_HOME and XDG_CACHE_HOME to folders of yours.",
  );
}

function isUsable(path: string, user: ServerUser): boolean {
  const shared = user.uid !== undefined;
  try {
    if (shared && !isOpenToAll(nearestFolder(path))) return false;
    mkdirSync(path, { recursive: true, mode: shared ? 0o711 : 0o700 });
    accessSync(path, constants.W_OK | constants.X_OK);
    // A folder that somebody else made under /var/tmp would be theirs to read.
    return statSync(path).uid === (process.getuid?.() ?? statSync(path).uid);
  } catch {
    return false;
  }
}

const nearestFolder = (path: string): string => (existsSync(path) ? path : nearestFolder(dirname(path)));

/** May everybody pass through every folder on the way? */
export function isOpenToAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (!(statSync(at).mode & constants.S_IXOTH)) return false;
    if (at === dirname(at)) return true;
  }
}
