/** A fresh clone: the sources, and no node_modules. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { copyCheckout } from "./copy.ts";

let temporary: string;
let clone: string;

beforeAll(() => {
  temporary = realpathSync(mkdtempSync(join(tmpdir(), "slipway-missing-")));
  clone = join(temporary, "a clone");
  copyCheckout(clone);
  rmSync(join(clone, "node_modules"));
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

it.each(["plan --stack prod", "preview --base main", "cost --stack prod", "audit --stack prod", "migrate lint --system devx", "local up"])(
  "slipway %s without node_modules says which package is missing and how to install it",
  (words) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["bin/slipway.js", ...words.split(" ")], {
      cwd: clone,
      encoding: "utf8",
    });
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^The package \S+, which \S.* needs, is not installed\. Install the packages of this project: cd /);
    expect(stderr.trimEnd().endsWith(`cd '${clone}' && npm install`)).toBe(true);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(status).toBe(2);
  },
);
