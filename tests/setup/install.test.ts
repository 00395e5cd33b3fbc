import { chmodSync, existsSync, rmSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipTest } from "../skip.ts";
import { Checkout } from "./checkout.ts";

let checkout: Checkout;

beforeEach(async () => {
  checkout = new Checkout();
  await checkout.depend("oar", { "index.js": "" });
});

afterEach(() => checkout.remove());

const installs = (output: string) => output.split(". npm installs").length - 1;

describe("npm start in a fresh checkout", () => {
  it("installs the packages of the lock file, then runs the command", async () => {
    const first = await checkout.start();
    expect(first.output).toContain("node_modules does not exist. npm installs");
    expect(first.output).toContain("slipway local up on Node");
    expect(first.code).toBe(0);

    const second = await checkout.start();
    expect(second).toMatchObject({ code: 0 });
    expect(installs(second.output)).toBe(0);
  });

  it("runs no install scripts", async () => {
    await checkout.depend("hostile", {
      "package.json": '{"name":"hostile","version":"1.0.0","scripts":{"postinstall":"touch ../../HIT"}}',
    });
    expect(await checkout.start()).toMatchObject({ code: 0 });
    expect(existsSync(checkout.path("node_modules/hostile/package.json"))).toBe(true);
    expect(existsSync(checkout.path("HIT"))).toBe(false);
  });

  it("installs once when two runs start together", async () => {
    const both = await Promise.all([checkout.start(), checkout.start()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.reduce((sum, { output }) => sum + installs(output), 0)).toBe(1);
  });
});

describe("an incomplete node_modules", () => {
  beforeEach(async () => {
    expect(await checkout.start()).toMatchObject({ code: 0 });
  });

  it("is installed again after an interrupted install", async () => {
    rmSync(checkout.path("node_modules/.package-lock.json"));
    const { output, code } = await checkout.start();
    expect(output).toContain("An earlier install is incomplete");
    expect(code).toBe(0);
  });

  it("is installed again when the folder of a package is missing", async () => {
    rmSync(checkout.path("node_modules/oar"), { recursive: true });
    const { output, code } = await checkout.start();
    expect(output).toContain("node_modules/oar is broken");
    expect(code).toBe(0);
    expect(existsSync(checkout.path("node_modules/oar/index.js"))).toBe(true);
  });

  it("is updated when the lock file has changed", async () => {
    await checkout.depend("rudder", { "index.js": "" });
    const { output, code } = await checkout.start();
    expect(output).toContain("node_modules/rudder is missing");
    expect(code).toBe(0);
    expect(existsSync(checkout.path("node_modules/rudder/index.js"))).toBe(true);
  });
});

describe("the set-up lock", () => {
  it("is taken over from a process that no longer exists", async () => {
    checkout.write(".slipway/setup.lock", `${hostname()} 2147483647`);
    expect(await checkout.start()).toMatchObject({ code: 0 });
    expect(existsSync(checkout.path(".slipway/setup.lock"))).toBe(false);
  });

  it("is taken over from another host that stopped renewing it", async () => {
    checkout.write(".slipway/setup.lock", `elsewhere ${process.pid}`);
    const aMinuteAgo = new Date(Date.now() - 60_000);
    utimesSync(checkout.path(".slipway/setup.lock"), aMinuteAgo, aMinuteAgo);
    expect(await checkout.start()).toMatchObject({ code: 0 });
  });

  it("is kept while npm of a killed set-up still runs", async () => {
    checkout.write(".slipway/setup.lock", `${hostname()} 2147483647 ${process.pid}`);
    const waited = await checkout.command(process.execPath, ["setup/run.mjs", "start"], {}, {}, (output) => {
      if (output.includes("waiting for it")) rmSync(checkout.path(".slipway/setup.lock"), { force: true });
    });
    expect(waited.output).toContain("waiting for it");
    expect(waited.code).toBe(0);
  });

  it("is kept while its holder runs", async () => {
    checkout.write(".slipway/setup.lock", `${hostname()} ${process.pid}`);
    const waited = await checkout.command(process.execPath, ["setup/run.mjs", "start"], {}, {}, (output) => {
      if (output.includes("waiting for it")) rmSync(checkout.path(".slipway/setup.lock"), { force: true });
    });
    expect(waited.output).toContain(`process ${process.pid}`);
    expect(waited.code).toBe(0);
  });
});

describe("a Node that is too old", () => {
  const fake = ["#!/bin/sh", 'if [ "$1" = --version ]; then echo v99.1.0; else AS_IF=99.1.0 exec "$REAL_NODE" "$@"; fi', ""].join("\n");
  const install = `const fs = require("fs"); fs.mkdirSync("bin"); fs.writeFileSync("bin/node", ${JSON.stringify(fake)}, { mode: 0o755 });`;

  beforeEach(async () => {
    await checkout.depend("node", { "installArchSpecificPackage.js": install });
    checkout.lock({}, ">=99");
  });

  it("is replaced by the `node` package of the lock file", async () => {
    const { output, code } = await checkout.start({ REAL_NODE: process.execPath });
    expect(output).toMatch(/Node 99 or newer is required, .* Downloading Node into node_modules/);
    expect(output).toContain("slipway local up on Node 99.1.0");
    expect(code).toBe(0);
  });

  it("is not used when npx runs the package's program afterwards", async () => {
    expect(await checkout.start({ REAL_NODE: process.execPath })).toMatchObject({ code: 0 });
    const { output, code } = await checkout.command("npx", ["slipway", "plan"], { REAL_NODE: process.execPath });
    expect(output).toContain("slipway plan on Node 99.1.0");
    expect(output).not.toContain("EBADENGINE");
    expect(code).toBe(0);
  });

  it("is reported when the downloaded Node does not run either", async () => {
    await checkout.depend("node", { "installArchSpecificPackage.js": "" });
    checkout.lock({}, ">=99");
    const { output, code } = await checkout.start();
    expect(output).toContain("Install Node 99 or newer from https://nodejs.org");
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  });
});

describe("a failed set-up", () => {
  it("explains a missing network", async () => {
    checkout.lock({ absent: { integrity: `sha512-${"A".repeat(86)}==` } });
    const { output, code } = await checkout.start({ npm_config_registry: "http://127.0.0.1:9/", npm_config_cache: checkout.path("cache") });
    expect(output).toContain("http://127.0.0.1:9 does not respond (ECONNREFUSED), so the dependencies could not be downloaded");
    expect(output).toContain("Connect this machine to a network, then run the same command again");
    expect(output).not.toMatch(/^\s+at |npm error/m);
    expect(code).toBe(1);
  });

  it("explains a lock file that does not match package.json", async () => {
    checkout.write("package.json", { name: "checkout", type: "module", engines: { node: ">=18" }, dependencies: { oar: "2.0.0" } });
    const { output, code } = await checkout.start();
    expect(output.trim()).toBe("package.json and package-lock.json disagree about oar. Run: npm install");
    expect(code).toBe(1);
  });

  it("explains an invalid lock file", async () => {
    checkout.write("package-lock.json", "<<<<<<< ours");
    const { output, code } = await checkout.start();
    expect(output).toContain("git checkout package-lock.json");
    expect(code).toBe(1);
  });

  // Root may write anywhere, so root runs these tests as an unprivileged user, who must be able to run Node.
  const root = process.getuid?.() === 0;
  const unprivileged = root ? { uid: 65534, gid: 65534 } : {};
  it("explains a read-only folder", async (context) => {
    if (root && process.execPath.startsWith("/root/"))
      skipTest(context, { reason: "Node is installed in /root, which other users cannot read" });
    chmodSync(dirname(checkout.dir), 0o755);
    chmodSync(checkout.dir, 0o555);
    const { output, code } = await checkout.start({ HOME: "/tmp" }, unprivileged);
    chmodSync(checkout.dir, 0o755);
    expect(output).toMatch(/No permission to write .* \(EACCES\)\./);
    expect(output).toContain("Copy the checkout to your home directory");
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  });

  it("does not occur in a read-only folder if nothing has to be installed", async () => {
    expect(await checkout.start()).toMatchObject({ code: 0 });
    chmodSync(dirname(checkout.dir), 0o755);
    chmodSync(checkout.dir, 0o555);
    const again = await checkout.start({}, root && !process.execPath.startsWith("/root/") ? unprivileged : {});
    chmodSync(checkout.dir, 0o755);
    expect(again).toMatchObject({ code: 0 });
  });

  it("explains a missing npm", async () => {
    const { output, code } = await checkout.start({ PATH: checkout.path("nothing") });
    expect(output).toContain("npm is not on the PATH. It is part of Node");
    expect(code).toBe(1);
  });

  it("explains an unknown command", async () => {
    const { output, code } = await checkout.command(process.execPath, ["setup/run.mjs", "sail"]);
    expect(output).toContain('Unknown command "sail". Run npm start, npm stop, npm test');
    expect(code).toBe(1);
  });
});
