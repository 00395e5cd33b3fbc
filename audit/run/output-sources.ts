/** The line that returns or exports a stack output. A program returns its outputs as values, so this is read in its file. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { relativeSource } from "../../engine/error.ts";
import type { Source } from "../../engine/plan.ts";
import { lineOf } from "../files/code.ts";
import type { Subject } from "./run.ts";

export function outputSources({ entry, directory }: Subject): (name: string) => Source | undefined {
  if (entry === undefined) return () => undefined;
  let text: string | undefined;
  return (name) => {
    text ??= textOf(entry);
    const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const pattern = new RegExp(`\\bexport\\s+(?:const|let|var)\\s+${quoted}\\b|(?:^|[{,])\\s*["']?${quoted}["']?\\s*(?=[:,}])`, "gm");
    const last = [...text.matchAll(pattern)].at(-1);
    if (last === undefined) return undefined;
    const at = last.index + last[0].lastIndexOf(name);
    return relativeSource(directory, path.resolve(entry), lineOf(text, at));
  };
}

/** The beginning of the program's file. */
export function programSource({ entry, directory }: Subject): Source | undefined {
  return entry === undefined ? undefined : relativeSource(directory, path.resolve(entry), 1);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
