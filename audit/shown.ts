/** What slipway itself shows of a plan, in a terminal or a comment: the masked plan, which must hold no secret whatever the program did. */
import { mask } from "../engine/mask.ts";
import type { Plan } from "../engine/plan.ts";
import type { Finding } from "../report/audit.ts";
import type { Declarations } from "./declared.ts";
import { finding } from "./finding.ts";
import { born } from "./flow.ts";
import type { Look } from "./run/sightings.ts";

/** A leak of the program's own is told where it is; this is for what only slipway could have hidden. */
export function shownFaults(plan: Plan, look: Look, { nameOf }: Declarations, others: readonly Finding[]): readonly Finding[] {
  const told = new Set(others.map(({ secret }) => secret));
  return textsOf(mask(plan))
    .flatMap(look)
    .filter(({ origin }) => !told.has(nameOf(origin)))
    .map(({ origin, form }) =>
      finding({
        rule: "secret-shown",
        secret: nameOf(origin),
        message: `${nameOf(origin)} stands in the plan that slipway shows, ${form}.`,
        flow: [born(origin), { what: "the plan as it is shown", path: "shown" }],
      }),
    );
}

/** Each by itself: most of them have been looked at where they came from. */
function textsOf(shown: unknown): string[] {
  if (typeof shown === "string") return [shown];
  if (shown === null || typeof shown !== "object") return [];
  return Object.entries(shown).flatMap(([key, inner]) => [key, ...textsOf(inner)]);
}
