import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { preview } from "../../preview/preview.ts";
import type { Review } from "../../report/review.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import type { Layout, Terminal } from "../shared/terminal.ts";
import type { PreviewOptions } from "./flags.ts";
import { limitComparison } from "./limit.ts";

/** The risk is as high as --fail-on. */
const TOO_RISKY = 10;

/** @returns the exit code. */
export async function runPreview(options: PreviewOptions, terminal: Terminal): Promise<number> {
  const { base, stack, events, timeout, trustHead, failOn, out, cwd, format = terminal.isInteractive ? "text" : "md" } = options;
  if (!base) throw new UsageError("Which base? slipway preview --base main");
  const review = await preview({
    ...{ base, cwd },
    ...(stack !== undefined && { stacks: stack }),
    ...(events !== undefined && { events }),
    ...(timeout !== undefined && { seconds: timeout }),
    ...(trustHead !== undefined && { trustHead }),
    onRecorded: () => limitComparison(timeout),
  });
  if (out !== undefined) await writeReports(review, out);
  terminal.print(format === "text" ? await formatText(review, terminal) : await FORMATS[format](review));
  if (review.stacks.some(({ failure }) => failure !== undefined)) return FAILED;
  return failOn !== undefined && (review.risk === "danger" || review.risk === failOn) ? TOO_RISKY : DONE;
}

/** Loaded when there is something to print: the programs are started first. */
const FORMATS = {
  md: async (review: Review) => (await import("../../report/markdown/review.ts")).markdown(review),
  html: async (review: Review) => (await import("../../report/html/review.ts")).reviewHtml(review),
  json: async (review: Review) => (await import("../../engine/mask.ts")).stableJson(review),
};

async function formatText(review: Review, layout: Layout): Promise<string> {
  return (await import("./text.ts")).formatMarkdown(await FORMATS.md(review), layout);
}

async function writeReports(review: Review, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  for (const [format, render] of Object.entries(FORMATS)) writeFileSync(path.join(directory, `review.${format}`), await render(review));
}
