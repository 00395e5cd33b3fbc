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
  it("installs what the lock file names, says so, and hands over", async () => {
    const first = await checkout.start();
    expect(first.output).toContain("node_modules does not exist. npm installs");
    expect(first.output).toContain("slipway local up on Node");
    expect(first.code).toBe(0);

    const second = await checkout.start();
    expect(second).toMatchObject({ code: 0 });
    expect(installs(second.output)).toBe(0);
  });

  it("runs no package's install script", async () => {
    await checkout.depend("hostile", {
      "package.json": '{"name":"hostile","version":"1.0.0","scripts":{"postinstall":"touch ../../HIT"}}',
    });
    expect(await checkout.start()).toMatchObject({ code: 0 });
    expect(existsSync(checkout.path("node_modules/hostile/package.json"))).toBe(true);
    expect(existsSync(checkout.path("HIT"))).toBe(false);
  });

  it("installs once when two are started together", async () => {
    const both = await Promise.all([checkout.start(), checkout.start()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.reduce((sum, { output }) => sum + installs(output), 0)).toBe(1);
  });
});

describe("a node_modules that is not right", () => {
  beforeEach(async () => {
    expect(await checkout.start()).toMatchObject({ code: 0 });
  });

  it("is made anew after an interrupted install", async () => {
    rmSync(checkout.path("node_modules/.package-lock.json"));
    const { output, code } = await checkout.start();
    expect(output).toContain("An earlier install is incomplete");
    expect(code).toBe(0);
  });

  it("is made anew when a package's folder is gone", async () => {
    rmSync(checkout.path("node_modules/oar"), { recursive: true });
    const { output, code } = await checkout.start();
    expect(output).toContain("node_modules/oar is broken");
    expect(code).toBe(0);
    expect(existsSync(checkout.path("node_modules/oar/index.js"))).toBe(true);
  });

  it("is brought up to a lock file that has moved on", async () => {
    await checkout.depend("rudder", { "index.js": "" });
    const { output, code } = await checkout.start();
    expect(output).toContain("node_modules/rudder is missing");
    expect(code).toBe(0);
    expect(existsSync(checkout.path("node_modules/rudder/index.js"))).toBe(true);
  });
});

describe("the lock of a set-up", () => {
  it("is taken over from a process that has died", async () => {
    checkout.write(".slipway/setup.lock", `${hostname()} 2147483647`);
    expect(await checkout.start()).toMatchObject({ code: 0 });
    expect(existsSync(checkout.path(".slipway/setup.lock"))).toBe(false);
  });

  it("is taken over from another machine that has fallen silent", async () => {
    checkout.write(".slipway/setup.lock", `elsewhere ${process.pid}`);
    const aMinuteAgo = new Date(Date.now() - 60_000);
    utimesSync(checkout.path(".slipway/setup.lock"), aMinuteAgo, aMinuteAgo);
    expect(await checkout.start()).toMatchObject({ code: 0 });
  });

  it("is waited for while the npm of a set-up that was killed goes on", async () => {
    checkout.write(".slipway/setup.lock", `${hostname()} 2147483647 ${process.pid}`);
    const waited = await checkout.command(process.execPath, ["setup/run.mjs", "start"], {}, {}, (output) => {
      if (output.includes("waiting for it")) rmSync(checkout.path(".slipway/setup.lock"), { force: true });
    });
    expect(waited.output).toContain("waiting for it");
    expect(waited.code).toBe(0);
  });

  it("is waited for while its holder lives", async () => {
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

  it("is helped out by the lock file's own", async () => {
    const { output, code } = await checkout.start({ REAL_NODE: process.execPath });
    expect(output).toMatch(/Node 99 or newer is required, .* Downloading Node into node_modules/);
    expect(output).toContain("slipway local up on Node 99.1.0");
    expect(code).toBe(0);
  });

  it("does not show when npx runs the package's own program afterwards", async () => {
    expect(await checkout.start({ REAL_NODE: process.execPath })).toMatchObject({ code: 0 });
    const { output, code } = await checkout.command("npx", ["slipway", "plan"], { REAL_NODE: process.execPath });
    expect(output).toContain("slipway plan on Node 99.1.0");
    expect(output).not.toContain("EBADENGINE");
    expect(code).toBe(0);
  });

  it("is named when the fetched one does not run either", async () => {
    await checkout.depend("node", { "installArchSpecificPackage.js": "" });
    checkout.lock({}, ">=99");
    const { output, code } = await checkout.start();
    expect(output).toContain("Install Node 99 or newer from https://nodejs.org");
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  });
});

describe("what set-up cannot do", () => {
  it("is said plainly without a network", async () => {
    checkout.lock({ absent: { integrity: `sha512-${"A".repeat(86)}==` } });
    const { output, code } = await checkout.start({ npm_config_registry: "http://127.0.0.1:9/", npm_config_cache: checkout.path("cache") });
    expect(output).toContain("http://127.0.0.1:9 does not respond (ECONNREFUSED), so the dependencies could not be downloaded");
    expect(output).toContain("Connect this machine to a network, then run the same command again");
    expect(output).not.toMatch(/^\s+at |npm error/m);
    expect(code).toBe(1);
  });

  it("is said plainly when package.json asks for what the lock file does not know", async () => {
    checkout.write("package.json", { name: "checkout", type: "module", engines: { node: ">=18" }, dependencies: { oar: "2.0.0" } });
    const { output, code } = await checkout.start();
    expect(output.trim()).toBe("package.json and package-lock.json disagree about oar. Run: npm install");
    expect(code).toBe(1);
  });

  it("is said plainly when the lock file cannot be read", async () => {
    checkout.write("package-lock.json", "<<<<<<< ours");
    const { output, code } = await checkout.start();
    expect(output).toContain("git checkout package-lock.json");
    expect(code).toBe(1);
  });

  // Root may write anywhere, so there the same is tried as nobody; Node itself has to be within nobody's reach.
  const root = process.getuid?.() === 0;
  const nobody = root ? { uid: 65534, gid: 65534 } : {};
  it("is said plainly in a folder that may not be written", async (context) => {
    if (root && process.execPath.startsWith("/root/")) skipTest(context, { reason: "Node lies in /root, which no other user may enter" });
    chmodSync(dirname(checkout.dir), 0o755);
    chmodSync(checkout.dir, 0o555);
    const { output, code } = await checkout.start({ HOME: "/tmp" }, nobody);
    chmodSync(checkout.dir, 0o755);
    expect(output).toMatch(/No permission to write .* \(EACCES\)\./);
    expect(output).toContain("Copy the checkout to your home directory");
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  });

  it("works in a folder that may not be written when nothing has to be installed", async () => {
    expect(await checkout.start()).toMatchObject({ code: 0 });
    chmodSync(dirname(checkout.dir), 0o755);
    chmodSync(checkout.dir, 0o555);
    const again = await checkout.start({}, root && !process.execPath.startsWith("/root/") ? nobody : {});
    chmodSync(checkout.dir, 0o755);
    expect(again).toMatchObject({ code: 0 });
  });

  it("is said plainly without npm on the PATH", async () => {
    const { output, code } = await checkout.start({ PATH: checkout.path("nothing") });
    expect(output).toContain("npm is not on the PATH. It is part of Node");
    expect(code).toBe(1);
  });

  it("is said plainly for a verb that is not there", async () => {
    const { output, code } = await checkout.command(process.execPath, ["setup/run.mjs", "sail"]);
    expect(output).toContain('Unknown command "sail". Run npm start, npm stop, npm test');
    expect(code).toBe(1);
  });
});
