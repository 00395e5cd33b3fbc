import { spawnSync } from "node:child_process";
import { ServerError } from "./error.ts";

/** The user that servers run as, because Postgres and PgBouncer refuse to run as root, and the command that switches to that user. */
export interface ServerUser {
  /**
   * self          slipway does not run as root: its own user
   * namespace     root outside a user namespace, uid 65534 inside: files stay root's, and folders that only root can enter are accessible
   * unprivileged  uid 65534, where the kernel refuses namespaces (a container, a chroot): its files must be accessible to that uid
   */
  readonly kind: "self" | "namespace" | "unprivileged";
  readonly prefix: readonly string[];
  /** The owner that the server's files need; absent where they need no other owner. */
  readonly uid?: number;
}

/** initdb looks up the name of its uid; every Linux has this one. */
const UNPRIVILEGED_UID = 65534;

export const currentUser: ServerUser = { kind: "self", prefix: [] };
export const namespaceUser: ServerUser = {
  kind: "namespace",
  prefix: ["unshare", "--user", `--map-user=${UNPRIVILEGED_UID}`, `--map-group=${UNPRIVILEGED_UID}`, "--"],
};
export const unprivilegedUser: ServerUser = {
  kind: "unprivileged",
  prefix: ["setpriv", `--reuid=${UNPRIVILEGED_UID}`, `--regid=${UNPRIVILEGED_UID}`, "--clear-groups", "--"],
  uid: UNPRIVILEGED_UID,
};

export function detectServerUser(): ServerUser {
  if (process.getuid?.() !== 0) return currentUser;
  if (isAvailable(namespaceUser)) return namespaceUser;
  if (isAvailable(unprivilegedUser)) return unprivilegedUser;
  throw new ServerError(
    "Postgres refuses to run as root, and neither `unshare --user` nor `setpriv` works here. " +
      "Run slipway as another user, or install util-linux: apt-get install util-linux",
  );
}

const isAvailable = ({ prefix: [command = "", ...args] }: ServerUser) =>
  spawnSync(command, [...args, "true"], { stdio: "ignore" }).status === 0;
