import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pulumiCli } from "./pulumi.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "slipway-home-"));
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function program(folder: string, mode: number): string {
  mkdirSync(join(home, folder), { recursive: true });
  const path = join(home, folder, "pulumi");
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, mode);
  return path;
}

describe("Pulumi's CLI", () => {
  it("is taken from the PATH before its installer's folder", () => {
    const installed = program(".pulumi/bin", 0o755);
    expect(pulumiCli({ HOME: home, PATH: "" })).toEqual({ path: installed });
    const onPath = program("bin", 0o755);
    expect(pulumiCli({ HOME: home, PATH: `/nowhere:${join(home, "bin")}` })).toEqual({ path: onPath });
  });

  it("is not a file that cannot be run, nor one in the working directory of an empty PATH entry", () => {
    program(".pulumi/bin", 0o644);
    expect(pulumiCli({ HOME: home, PATH: ":" })).toBeUndefined();
  });
});
