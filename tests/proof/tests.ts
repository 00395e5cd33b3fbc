/** What a run of vitest says about the requirements: each test whose title ends in ids, `[C57]`, `[F4, C12]` or `[F4] [C12]`, and how it went. */
import { relative } from "node:path";

export interface Test {
  readonly ids: readonly string[];
  /** Without the ids. */
  readonly title: string;
  /** From the project's root. */
  readonly file: string;
  readonly status: "passed" | "failed" | "skipped";
  /** How many groups it lies in: a test that a second file runs again within a group of its own lies deeper there. */
  readonly depth: number;
}

/** The part of vitest's JSON report that is read here. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly title: string; readonly ancestorTitles: readonly string[]; readonly status: string }[];
  }[];
}

/** One bracket with ids, or several. */
const IDS = /(?:\s*\[[FDC]\d+(?:,\s*[FDC]\d+)*\])+$/;

/**
 * Sorted by how few ids a test carries, then by depth and place: the first one for an id says the most about it, and is the same on every machine
 * and in any order of the run.
 */
export function testsOf(report: Report, root: string): Test[] {
  return report.testResults
    .flatMap((file) => file.assertionResults.map((test) => read(test, relative(root, file.name).replaceAll("\\", "/"))))
    .filter((test) => test.ids.length > 0)
    .sort((a, b) => a.ids.length - b.ids.length || a.depth - b.depth || compare(a.file, b.file) || compare(a.title, b.title));
}

function read(test: { title: string; ancestorTitles: readonly string[]; status: string }, file: string): Test {
  const status = test.status === "passed" || test.status === "failed" ? test.status : "skipped";
  return {
    ids: IDS.exec(test.title)?.[0].match(/[FDC]\d+/g) ?? [],
    title: test.title.replace(IDS, ""),
    file,
    status,
    depth: test.ancestorTitles.length,
  };
}

/** Groups of tests with ids in their titles. An id belongs to the test that proves it; on a group it has no effect. */
export function misplacedIds(report: Report): string[] {
  const groups = report.testResults.flatMap((file) => file.assertionResults.flatMap((test) => test.ancestorTitles));
  return [...new Set(groups.filter((title) => IDS.test(title)))];
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
