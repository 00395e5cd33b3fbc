import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ONLY_ROOT, type SkipReason, skipTest } from "../../tests/skip.ts";
import { openServers } from "./backing.ts";
import { findHome, isOpenToAll } from "./home.ts";
import { copyPackages, postgresCluster, query, removeHome, temporaryHomeFor } from "./testing/servers.ts";
import { currentUser, detectServerUser, namespaceUser, unprivilegedUser } from "./user.ts";

const UNPRIVILEGED_UID = 65534;
const isRoot = process.getuid?.() === 0;
const CLUSTER = postgresCluster("pg", { pools: [{ name: "pool", mode: "session", size: 1, database: "defaultdb" }] });

/** Even root cannot create a folder in sysfs. In a plain chroot /sys is an ordinary folder. */
const NO_SYSFS: SkipReason | undefined = existsSync("/sys/kernel") ? undefined : { reason: "sysfs is not mounted at /sys" };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway users "));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the user that servers run as", () => {
  it("is the user of slipway, unless that is root", (context) => {
    if (isRoot) skipTest(context, { reason: "runs as root", enable: "npm test as another user" });
    expect(detectServerUser()).toBe(currentUser);
  });

  it("is an unprivileged user where root cannot create namespaces", async (context) => {
    if (!isRoot) skipTest(context, ONLY_ROOT);
    const home = temporaryHomeFor(unprivilegedUser);
    const servers = openServers({ home, fsync: false });
    try {
      const endpoint = await servers.startCluster(CLUSTER);
      expect(await query(endpoint, "SELECT 1 AS one", { port: endpoint.poolPort, database: "pool" })).toEqual([{ one: 1 }]);
      await servers.setFirewall("pg", [{ type: "ip_addr", value: "127.0.0.1" }]);
      await servers.close();
      const again = openServers({ home, fsync: false });
      expect(await query(await again.startCluster(CLUSTER), "SELECT 1 AS one")).toEqual([{ one: 1 }]);
      again.leave();
    } finally {
      await removeHome(home);
    }
  });

  it("can be a user without privileges, from initdb to a pool", (context) => {
    if (!isRoot) skipTest(context, ONLY_ROOT);
    if (!isOpenToAll(dirname(fileURLToPath(import.meta.url))))
      skipTest(context, {
        reason: "the checkout is in a folder that only root can enter",
        enable: "npm test in a folder that every user can enter",
      });
    // Avoids a download.
    copyPackages(join(folder, "cache", "slipway"));
    mkdirSync(join(folder, "check out"));
    changeOwner(folder);
    const program = `
      import { openServers } from ${JSON.stringify(new URL("./backing.ts", import.meta.url).href)};
      import { findHome } from ${JSON.stringify(new URL("./home.ts", import.meta.url).href)};
      import { query } from ${JSON.stringify(new URL("./testing/servers.ts", import.meta.url).href)};
      const home = findHome(${JSON.stringify(join(folder, "check out"))});
      const servers = openServers({ home, fsync: false });
      const endpoint = await servers.startCluster(${JSON.stringify(CLUSTER)});
      const rows = await query(endpoint, "SELECT 1 AS one", { port: endpoint.poolPort, database: "pool" });
      await servers.close();
      console.log(JSON.stringify({ uid: process.getuid(), state: home.state, user: home.user.kind, rows }));`;
    const child = spawnSync(
      "setpriv",
      [
        `--reuid=${UNPRIVILEGED_UID}`,
        `--regid=${UNPRIVILEGED_UID}`,
        "--clear-groups",
        process.execPath,
        "--input-type=module",
        "-e",
        program,
      ],
      {
        encoding: "utf8",
        env: { PATH: process.env.PATH, HOME: folder, XDG_CACHE_HOME: join(folder, "cache") },
      },
    );
    expect(child.stderr).toBe("");
    expect(JSON.parse(child.stdout)).toEqual({
      uid: UNPRIVILEGED_UID,
      state: join(folder, "check out", ".slipway"),
      user: "self",
      rows: [{ one: 1 }],
    });
  });
});

describe("the state folder of a checkout", () => {
  const env = () => ({ HOME: join(folder, "home") });

  it("is in the checkout, with downloads in the user's cache folder", () => {
    expect(findHome(folder, { env: env(), user: currentUser })).toEqual({
      state: join(folder, ".slipway"),
      cache: join(folder, "home", ".cache", "slipway"),
      user: currentUser,
    });
  });

  it("is in the user's state folder, under a name per checkout, if the checkout is read-only", (context) => {
    if (NO_SYSFS) skipTest(context, NO_SYSFS);
    const states = ["/sys", "/sys/kernel"].map((checkout) => findHome(checkout, { env: env(), user: currentUser }).state);
    expect(states[0]).toMatch(new RegExp(`^${join(folder, "home/.local/state/slipway/sys-")}[0-9a-f]{8}$`));
    expect(states[1]).not.toBe(states[0]);
    const XDG_STATE_HOME = join(folder, "elsewhere");
    expect(findHome("/sys", { env: { ...env(), XDG_STATE_HOME }, user: currentUser }).state).toContain(
      join(XDG_STATE_HOME, "slipway", "sys-"),
    );
  });

  it("is not in the temporary directory if another user could replace the folder there", (context) => {
    if (NO_SYSFS) skipTest(context, NO_SYSFS);
    const target = join(folder, "target");
    const fallback = join(folder, "fallback");
    mkdirSync(target);
    symlinkSync(target, fallback);
    const find = () => findHome("/sys", { env: { HOME: "/sys" }, user: currentUser, fallback });
    expect(find).toThrow(/^No folder for the state of the local servers\. Each of these is read-only, or another user can change it: /);
    expect(readdirSync(target)).toEqual([]);
    rmSync(fallback);
    expect(find().state).toMatch(new RegExp(`^${fallback}/sys-[0-9a-f]{8}$`));
  });

  it("is accessible to the servers' user if the checkout is in a private folder", (context) => {
    if (!isRoot) skipTest(context, ONLY_ROOT);
    const checkout = join(folder, "checkout");
    mkdirSync(checkout);
    chmodSync(folder, 0o700);
    const home = findHome(checkout, { env: env(), user: unprivilegedUser });
    try {
      expect(home.state.startsWith("/var/tmp/slipway-0/checkout-")).toBe(true);
      expect(isOpenToAll(home.state) && isOpenToAll(home.cache)).toBe(true);
      expect(existsSync(join(checkout, ".slipway"))).toBe(false);
      expect(findHome(checkout, { env: env(), user: namespaceUser }).state).toBe(join(checkout, ".slipway"));
    } finally {
      rmSync(home.state, { recursive: true });
    }
  });
});

function changeOwner(path: string): void {
  chownSync(path, UNPRIVILEGED_UID, UNPRIVILEGED_UID);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) changeOwner(join(path, entry.name));
    else if (!entry.isSymbolicLink()) chownSync(join(path, entry.name), UNPRIVILEGED_UID, UNPRIVILEGED_UID);
  }
}
