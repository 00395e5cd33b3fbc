/** `slipway preview`: what a change does, for whoever reviews it. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { preview } from "../preview/preview.ts";
import type { Review } from "../report/review.ts";
import { type Command, DONE, FAILED, type Given, UsageError } from "./command.ts";
import { wholeNumber } from "./number.ts";
import type { Paper } from "./terminal.ts";

/** Told, and worse than was allowed. */
const TOO_RISKY = 10;

export const command: Command = {
  usage: `slipway preview: what a change does to every stack, without an account, a credential or Pulumi

Usage: slipway preview --base <git ref> [flags]

      --base <git ref>     what to compare the working tree with: main, HEAD~1, origin/main; where the two have parted counts
  -s, --stack <name>       one stack; may be given again (default: every stack file but local's)
      --format <format>    text, md, html or json (default: text in a terminal, md elsewhere)
      --out <directory>    write review.md, review.html and review.json there; the format is printed all the same
      --events <file>      what the real engine wrote of the same stacks (PULUMI_DEBUG_COMMANDS=true
                           pulumi preview --event-log <file>): merged, contradictions shown
      --fail-on <risk>     danger or care: exit ${TOO_RISKY} where the change is as bad as that
      --timeout <seconds>  what each side may take (default: 60)
      --cwd <directory>    where to look for Pulumi.yaml, and above it (default: here)

Each side runs in a process of its own: no variable of this environment, no file but its own, no network where the system
can take it away (Linux). Nothing that it sends is more than data.

Exit codes: 0 told, 1 a side could not be planned, 2 bad input, ${TOO_RISKY} told, and as bad as --fail-on.`,
  options: {
    base: { type: "string" },
    stack: { type: "string", short: "s", multiple: true },
    format: { type: "string" },
    out: { type: "string" },
    events: { type: "string" },
    "fail-on": { type: "string" },
    timeout: { type: "string" },
    cwd: { type: "string" },
  },
  async run(given, terminal) {
    const { print, say } = terminal;
    const { format = terminal.isPerson ? "text" : "md", out, failOn, ...options } = parse(given);
    const review = await preview({ ...options, say });
    if (out !== undefined) await writeAll(review, out);
    print(format === "text" ? await textOf(review, terminal) : await FORMATS[format](review));
    if (review.stacks.some(({ failure }) => failure !== undefined)) return FAILED;
    return failOn !== undefined && (review.risk === "danger" || review.risk === failOn) ? TOO_RISKY : DONE;
  },
};

/** Each loaded when there is something to show: the programs are started first. */
const FORMATS = {
  md: async (review: Review) => (await import("../report/markdown/review.ts")).markdown(review),
  html: async (review: Review) => (await import("../report/html/review.ts")).reviewHtml(review),
  json: async (review: Review) => (await import("../engine/mask.ts")).stableJson(review),
};
type Format = keyof typeof FORMATS | "text";

async function textOf(review: Review, paper: Paper): Promise<string> {
  return (await import("./preview-text.ts")).markdownInTerminal(await FORMATS.md(review), paper);
}

async function writeAll(review: Review, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  for (const [format, render] of Object.entries(FORMATS)) writeFileSync(path.join(directory, `review.${format}`), await render(review));
}

interface Options {
  readonly base: string;
  readonly stacks?: readonly string[];
  readonly format?: Format;
  readonly out?: string;
  readonly events?: string;
  readonly failOn?: "danger" | "care";
  readonly seconds?: number;
  readonly cwd: string;
}

function parse({ values }: Given): Options {
  const { base, stack, format, out, events, timeout, cwd = process.cwd(), "fail-on": failOn } = values as Partial<Record<string, never>>;
  if (!base) throw new UsageError("Compared with what? slipway preview --base main");
  const formats = ["text", ...Object.keys(FORMATS)];
  if (format !== undefined && !formats.includes(format)) throw new UsageError(`--format takes ${formats.join(", ")}, not "${format}".`);
  if (failOn !== undefined && failOn !== "danger" && failOn !== "care")
    throw new UsageError(`--fail-on takes danger or care, not "${failOn}".`);
  return {
    ...{ base, cwd },
    ...(format !== undefined && { format: format as Format }),
    ...(stack !== undefined && { stacks: stack as string[] }),
    ...(out !== undefined && { out }),
    ...(events !== undefined && { events }),
    ...(failOn !== undefined && { failOn }),
    ...(timeout !== undefined && { seconds: wholeNumber(timeout, { flag: "--timeout", unit: "seconds", example: "--timeout 120" }) }),
  };
}
