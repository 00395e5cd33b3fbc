/** Which statement of the program an effect belongs to: the innermost frame of the program, also where the effect happens later. */
import { AsyncLocalStorage } from "node:async_hooks";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { relativeSource } from "../../engine/error.ts";
import type { Source } from "../../engine/plan.ts";

export interface Context<R> {
  readonly recorder: R;
  /** Of the statement that caused what runs now. */
  readonly source?: Source;
  /** The program called it itself, not code that the program uses. */
  readonly isDirect?: boolean;
}

/** slipway's own code that runs a program. Where slipway audits itself, the rest of it is the program. */
const OWN = [path.join(import.meta.dirname, "../../engine"), import.meta.dirname].flatMap((folder) => [
  folder + path.sep,
  `${pathToFileURL(folder).href}/`,
]);
const FOREIGN = /^node:|[\\/]node_modules[\\/]/;

interface Frame {
  readonly file: string;
  readonly line: number;
}

/** @param below the function whose callers count */
// biome-ignore lint/complexity/noBannedTypes: only its identity counts
export function callerIn(directory: string, below: Function): { readonly source?: Source; readonly isDirect: boolean } {
  const frames = framesBelow(below);
  for (const [index, { file, line }] of frames.entries()) {
    if (FOREIGN.test(file) || OWN.some((own) => file.startsWith(own))) continue;
    const source = relativeSource(directory, file, line);
    if (source !== undefined) return { source, isDirect: index === 0 };
  }
  return { isDirect: false };
}

/** Those with a file, innermost first. */
// biome-ignore lint/complexity/noBannedTypes: only its identity counts
function framesBelow(below: Function): readonly Frame[] {
  const { stackTraceLimit, prepareStackTrace } = Error;
  try {
    Object.assign(Error, { stackTraceLimit: Number.POSITIVE_INFINITY, prepareStackTrace: framesOf });
    const trace: { stack?: readonly Frame[] } = {};
    Error.captureStackTrace(trace, below);
    return trace.stack ?? [];
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  }
}

function framesOf(_: Error, sites: readonly NodeJS.CallSite[]): readonly Frame[] {
  return sites.flatMap((site) => {
    const file = site.getFileName();
    return file && (path.isAbsolute(file) || file.startsWith("file:") || file.startsWith("node:"))
      ? [{ file, line: site.getLineNumber() ?? 0 }]
      : [];
  });
}

export const newContext = <R>(): AsyncLocalStorage<Context<R>> => new AsyncLocalStorage<Context<R>>();
