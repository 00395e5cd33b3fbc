import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isEncrypted, openSecretCipher } from "./secret-cipher.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway cipher "));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("an encrypted value", () => {
  it("has DigitalOcean's format, is different each time, and decrypts after a restart", () => {
    const [one, two] = [openSecretCipher(directory).encrypt("app", "s3cret ✓"), openSecretCipher(directory).encrypt("app", "s3cret ✓")];
    expect(one).toMatch(/^EV\[1:[A-Za-z0-9+/]{32}:[A-Za-z0-9+/]+=*\]$/);
    expect(one).not.toBe(two);
    expect(isEncrypted(one)).toBe(true);
    expect(openSecretCipher(directory).decrypt("app", one)).toBe("s3cret ✓");
    expect(statSync(join(directory, "seal.key")).mode & 0o777).toBe(0o600);
  });

  it("does not decrypt for another app, with another key, or after a change of one character", () => {
    const cipher = openSecretCipher(directory);
    const encrypted = cipher.encrypt("app", "s3cret");
    const [, nonce = "", text = ""] = /^EV\[1:(.*):(.*)\]$/.exec(encrypted) ?? [];
    expect(cipher.decrypt("another app", encrypted)).toBeUndefined();
    expect(cipher.decrypt("app", `EV[1:${nonce}:${text.startsWith("A") ? "B" : "A"}${text.slice(1)}]`)).toBeUndefined();
    expect(cipher.decrypt("app", "EV[1:AAAA:AAAA]")).toBeUndefined();
    rmSync(join(directory, "seal.key"));
    expect(openSecretCipher(directory).decrypt("app", encrypted)).toBeUndefined();
  });

  it("may be the empty string", () => {
    const cipher = openSecretCipher(directory);
    expect(cipher.decrypt("app", cipher.encrypt("app", ""))).toBe("");
  });
});
