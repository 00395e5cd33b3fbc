import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type GitHubServer, startGitHub } from "../preview/testing/github-server.ts";
import { dangerous } from "../report/testing/samples.ts";
import { main } from "./main.ts";
import { plainStyle } from "./terminal.ts";

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

async function slipway(...argv: readonly string[]) {
  for (const [key, value] of Object.entries(hub.env("workflow_run"))) vi.stubEnv(key, value);
  const [printed, said]: string[][] = [[], []];
  const io = { print: (text: string) => printed?.push(text), say: (text: string) => said?.push(text), columns: 100, style: plainStyle };
  const code = await main(["comment", "--cwd", import.meta.dirname, ...argv], io);
  return { code, printed: printed?.join("\n"), said: said?.join("\n") };
}

function file(text: string): string {
  const path = join(folder, "review.json");
  writeFileSync(path, text);
  return path;
}

it("puts a review under its pull request, and says where", async () => {
  expect(await slipway("--from", file(JSON.stringify(dangerous)))).toEqual({
    code: 0,
    printed: "#7: comment written, https://github.example/acme/slipway/pull/7#issuecomment-1000",
    said: "",
  });
});

it("tells the pull request where there is no review, and fails where there is one that cannot be read", async () => {
  expect(await slipway("--failed")).toMatchObject({ code: 0, said: "" });
  expect(await slipway("--from", file("{"))).toMatchObject({ code: 1, said: expect.stringContaining("The review is not JSON") });
  expect(hub.comments).toHaveLength(1);
});

it("says so where nobody is there to be told", async () => {
  hub.forks = [];
  expect(await slipway("--failed")).toMatchObject({
    code: 0,
    said: "The pull request is closed or has a newer commit: nothing is posted.",
  });
});

it("says what to type where it is not understood", async () => {
  expect(await slipway()).toMatchObject({ code: 2, said: "Give one of --from and --failed: slipway comment --from review.json" });
  expect(await slipway("--from", join(folder, "none.json"))).toMatchObject({
    code: 2,
    said: expect.stringContaining("slipway comment --failed"),
  });
});
