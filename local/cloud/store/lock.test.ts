import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDirectory } from "./lock.ts";

const MODULE = fileURLToPath(new URL("lock.ts", import.meta.url));

/** Adds 1 to a number in a file, a hundred times, each time under the lock. */
const COUNTER = `
  import { readFileSync, writeFileSync } from "node:fs";
  import { setTimeout as sleep } from "node:timers/promises";
  const { lockDirectory } = await import(process.argv[1]);
  const folder = process.argv[2];
  for (let done = 0; done < 100; ) {
    let unlock;
    try {
      unlock = lockDirectory(folder);
    } catch (error) {
      if (error.code !== "EBUSY") throw error;
      await sleep(1);
      continue;
    }
    const count = Number(readFileSync(folder + "/count", "utf8"));
    await sleep(0);
    writeFileSync(folder + "/count", String(count + 1));
    unlock();
    done++;
  }`;

describe("the lock of a directory", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway lock "));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const lock = () => join(folder, "lock");

  it("is held by one process at a time, also where several take and release it without a pause", async () => {
    writeFileSync(join(folder, "count"), "0");
    const codes = Array.from({ length: 4 }, () => {
      const child = spawn(
        process.execPath,
        ["--input-type=module", "--disable-warning=ExperimentalWarning", "-e", COUNTER, MODULE, folder],
        {
          stdio: ["ignore", "ignore", "inherit"],
        },
      );
      return new Promise((resolve) => child.once("close", resolve));
    });
    expect(await Promise.all(codes)).toEqual([0, 0, 0, 0]);
    expect(readFileSync(join(folder, "count"), "utf8")).toBe("400");
  });

  it("is taken from a process that has ended, and from one whose id another process has now", () => {
    const own = readFileSync(`/proc/${process.ppid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[19]!;
    for (const owner of ["999999999 1", `${process.ppid} ${Number(own) + 1}`, "", "no process"]) {
      writeFileSync(lock(), owner);
      lockDirectory(folder)();
    }
    writeFileSync(lock(), `${process.ppid} ${own}`);
    expect(() => lockDirectory(folder)).toThrow(`is in use by process ${process.ppid}`);
  });

  it("is not taken twice by one process", () => {
    const unlock = lockDirectory(folder);
    expect(() => lockDirectory(folder)).toThrow("is already open in this process");
    unlock();
    lockDirectory(folder)();
  });
});
