import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { launcher } from "./testing/slipway.ts";

it("exits with 0 when the reader of its output is gone", async () => {
  const child = spawn(process.execPath, [launcher, "local", "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  child.stderr.destroy();
  expect(await once(child, "exit")).toEqual([0, null]);
});
