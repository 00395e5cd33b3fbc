import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NEEDS_PROC, skipTest } from "../../tests/skip.ts";
import { endUnfinishedLaunches, findRunningProcess, launchProcess, readLogTail, stopProcess } from "./process.ts";
import { currentUser } from "./user.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway process "));
});
afterEach(async () => {
  await stopProcess(folder, "SIGTERM");
  rmSync(folder, { recursive: true });
});

/** Runs until it is stopped. */
const sleepFor = (seconds: number) => ({ argv: ["/bin/sleep", String(seconds)], env: {}, user: currentUser });

describe("a detached process", () => {
  it("is found by its folder, with its port, until it is stopped", async () => {
    const { pid } = launchProcess(folder, sleepFor(1001), 25999);
    await expect.poll(() => findRunningProcess(folder)).toEqual({ pid, port: 25999 });
    expect(await stopProcess(folder, "SIGTERM")).toBe(true);
    expect(findRunningProcess(folder)).toBeUndefined();
    expect(await stopProcess(folder, "SIGTERM")).toBe(false);
  });

  it("does not start after all when the slipway that launched it was killed and another one starts it", async (context) => {
    if (NEEDS_PROC) skipTest(context, NEEDS_PROC);
    // A pipe that nothing reads keeps the shell where a kill of slipway can leave it: before it has become the server.
    spawnSync("mkfifo", [join(folder, "pid")]);
    const shell = spawn("/bin/sh", ["-c", 'echo $$ > "$0" && exec "$@"', join(folder, "pid"), "/bin/sleep", "1005"], { stdio: "ignore" });
    await expect.poll(() => readFileSync(`/proc/${shell.pid}/cmdline`, "utf8")).toContain(folder);
    const exited = once(shell, "exit");
    endUnfinishedLaunches(folder);
    expect(await exited).toEqual([null, "SIGKILL"]);
    rmSync(join(folder, "pid"));
  });

  it("is not confused with another process that has its pid", async () => {
    launchProcess(folder, sleepFor(1002), 25999);
    await expect.poll(() => findRunningProcess(folder)).toBeDefined();
    await stopProcess(folder, "SIGTERM");
    const other = spawn("/bin/sleep", ["1003"], { stdio: "ignore" });
    try {
      writeFileSync(join(folder, "pid"), `${other.pid}\n`);
      expect(findRunningProcess(folder)).toBeUndefined();
      expect(await stopProcess(folder, "SIGTERM")).toBe(false);
      await sleep(50);
      expect(other.exitCode ?? other.signalCode).toBeNull();
    } finally {
      other.kill();
    }
  });

  it("is killed if it ignores the signal", async () => {
    const stubborn = {
      argv: ["/bin/sh", "-c", "trap '' TERM QUIT; echo started; while :; do sleep 0.1; done"],
      env: {},
      user: currentUser,
    };
    launchProcess(folder, stubborn, 25999);
    await expect.poll(() => readLogTail(folder)).toContain("started");
    expect(await stopProcess(folder, "SIGTERM", 100)).toBe(true);
    expect(findRunningProcess(folder)).toBeUndefined();
  });

  it("writes its output to a log, also if its program cannot be started", async () => {
    const { exited } = launchProcess(folder, { argv: ["/no/such program"], env: {}, user: currentUser }, 25999);
    await expect.poll(exited).toBe(true);
    expect(readLogTail(folder)).toContain("/no/such program");
    expect(existsSync(join(folder, "pid"))).toBe(true);
    expect(findRunningProcess(folder)).toBeUndefined();
  });

  it("does not inherit the Postgres settings of its parent", async () => {
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
