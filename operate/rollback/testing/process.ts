/** A rollback in a process of its own, which a test kills. It prints each step as it starts and ends. */
import { full } from "../full.ts";
import { withLock } from "../lock.ts";
import { quick } from "../quick.ts";
import type { StepReport } from "../stopwatch.ts";
import { type Description, subjectOf } from "./product.ts";

const [way, text, backup] = process.argv.slice(2);
const subject = await subjectOf(JSON.parse(text!) as Description);
const report: StepReport = ({ kind, name }) => process.stdout.write(`${kind} ${name}\n`);
await withLock(subject, async () => {
  if (way === "full") await full(subject, { backup, migrateUp: false }, { report });
  else await quick(subject, { migrateDown: way === "down", acceptedLosses: ["public.goods.note"] }, { waitMs: 60_000, report });
});
