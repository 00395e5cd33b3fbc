/** The rooms whose code a mutation run changes, and the tests that have to notice. */
import { execFileSync } from "node:child_process";
import { isTest } from "../conventions/imports.ts";
import { ROOT } from "./job.ts";

export const ROOMS = ["catalog", "systems", "settings", "components", "postdeploy/roles", "sql/fluxstudio", "sql/devx", "sql/candlefish"];

/**
 * Where a room's code is verified: its own tests, those that look at what a deployment would send, and those of the commands that read a value of the
 * catalog. Every survivor has to pass all of them.
 */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  catalog: [
    ...["catalog", "tests/catalog", "settings", "policy", "tests/plans"],
    ...["cli/backup/policy.test.ts", "operate/fork/time.test.ts"],
  ],
  systems: ["systems", "tests/plans", "tests/requirements", "cli/runbook/runbook.test.ts"],
  settings: ["settings", "tests/plans", "tests/requirements/fluxstudio.test.ts"],
  components: ["components", "tests/plans"],
  "postdeploy/roles": ["postdeploy/roles"],
};

/** They run the code in other processes, or read it as text, so no mutant is loaded. */
const BLIND_TESTS = ["components/adoption.test.ts", "tests/catalog/unread-fields.test.ts"];

/** Their tests run them in a process of its own, which loads no mutant. */
const UNREACHED = ["components/engine-loss.ts"];

/** More tests of a product's schema than the file that is named for it. */
const MORE_SCHEMA_TESTS: Readonly<Record<string, readonly string[]>> = { candlefish: ["tests/sql/tenants.test.ts"] };

/** The source files of a room, without tests and their helpers. */
export function listFiles(room: string): string[] {
  return listTypeScript(room).filter((file) => !isTest(file) && !UNREACHED.includes(file));
}

/** The room of a command's argument: the name of a room, or of a file in one. */
export function roomOf(argument: string): string | undefined {
  return ROOMS.find((room) => argument === room || (argument.startsWith(`${room}/`) && listFiles(room).includes(argument)));
}

/** The files of a room share a run without a mutant. @returns for each room its files among the arguments; none: all of them */
export function groupByRoom(targets: readonly string[]): Map<string, readonly string[]> {
  const rooms = new Map<string, readonly string[]>();
  for (const room of new Set(targets.map((target) => roomOf(target)!)))
    rooms.set(room, targets.includes(room) ? [] : targets.filter((target) => roomOf(target) === room));
  return rooms;
}

/** A product's schema is a room as well. */
export function systemOf(room: string): string | undefined {
  return room.startsWith("sql/") ? room.slice("sql/".length) : undefined;
}

export function testsOf(room: string): string[] {
  const system = systemOf(room);
  if (system !== undefined) return [...(MORE_SCHEMA_TESTS[system] ?? []), `tests/sql/${system}.test.ts`, "tests/sql/every-system.test.ts"];
  return (TESTS[room] ?? []).flatMap(listTypeScript).filter((file) => file.endsWith(".test.ts") && !BLIND_TESTS.includes(file));
}

/** @param path a folder or a file */
function listTypeScript(path: string): string[] {
  return execFileSync("git", ["ls-files", path.endsWith(".ts") ? path : `${path}/*.ts`], { cwd: ROOT, encoding: "utf8" })
    .split("\n")
    .filter((file) => file !== "");
}
