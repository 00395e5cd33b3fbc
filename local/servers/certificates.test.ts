import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { skipTest } from "../../tests/skip.ts";
import { openAuthority } from "./certificates.ts";

const DAY = 24 * 60 * 60 * 1000;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway certificates "));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const authority = () => openAuthority(join(folder, "authority"));
const issue = (names: string[] = []) => authority().issue(join(folder, "server"), { names });
const serial = () => new X509Certificate(readFileSync(join(folder, "server", "server.crt"))).serialNumber;

describe("the local certificate authority", () => {
  it("signs for localhost, 127.0.0.1 and the requested names only", () => {
    const certificate = new X509Certificate(readFileSync(issue(["private-db.internal", "127.0.0.9"]).certificate));
    expect(certificate.verify(new X509Certificate(authority().pem).publicKey)).toBe(true);
    expect(["localhost", "private-db.internal", "example.com"].map((name) => certificate.checkHost(name) !== undefined)).toEqual([
      true,
      true,
      false,
    ]);
    expect(["127.0.0.1", "127.0.0.9", "127.0.0.2"].map((ip) => certificate.checkIP(ip) !== undefined)).toEqual([true, true, false]);
  });

  it("keeps its certificates across restarts", () => {
    issue();
    const before = serial();
    issue();
    expect(serial()).toBe(before);
  });

  it("renews a certificate before it expires", () => {
    issue();
    const before = serial();
    vi.useFakeTimers({ now: Date.now() + 370 * DAY, toFake: ["Date"] });
    issue();
    expect(serial()).not.toBe(before);
  });

  it("replaces a certificate that lacks a name, whose key is damaged, or that another authority signed", () => {
    issue();
    const first = serial();
    issue(["private-db.internal"]);
    const second = serial();
    expect(second).not.toBe(first);
    writeFileSync(join(folder, "server", "server.key"), "-----BEGIN PRIVATE KEY-----\n");
    issue(["private-db.internal"]);
    const third = serial();
    expect(third).not.toBe(second);
    rmSync(join(folder, "authority"), { recursive: true });
    const { certificate } = issue(["private-db.internal"]);
    expect(new X509Certificate(readFileSync(certificate)).verify(new X509Certificate(authority().pem).publicKey)).toBe(true);
  });

  it("writes keys that only their owner can read", () => {
    for (const path of [issue().key, join(folder, "authority", "ca.key")]) expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("passes OpenSSL's strict check, which newer Python clients require", (context) => {
    const files = issue(["private-db.internal"]);
    const verified = spawnSync(
      "openssl",
      ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", files.authority, files.certificate],
      { encoding: "utf8" },
    );
    if (verified.error) skipTest(context, { reason: "openssl is not installed", enable: "apt-get install openssl" });
    expect(verified.stdout + verified.stderr).toContain("server.crt: OK");
  });

  it("is valid for dates from 2050 on, which have another format", (context) => {
    vi.useFakeTimers({ now: Date.parse("2049-06-01T00:00:00Z"), toFake: ["Date"] });
    const { certificate, authority: file } = issue();
    expect(new X509Certificate(readFileSync(file)).validTo).toContain("2059");
    const at = String(Date.parse("2050-02-01T00:00:00Z") / 1000);
    const verified = spawnSync("openssl", ["verify", "-x509_strict", "-attime", at, "-CAfile", file, certificate], { encoding: "utf8" });
    if (verified.error) skipTest(context, { reason: "openssl is not installed", enable: "apt-get install openssl" });
    expect(verified.stdout + verified.stderr).toContain("server.crt: OK");
  });
});
