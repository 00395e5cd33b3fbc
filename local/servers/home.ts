import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ServerError } from "./error.ts";
import { isProtectedFolder } from "./files.ts";
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
  /** The last folder to try, in a directory that every local user can write to. */
  readonly fallback?: string;
}

/**
 * The state is in `.slipway` in the checkout. Where slipway cannot write to the checkout, or the servers' user cannot enter it, the state is in
 * the user's state folder, under a name derived from the checkout's path.
 */
export function findHome(checkout: string, options: HomeOptions = {}): Home {
  const { env = process.env, user = detectServerUser(), fallback = `/var/tmp/slipway-${process.getuid?.() ?? "user"}` } = options;
  const name = `${basename(checkout)}-${createHash("sha256").update(checkout).digest("hex").slice(0, 8)}`;
  const home = env.HOME || homedir();
  const state = firstUsable(user, fallback, "the state of the local servers", [
    join(checkout, ".slipway"),
    join(env.XDG_STATE_HOME || join(home, ".local", "state"), "slipway", name),
    join(fallback, name),
  ]);
  const cache = firstUsable(user, fallback, "downloads and templates", [
    join(env.XDG_CACHE_HOME || join(home, ".cache"), "slipway"),
    join(dirname(state), "slipway-cache"),
    join(state, "cache"),
  ]);
  return { state, cache, user };
}

function firstUsable(user: ServerUser, fallback: string, what: string, candidates: readonly string[]): string {
  const usable = candidates.find((path) => isUsable(path, user, fallback));
  if (usable) return usable;
  const inaccessible = user.uid === undefined ? "" : `, or uid ${user.uid} cannot enter it`;
  throw new ServerError(
    `No folder for ${what}. Each of these is read-only, or another user can change it${inaccessible}: ${candidates.join(", ")}. ` +
      "Set XDG_STATE_HOME and XDG_CACHE_HOME to folders that you can write to.",
  );
}

function isUsable(path: string, user: ServerUser, fallback: string): boolean {
  const shared = user.uid !== undefined;
  try {
    if (shared && !isOpenToAll(nearestExisting(path))) return false;
    const mode = shared ? 0o711 : 0o700;
    if (path.startsWith(`${fallback}/`)) {
      mkdirSync(fallback, { recursive: true, mode });
      if (!isProtectedFolder(fallback)) return false;
    }
    mkdirSync(path, { recursive: true, mode });
    accessSync(path, constants.W_OK | constants.X_OK);
    // Another user who owns the folder could read what is in it.
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
