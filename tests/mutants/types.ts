/** Mutants that the type check refuses: `npm test` runs it first, so no test needs to notice them. */
import { join } from "node:path";
import ts from "typescript";
import { ROOT } from "./job.ts";
import type { Mutant } from "./operators.ts";

/** @returns for a mutant, whether its file does not compile with it. One program is kept, so that only this file is checked each time. */
export function typeChecker(): (mutant: Mutant) => boolean {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const changed = new Map<string, { readonly text: string; readonly version: string }>();
  let versions = 0;
  const service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => fileNames,
    getScriptVersion: (file) => changed.get(file)?.version ?? "0",
    getScriptSnapshot: (file) => {
      const text = changed.get(file)?.text ?? ts.sys.readFile(file);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => ROOT,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    ...(ts.sys.realpath === undefined ? {} : { realpath: ts.sys.realpath }),
  });

  return ({ file, start, end, replacement, statement }) => {
    if (statement !== undefined) return false;
    const path = join(ROOT, file);
    const text = ts.sys.readFile(path) ?? "";
    versions += 1;
    changed.set(path, { text: text.slice(0, start) + replacement + text.slice(end), version: String(versions) });
    const isRefused = service.getSyntacticDiagnostics(path).length + service.getSemanticDiagnostics(path).length > 0;
    changed.delete(path);
    return isRefused;
  };
}
