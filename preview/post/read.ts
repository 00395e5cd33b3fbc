/** A review from the hands of a stranger: a file that a pull request's own job wrote. */
import type { z } from "zod";
import { visible } from "../../report/escape.ts";
import { type Review, reviewSchema } from "../../report/review.ts";

export class ReviewError extends Error {
  override readonly name = "ReviewError";
}

/** Far above what any change fills, and far below what would keep a job busy. */
const MOST_BYTES = 5_000_000;

export interface Expected {
  readonly project: string;
  /** A full SHA: a report of another commit is not shown as if it were of this one. */
  readonly commit?: string;
}

/** @throws ReviewError, whose text is fit to be shown */
export function readReview(text: string, { project, commit }: Expected): Review {
  if (Buffer.byteLength(text) > MOST_BYTES) throw new ReviewError(`The review is larger than ${MOST_BYTES.toLocaleString("en")} bytes.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ReviewError("The review is no JSON. Write it with: slipway preview --base <git ref> --out <dir>");
  }
  const { success, data, error } = reviewSchema.safeParse(json);
  if (!success) throw new ReviewError(`The review does not follow its schema, docs/review.schema.json: ${visible(firstProblem(error))}`);
  if (data.project !== project) throw new ReviewError(`The review is of another project than ${project}.`);
  if (commit !== undefined && data.head.commit !== commit) throw new ReviewError(`The review is of another commit than ${commit}.`);
  return data;
}

function firstProblem({ issues }: z.core.$ZodError): string {
  const [issue] = issues;
  return `${issue?.path.join(".").slice(0, 200) || "the whole"}: ${issue?.message.slice(0, 200)}`;
}
