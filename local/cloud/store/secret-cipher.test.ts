import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isEncrypted, openSecretCipher } from "./secret-cipher.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway seal "));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("a sealed value", () => {
  it("looks like DigitalOcean's, is another one each time, and opens after a restart", () => {
    const [one, two] = [openSecretCipher(directory).encrypt("app", "s3cret ✓"), openSecretCipher(directory).encrypt("app", "s3cret ✓")];
    expect(one).toMatch(/^EV\[1:[A-Za-z0-9+/]{32}:[A-Za-z0-9+/]+=*\]$/);
    expect(one).not.toBe(two);
    expect(isEncrypted(one)).toBe(true);
    expect(openSecretCipher(directory).decrypt("app", one)).toBe("s3cret ✓");
    expect(statSync(join(directory, "seal.key")).mode & 0o777).toBe(0o600);
  });

  it("opens for no other app, with no other key, and not after a change of a single character", () => {
    const seal = openSecretCipher(directory);
    const sealed = seal.encrypt("app", "s3cret");
    const [, nonce = "", text = ""] = /^EV\[1:(.*):(.*)\]$/.exec(sealed) ?? [];
    expect(seal.decrypt("another app", sealed)).toBeUndefined();
    expect(seal.decrypt("app", `EV[1:${nonce}:${text.startsWith("A") ? "B" : "A"}${text.slice(1)}]`)).toBeUndefined();
    expect(seal.decrypt("app", "EV[1:AAAA:AAAA]")).toBeUndefined();
    rmSync(join(directory, "seal.key"));
    expect(openSecretCipher(directory).decrypt("app", sealed)).toBeUndefined();
  });

  it("may hold nothing at all", () => {
    const seal = openSecretCipher(directory);
    expect(seal.decrypt("app", seal.encrypt("app", ""))).toBe("");
  });
});
