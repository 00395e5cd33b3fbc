import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ONLY_ROOT, skipTest } from "../../../tests/skip.ts";
import { openPortClaims } from "./claims.ts";

const PORT = 25_060;
const OTHER_UID = 65_534;

let temporary: string;
let claims: string;
let one: string;
let other: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "slipway claims "));
  [claims, one, other] = ["claims", "one", "other"].map((name) => join(temporary, name)) as [string, string, string];
  for (const folder of [one, other]) mkdirSync(folder);
});
afterEach(() => rmSync(temporary, { recursive: true, force: true }));

const claim = (directory: string) => openPortClaims(directory, claims).claim(PORT);
const endedProcess = () => spawnSync(process.execPath, ["--version"]).pid;
/** A claim that, if it counted, would keep every platform from the port. */
const plant = () => writeFileSync(join(claims, String(PORT)), `${process.pid} ${temporary}`);

describe("a port claim", () => {
  it("keeps another platform from the port until it is released, and leaves no other file", () => {
    expect([claim(one), claim(one), claim(other)]).toEqual([true, true, false]);
    openPortClaims(other, claims).release(PORT);
    expect(claim(other)).toBe(false);
    openPortClaims(one, claims).release(PORT);
    expect(claim(other)).toBe(true);
    expect(readdirSync(claims)).toEqual([String(PORT)]);
  });

  it("is void once its process has ended, its directory is gone, or its file is empty", () => {
    mkdirSync(claims, { mode: 0o700 });
    for (const left of [`${endedProcess()} ${one}`, `${process.pid} ${join(temporary, "gone")}`, "", "nonsense"]) {
      writeFileSync(join(claims, String(PORT)), left);
      expect([left, claim(other)]).toEqual([left, true]);
    }
  });

  it("passes to the next process of the same platform, also where another process has the old pid", () => {
    mkdirSync(claims, { mode: 0o700 });
    writeFileSync(join(claims, String(PORT)), `${process.ppid} ${one}`);
    expect(claim(one)).toBe(true);
    expect(readFileSync(join(claims, String(PORT)), "utf8")).toBe(`${process.pid} ${one}`);
  });
});

describe("where another user could write to the folder of the claims, every claim succeeds and nothing in it changes:", () => {
  const expectNoClaims = () => {
    expect([claim(one), claim(other)]).toEqual([true, true]);
    openPortClaims(one, claims).release(PORT);
  };

  it("the folder is a symbolic link to a folder of this user", () => {
    const victim = join(temporary, "victim");
    mkdirSync(victim, { mode: 0o700 });
    writeFileSync(join(victim, String(PORT)), "a file of the user's");
    symlinkSync(victim, claims);
    expectNoClaims();
    expect(readdirSync(victim)).toEqual([String(PORT)]);
    expect(readFileSync(join(victim, String(PORT)), "utf8")).toBe("a file of the user's");
  });

  it("the folder is a link to nothing, or a file", () => {
    symlinkSync(join(temporary, "nothing"), claims);
    expectNoClaims();
    rmSync(claims);
    writeFileSync(claims, "");
    expectNoClaims();
  });

  it("the folder can be written to by everyone", () => {
    mkdirSync(claims);
    chmodSync(claims, 0o777);
    plant();
    expectNoClaims();
    expect(readdirSync(claims)).toEqual([String(PORT)]);
  });

  it("the folder belongs to another user", (context) => {
    if (process.getuid?.() !== 0) skipTest(context, ONLY_ROOT);
    mkdirSync(claims, { mode: 0o755 });
    plant();
    chownSync(claims, OTHER_UID, OTHER_UID);
    expectNoClaims();
    expect(readdirSync(claims)).toEqual([String(PORT)]);
  });

  it("the folder can be replaced, because everyone can rename what is in the temporary directory", () => {
    mkdirSync(claims, { mode: 0o700 });
    plant();
    expect(claim(one)).toBe(false);
    chmodSync(temporary, 0o777);
    expectNoClaims();
    chmodSync(temporary, 0o1777);
    expect(claim(one)).toBe(false);
    chmodSync(temporary, 0o700);
  });
});

it("every claim succeeds on a full disk", (context) => {
  // Two inodes: the root of the file system and the folder of the claims.
  const program = `
    import { openPortClaims } from ${JSON.stringify(new URL("./claims.ts", import.meta.url).href)};
    const claims = openPortClaims(process.argv[1], process.argv[1] + "/disk/claims");
    console.log(JSON.stringify([claims.claim(${PORT}), claims.claim(${PORT}), claims.release(${PORT}) === undefined]));`;
  mkdirSync(join(temporary, "disk"));
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    [
      ...["--user", "--map-root-user", "--mount", "sh", "-c"],
      'mount -t tmpfs -o nr_inodes=2,mode=700 none "$0/disk" || exit 77; mkdir -m 700 "$0/disk/claims" || exit 77; ! touch "$0/disk/claims/full" 2>&- || exit 77; exec "$@" "$0"',
      ...[temporary, process.execPath, "--input-type=module", "-e", program],
    ],
    { encoding: "utf8" },
  );
  if (status === null || status === 77 || stderr.startsWith("unshare:"))
    skipTest(context, { reason: "this system does not let a test mount a small file system" });
  expect([stderr, stdout]).toEqual(["", "[true,true,true]\n"]);
});
