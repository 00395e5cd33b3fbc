/** docs/requirements.md: one table row a requirement, the words ours and kept, the last cell what a run of the tests has proved. */
import type { Test } from "./tests.ts";

export const PAGE = "docs/requirements.md";

const ROW = /^\| ([FDC]\d+) \| (.+) \| (.+) \|$/;
const OPEN = "open";
/** "open", or "open: backups" with the subject of the roadmap that the row waits for. */
const isOpen = (proof: string): boolean => /^open(: .+)?$/.test(proof);

interface Row {
  readonly line: number;
  readonly id: string;
  readonly words: string;
  readonly proof: string;
}

function rowsOf(page: string): Row[] {
  return page.split("\n").flatMap((text, index) => {
    const [, id, words, proof] = ROW.exec(text) ?? [];
    return id && words && proof ? [{ line: index + 1, id, words, proof }] : [];
  });
}

/** The page with every proof as this run found it. A test that is skipped here leaves standing what an earlier run wrote. */
export function rebuilt(page: string, tests: readonly Test[]): string {
  const lines = page.split("\n");
  for (const { line, id, words, proof } of rowsOf(page))
    lines[line - 1] = `| ${id} | ${words} | ${proofOf(id, tests) ?? kept(proof, id, tests)} |`;
  return lines.join("\n");
}

const kept = (proof: string, id: string, tests: readonly Test[]) =>
  isOpen(proof) || claimed(proof, id, tests)?.status === "skipped" ? proof : OPEN;

function proofOf(id: string, tests: readonly Test[]): string | undefined {
  const test = tests.find((test) => test.ids.includes(id) && test.status === "passed");
  return test === undefined ? undefined : cell(test);
}

const cell = ({ title, file }: Test) => `[${title.replace(/[[\]|\\]/g, "\\$&")}](../${file})`;

const claimed = (proof: string, id: string, tests: readonly Test[]) => tests.find((test) => test.ids.includes(id) && cell(test) === proof);

/** Every line of the page, and every title, that says more than this run has shown. */
export function findings(page: string, tests: readonly Test[]): string[] {
  const rows = rowsOf(page);
  const known = new Set(rows.map((row) => row.id));
  const twice = rows.filter((row, index) => rows.findIndex(({ id }) => id === row.id) !== index);
  const unknown = tests.flatMap((test) => test.ids.filter((id) => !known.has(id)).map((id) => ({ ...test, id })));
  return [
    ...twice.map(({ line, id }) => `${PAGE}:${line} lists ${id} a second time.`),
    ...rows.filter(({ proof }) => !isOpen(proof)).flatMap((row) => unproved(row, tests) ?? []),
    ...unknown.map(({ id, file, title }) => `${file} "${title}" names ${id}, which ${PAGE} does not list.`),
  ];
}

function unproved({ line, id, proof }: Row, tests: readonly Test[]): string | undefined {
  const test = claimed(proof, id, tests);
  if (test === undefined) return `${PAGE}:${line} claims ${id} by a test that this run does not know: ${proof}`;
  if (test.status === "failed") return `${PAGE}:${line} claims ${id} by a test that failed: ${proof}`;
  return undefined;
}

export function summary(page: string, tests: readonly Test[]): string {
  const rows = rowsOf(page);
  const claims = rows.filter(({ proof }) => !isOpen(proof));
  const skipped = claims.filter(({ proof, id }) => claimed(proof, id, tests)?.status === "skipped").map(({ id }) => id);
  const more = rows.filter(({ proof, id }) => isOpen(proof) && proofOf(id, tests) !== undefined).length;
  return [
    `${claims.length} of ${rows.length} requirements are claimed as proved, ${rows.length - claims.length} are open.`,
    ...(skipped.length > 0 ? [`Not checked, because their tests were skipped on this machine: ${skipped.join(", ")}.`] : []),
    ...(more > 0 ? [`Open, but proved by this run: ${more}; to write that down: npm run proof`] : []),
  ].join(" ");
}
