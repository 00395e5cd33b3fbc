/** Audits the cases of the corpus in a process of its own, started with the files that stdout and stderr are: node run.ts <step> <result file>. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { auditProgram } from "../../audit.ts";
import { repositoryFaults } from "../../files/repository.ts";
import { corpusCases } from "./cases.ts";
import { HARMLESS, harmlessProgram } from "./harmless.ts";
import { LITERALS } from "./literals.ts";

const ROOT = path.join(import.meta.dirname, "../../..");
const QUIET = { production: false, today: "2026-11-21", maxAgeDays: 365 };
const [, , step = "1", results = "", only = ""] = process.argv;
const directory = mkdtempSync(path.join(tmpdir(), "slipway-corpus-"));
const names = path.join(tmpdir(), "slipway-corpus");
mkdirSync(names, { recursive: true });
symlinkSync(path.join(ROOT, "node_modules"), path.join(directory, "node_modules"));
writeFileSync(path.join(directory, "package.json"), JSON.stringify({ type: "module" }));
process.chdir(directory);
const server = createServer((_, reply) => void reply.end("ok")).listen(0, "127.0.0.1");
await new Promise((listening) => server.once("listening", listening));
process.env.CORPUS_PORT = String((server.address() as AddressInfo).port);

const config = {
  project: "shop",
  stack: "test",
  config: { "shop:stripe": "typed-by-an-operator", "shop:region": "nyc1" },
  secretKeys: ["shop:stripe"],
  placeholders: [],
};

async function audited(number: string, program: string) {
  const file = path.join(directory, `case-${number}.ts`);
  writeFileSync(file, program);
  const load = async () => ((await import(pathToFileURL(file).href)) as { default(): unknown }).default();
  const { findings, failure, notes } = await auditProgram({ program: load, directory, entry: file, config }, QUIET);
  return {
    findings: findings.map(({ rule, severity, message, source }) => ({ rule, severity, message, file: source?.file, line: source?.line })),
    failure,
    notes,
    file: path.basename(file),
  };
}

function filesFindings(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(path.join(directory, "files-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return repositoryFaults(folder).map(({ rule, message, source }) => ({ rule, message, file: source?.file, line: source?.line }));
}

const leaks = [];
for (const [number, one] of corpusCases(Number(step)).entries())
  if (one.name.includes(only)) leaks.push({ ...one, ...(await audited(String(number), one.program)) });
const harmless = [];
for (const [number, one] of HARMLESS.entries()) {
  if (!one.name.includes(only)) continue;
  const result = await audited(`harmless-${number}`, harmlessProgram(one));
  harmless.push({ name: one.name, ...result, findings: [...result.findings, ...filesFindings(one.files ?? {})] });
}
const literals = LITERALS.filter(({ name }) => name.includes(only)).map(({ name, file, text, line, rule }) => ({
  ...{ name, file, line, rules: [rule] },
  findings: filesFindings({ [file]: text }),
}));
writeFileSync(results, JSON.stringify({ leaks, literals, harmless }));
process.chdir(ROOT);
for (const folder of [directory, names]) rmSync(folder, { recursive: true, force: true });
process.exit(0);
