/** The rooms whose code a mutation run changes, and the tests that have to notice. */
import { execFileSync } from "node:child_process";
import { isTest } from "../conventions/imports.ts";
import { ROOT } from "./job.ts";

export const ROOMS = ["catalog", "systems", "settings", "components", "postdeploy/roles", "sql/fluxstudio", "sql/devx", "sql/candlefish"];

/** Rooms whose tests run the code of all of these: a rule of the catalog may be verified where it is applied. */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  "postdeploy/roles": ["postdeploy/roles"],
};
const SHARED_TESTS = [
  "catalog",
  "systems",
  "settings",
  "components",
  "policy",
  "tests/catalog",
  "tests/requirements",
  "tests/platform.test.ts",
  "tests/protection.test.ts",
];

/** They run the code in other processes, or read it as text, so they cannot notice a mutant, and every survivor would wait for them. */
const BLIND_TESTS = ["components/adoption.test.ts", "tests/catalog/unread-fields.test.ts"];

/** More tests of a product's schema than the file that is named for it. */
const MORE_SCHEMA_TESTS: Readonly<Record<string, readonly string[]>> = { candlefish: ["tests/sql/tenants.test.ts"] };

/** The source files of a room, without tests and their helpers. */
export function listFiles(room: string): string[] {
  return listTypeScript(room).filter((file) => !isTest(file));
}

/** The room of a command's argument: the name of a room, or of a file in one. */
export function roomOf(argument: string): string | undefined {
  return ROOMS.find((room) => argument === room || (argument.startsWith(`${room}/`) && listFiles(room).includes(argument)));
}

/** A product's schema is a room as well. */
export function systemOf(room: string): string | undefined {
  return room.startsWith("sql/") ? room.slice("sql/".length) : undefined;
}

export function testsOf(room: string): string[] {
  const system = systemOf(room);
  if (system !== undefined) return [...(MORE_SCHEMA_TESTS[system] ?? []), `tests/sql/${system}.test.ts`, "tests/sql/every-system.test.ts"];
  return (TESTS[room] ?? SHARED_TESTS)
    .flatMap(listTypeScript)
    .filter((file) => file.endsWith(".test.ts") && !BLIND_TESTS.includes(file));
}

/** @param path a folder or a file */
function listTypeScript(path: string): string[] {
  return execFileSync("git", ["ls-files", path.endsWith(".ts") ? path : `${path}/*.ts`], { cwd: ROOT, encoding: "utf8" })
    .split("\n")
    .filter((file) => file !== "");
}
