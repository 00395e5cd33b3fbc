import { spawnSync } from "node:child_process";
import { ServerError } from "./error.ts";

/** Postgres and PgBouncer refuse to run as root. This is whom they run as instead, and what to put before their command line for it. */
export interface ServerUser {
  /**
   * self       whoever started slipway is no root, and everything stays theirs
   * namespace  root, seen by the server as `nobody`; on disk everything stays root's, and a folder only root may enter is no obstacle
   * nobody     root, where the kernel refuses namespaces (a container, a chroot): a real change of user, which must be able to reach its files
   */
  readonly kind: "self" | "namespace" | "nobody";
  readonly prefix: readonly string[];
  /** Who must own the server's files; absent where nothing changes hands. */
  readonly uid?: number;
}

/** Its uid needs a name, because initdb looks one up; every Linux has this one. */
const NOBODY = 65534;

export const currentUser: ServerUser = { kind: "self", prefix: [] };
export const namespaceUser: ServerUser = {
  kind: "namespace",
  prefix: ["unshare", "--user", `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, "--"],
};
export const nobodyUser: ServerUser = {
  kind: "nobody",
  prefix: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--"],
  uid: NOBODY,
};

export function detectServerUser(): ServerUser {
  if (process.getuid?.() !== 0) return currentUser;
  if (works(namespaceUser)) return namespaceUser;
  if (works(nobodyUser)) return nobodyUser;
  throw new ServerError(
    "Postgres refuses to run as root, and neither `unshare --user` nor `setpriv` works here. " +
      "Run slipway as an ordinary user, or install util-linux: apt-get install util-linux",
  );
}

const works = ({ prefix: [command = "", ...args] }: ServerUser) => spawnSync(command, [...args, "true"], { stdio: "ignore" }).status === 0;
