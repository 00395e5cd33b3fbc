import { lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type CredentialSetting, readCredential, writeCredential, writeKeysRotated } from "./stack-file.ts";

const TEXT = `# Of the shop.
encryptionsalt: v1:abc
config:
  # The token.
  digitalocean:token:
    secure: v1:${"x".repeat(200)}
  slipway:shop:
    features: [cache] # One line.
    credentials:
      backup: { active: b, since: "2026-01-31" }
  slipway:rotated: "2026-11-01"
`;

describe("the day of the last rotation of keys in the stack's file", () => {
  it("is written in quotes, and replaced by a later one, without a change of anything else", () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway stack file "));
    const file = { path: join(folder, "Pulumi.prod.yaml"), name: "Pulumi.prod.yaml" };
    writeFileSync(file.path, TEXT);
    for (const day of ["2026-12-02", "2026-12-03"]) writeKeysRotated(file, day);
    expect(readFileSync(file.path, "utf8").trimEnd()).toBe(
      `${TEXT.trimEnd().replace("[cache]", "[ cache ]")}\n  slipway:keysRotated: "2026-12-03"`,
    );
    rmSync(folder, { recursive: true });
  });
});

describe("the setting of a role in the stack's file", () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway stack file "));
  const path = join(folder, "Pulumi.prod.yaml");
  const setting: CredentialSetting = { path, name: "Pulumi.prod.yaml", key: "slipway:shop", role: "runtime" };
  const text = () => readFileSync(path, "utf8");
  beforeEach(() => writeFileSync(path, TEXT));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is written without a change of anything else: comments, order, long lines and encrypted values stay", () => {
    writeCredential(setting, undefined, { active: "b", since: "2026-12-02", retiring: "a" });
    expect(text()).toContain('      runtime:\n        active: b\n        since: "2026-12-02"\n        retiring: a\n');
    const kept = TEXT.split("\n").map((line) => line.replaceAll(" ", ""));
    expect(
      text()
        .split("\n")
        .map((line) => line.replaceAll(" ", "")),
    ).toEqual(expect.arrayContaining(kept));
    expect(readCredential(setting)).toEqual({ active: "b", since: "2026-12-02", retiring: "a" });
    expect(readCredential({ ...setting, role: "backup" })).toEqual({ active: "b", since: "2026-01-31" });
  });

  it("is created with its parents where the file has none", () => {
    writeFileSync(path, "config:\n  slipway:region: nyc1\n");
    expect(readCredential(setting)).toBeUndefined();
    writeCredential(setting, undefined, { active: "a" });
    expect(text()).toBe("config:\n  slipway:region: nyc1\n  slipway:shop:\n    credentials:\n      runtime:\n        active: a\n");
    writeCredential(setting, { active: "a" }, { active: "b" });
    expect(readCredential(setting)).toEqual({ active: "b" });
  });

  it("is not written if another run has changed it in the meantime", () => {
    writeCredential(setting, undefined, { active: "b" });
    const before = text();
    expect(() => writeCredential(setting, undefined, { active: "b", since: "2026-12-02" })).toThrow(
      "Pulumi.prod.yaml: slipway:shop.credentials.runtime has changed since this run read it, so another run is rotating the same role.",
    );
    expect(text()).toBe(before);
  });

  it("is written to the file that a link names", () => {
    const link = join(folder, "Pulumi.link.yaml");
    symlinkSync(path, link);
    writeCredential({ ...setting, path: link }, undefined, { active: "b" });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readCredential(setting)).toEqual({ active: "b" });
  });

  it.each([
    ["a value that is no user", "config: { slipway:shop: { credentials: { runtime: { active: c } } } }"],
    ["a text", "config: { slipway:shop: { credentials: { runtime: b } } }"],
    ["another user to retire", "config: { slipway:shop: { credentials: { runtime: { active: a, retiring: 3 } } } }"],
    ["an unfinished file", "config:\n  slipway:shop: {"],
  ])("is refused with %s, and the file stays as it is", (_, given) => {
    writeFileSync(path, given);
    expect(() => writeCredential(setting, undefined, { active: "b" })).toThrow(
      /Pulumi\.prod\.yaml(: slipway:shop\.credentials\.runtime must have| is not valid YAML)/,
    );
    expect(text()).toBe(given);
  });
});
