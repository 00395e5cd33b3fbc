import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findRunningProcess, launchProcess, readLogTail, stopProcess } from "./process.ts";
import { currentUser } from "./user.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway process "));
});
afterEach(async () => {
  await stopProcess(folder, "SIGTERM");
  rmSync(folder, { recursive: true });
});

/** Something that goes on until it is told to end. */
const waiting = (seconds: number) => ({ argv: ["/bin/sleep", String(seconds)], env: {}, user: currentUser });

describe("a process that outlives its parent", () => {
  it("is found by its folder, with its port, and is gone when stopped", async () => {
    const { pid } = launchProcess(folder, waiting(1001), 25999);
    await expect.poll(() => findRunningProcess(folder)).toEqual({ pid, port: 25999 });
    expect(await stopProcess(folder, "SIGTERM")).toBe(true);
    expect(findRunningProcess(folder)).toBeUndefined();
    expect(await stopProcess(folder, "SIGTERM")).toBe(false);
  });

  it("is never mistaken for another process that has its number now", async () => {
    launchProcess(folder, waiting(1002), 25999);
    await expect.poll(() => findRunningProcess(folder)).toBeDefined();
    await stopProcess(folder, "SIGTERM");
    const stranger = spawn("/bin/sleep", ["1003"], { stdio: "ignore" });
    try {
      writeFileSync(join(folder, "pid"), `${stranger.pid}\n`);
      expect(findRunningProcess(folder)).toBeUndefined();
      expect(await stopProcess(folder, "SIGTERM")).toBe(false);
      await sleep(50);
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    } finally {
      stranger.kill();
    }
  });

  it("is ended the hard way when it does not listen", async () => {
    const deaf = { argv: ["/bin/sh", "-c", "trap '' TERM QUIT; echo deaf; while :; do sleep 0.1; done"], env: {}, user: currentUser };
    launchProcess(folder, deaf, 25999);
    await expect.poll(() => readLogTail(folder)).toContain("deaf");
    expect(await stopProcess(folder, "SIGTERM", 100)).toBe(true);
    expect(findRunningProcess(folder)).toBeUndefined();
  });

  it("leaves what it said in a log, also when its program cannot be run", async () => {
    const { exited } = launchProcess(folder, { argv: ["/no/such program"], env: {}, user: currentUser }, 25999);
    await expect.poll(exited).toBe(true);
    expect(readLogTail(folder)).toContain("/no/such program");
    expect(existsSync(join(folder, "pid"))).toBe(true);
    expect(findRunningProcess(folder)).toBeUndefined();
  });

  it("knows nothing of its parent's Postgres settings", async () => {
    process.env.PGPORT = "1";
    try {
      const { exited } = launchProcess(folder, { argv: ["/usr/bin/env"], env: { OURS: "yes" }, user: currentUser }, 25999);
      await expect.poll(exited).toBe(true);
    } finally {
      delete process.env.PGPORT;
    }
    expect(readFileSync(join(folder, "log"), "utf8")).toContain("OURS=yes");
    expect(readFileSync(join(folder, "log"), "utf8")).not.toContain("PGPORT");
  });
});
