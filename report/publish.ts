/** Writes the JSON schemas of `slipway preview` and `slipway audit` to docs/. Run: node report/publish.ts && npm run fix */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { auditSchema } from "./audit.ts";
import { reviewSchema } from "./review.ts";

const PUBLISHED = {
  review: { schema: reviewSchema, title: "What slipway preview --format json prints" },
  audit: { schema: auditSchema, title: "What slipway audit --format json prints" },
};

type Published = keyof typeof PUBLISHED;

export const schemaFile = (name: Published): URL => new URL(`../docs/${name}.schema.json`, import.meta.url);

/** `npm run fix` formats it. */
export function published(name: Published): string {
  const { schema, title } = PUBLISHED[name];
  const { $schema, ...rest } = z.toJSONSchema(schema);
  return `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const name of Object.keys(PUBLISHED) as Published[]) writeFileSync(schemaFile(name), published(name));
