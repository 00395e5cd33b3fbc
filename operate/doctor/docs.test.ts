import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/doctor.md"), "utf8");

const read = (file: string) => readFileSync(join(root, file), "utf8");
const files = globSync("{operate,cli}/doctor/**/*.ts", { cwd: root });
const isTest = (file: string) => /\.test\.ts$|testing/.test(file);
const ids = files
  .filter((file) => !isTest(file))
  .flatMap((file) => [...read(file).matchAll(/\bid: (?:\w+ \? )?"([a-z-]+)"(?: : "([a-z-]+)")?|"(backup-[a-z-]+)"/g)])
  .flatMap(([, one, other, backup]) => [one, other, backup].filter((id) => id !== undefined));

it("docs/doctor.md lists the id of every finding", () => {
  expect(ids.length).toBeGreaterThan(60);
  expect([...new Set(ids)].filter((id) => !page.includes(`\`${id}\``))).toEqual([]);
});

it("a test plants a fault for every finding", () => {
  const tests = files.filter(isTest).map(read).join("\n");
  expect([...new Set(ids)].filter((id) => !tests.includes(`"${id}"`))).toEqual([]);
});
