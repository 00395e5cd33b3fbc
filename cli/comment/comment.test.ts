import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type GitHubServer, startGitHub } from "../../preview/testing/github-server.ts";
import { dangerous } from "../../report/testing/samples.ts";
import { slipway } from "../testing/slipway.ts";

let hub: GitHubServer;
let folder: string;
beforeEach(async () => {
  hub = await startGitHub();
  folder = mkdtempSync(join(tmpdir(), "slipway comment "));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
  await hub[Symbol.asyncDispose]();
});

function comment(...argv: readonly string[]) {
  for (const [key, value] of Object.entries(hub.env("pull_request_target"))) vi.stubEnv(key, value);
  return slipway(["comment", "--cwd", import.meta.dirname, ...argv]);
}

function file(text: string): string {
  const path = join(folder, "review.json");
  writeFileSync(path, text);
  return path;
}

it("posts a review on its pull request, and prints the address", async () => {
  expect(await comment("--from", file(JSON.stringify(dangerous)))).toEqual({
    code: 0,
    stdout: "#7: comment written, https://github.example/acme/slipway/pull/7#issuecomment-1000",
    stderr: "",
  });
});

it("comments where there is no review, and fails where the review cannot be read", async () => {
  expect(await comment("--failed")).toMatchObject({ code: 0, stderr: "" });
  expect(await comment("--from", file("{"))).toMatchObject({ code: 1, stderr: expect.stringContaining("The review is not JSON") });
  expect(hub.comments).toHaveLength(1);
});

it("posts nothing where the pull request is closed", async () => {
  hub.isClosed = true;
  expect(await comment("--failed")).toMatchObject({
    code: 0,
    stderr: "No comment posted: the pull request is closed or has a newer commit.",
  });
});

it("prints what to type where the flags are wrong", async () => {
  expect(await comment()).toMatchObject({ code: 2, stderr: "Give one of --from and --failed: slipway comment --from review.json" });
  expect(await comment("--from", join(folder, "none.json"))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("slipway comment --failed"),
  });
});
