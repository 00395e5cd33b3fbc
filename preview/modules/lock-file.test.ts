import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readLockFile } from "./lock-file.ts";

const PUBLIC = "https://registry.example.org/";
const REGISTRY = "https://packages.example.com/npm/";
const REGISTRIES = [REGISTRY, PUBLIC];
const HASH = `sha512-${"A".repeat(86)}==`;
const GOOD = { version: "1.0.0", resolved: `${PUBLIC}nothing/-/nothing-1.0.0.tgz`, integrity: HASH };

const lockOf = (packages: object, more: object = {}) => JSON.stringify({ name: "x", lockfileVersion: 3, packages, ...more });
const withPackage = (one: object, place = "node_modules/nothing") => lockOf({ "": { dependencies: { nothing: "^1.0.0" } }, [place]: one });

describe("a lock file of an untrusted commit", () => {
  it.each([
    ["of this project", readFileSync(path.join(import.meta.dirname, "../../package-lock.json"), "utf8")],
    ["with the public registry", withPackage(GOOD)],
    ["with the user's registry", withPackage({ ...GOOD, resolved: `${REGISTRY}nothing/-/nothing-1.0.0.tgz` })],
    ["without addresses, which npm then finds in the registry", withPackage({ version: "1.0.0", integrity: HASH })],
    ["with a package in the archive of another", withPackage({ version: "1.0.0", inBundle: true }, "node_modules/a/node_modules/@b/c")],
    ["with another name for a package", lockOf({ "": { dependencies: { other: "npm:@scope/nothing@^1.0.0 || >=2 <3" } } })],
    ["without packages", lockOf({ "": {} })],
  ])("is accepted %s", (_, text) => {
    expect(readLockFile(text, REGISTRIES).packages).toEqual(JSON.parse(text).packages);
  });

  it.each([
    ["a link", withPackage({ resolved: "../../elsewhere", link: true }), "is a link"],
    ["a link that also has a hash", withPackage({ ...GOOD, link: true }), "is a link"],
    ["a repository", withPackage({ ...GOOD, resolved: "git+ssh://git@github.com/a/b.git#1234" }), "does not come from the registry"],
    ["a folder", withPackage({ ...GOOD, resolved: "file:../elsewhere" }), "does not come from the registry"],
    ["another host", withPackage({ ...GOOD, resolved: "https://evil.example/nothing-1.0.0.tgz" }), "does not come from the registry"],
    ["a host whose name begins alike", withPackage({ ...GOOD, resolved: "https://registry.example.org.evil.example/x.tgz" }), "registry"],
    ["a user in the address", withPackage({ ...GOOD, resolved: "https://evil@registry.example.org/x.tgz" }), "registry"],
    ["http instead of https", withPackage({ ...GOOD, resolved: "http://registry.example.org/x.tgz" }), "registry"],
    ["another path of the user's host", withPackage({ ...GOOD, resolved: "https://packages.example.com/other/x.tgz" }), "registry"],
    ["no hash", withPackage({ version: "1.0.0", resolved: GOOD.resolved }), "has no SHA-512 hash"],
    ["a weak hash", withPackage({ ...GOOD, integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }), "has no SHA-512 hash"],
    ["a second, weak hash", withPackage({ ...GOOD, integrity: `${HASH} sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=` }), "has no SHA-512 hash"],
    ["a bundled package with an address", withPackage({ version: "1.0.0", resolved: GOOD.resolved, inBundle: true }), "SHA-512"],
    ["a place above the project", withPackage(GOOD, "node_modules/../../x"), "is not in node_modules"],
    ["an absolute place", withPackage(GOOD, "/etc/x"), "is not in node_modules"],
    ["a workspace", withPackage({ version: "1.0.0" }, "packages/x"), "is not in node_modules"],
    ["a name that climbs", withPackage(GOOD, "node_modules/.."), "is not in node_modules"],
    ["a folder of npm", withPackage(GOOD, "node_modules/.bin"), "is not in node_modules"],
    ["a dependency from a repository", lockOf({ "": { dependencies: { a: "github:evil/a" } } }), "depends on"],
    ["a dependency from an address", lockOf({ "": { devDependencies: { a: "https://evil.example/a.tgz" } } }), "depends on"],
    ["a dependency from a folder", lockOf({ "": { optionalDependencies: { a: "../a" } } }), "depends on"],
    ["a dependency of a dependency from a repository", withPackage({ ...GOOD, dependencies: { a: "evil/a" } }), "depends on"],
    ["a link as a dependency", lockOf({ "": { peerDependencies: { a: "link:../a" } } }), "depends on"],
    ["an old version", JSON.stringify({ lockfileVersion: 1, packages: {} }), "its version is 1"],
    ["no packages at all", JSON.stringify({ lockfileVersion: 3 }), "it is not a lock file of npm"],
    ["text that is not JSON", "{", "it is not a lock file of npm"],
    ["too much", `"${"x".repeat(2 ** 25)}"`, "it has more than 32 MiB"],
  ])("is refused with %s", (_, text, reason) => {
    expect(() => readLockFile(text, REGISTRIES)).toThrow(reason);
  });
});
