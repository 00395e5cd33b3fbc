/** What `slipway audit --json` prints, as a schema; tests hold Audit to it. */
import { z } from "zod";
import { type Audit, SEVERITIES } from "./audit.ts";

const source = z.strictObject({ file: z.string(), line: z.int().positive() });
const station = z.strictObject({ what: z.string(), urn: z.string().optional(), path: z.string().optional(), source: source.optional() });

const finding = z.strictObject({
  rule: z.string(),
  severity: z.enum(SEVERITIES),
  message: z.string(),
  secret: z.string().optional(),
  source: source.optional(),
  flow: z.array(station),
  fingerprint: z.string().regex(/^[0-9a-f]{32}$/),
  fix: z.string(),
});

export const auditSchema = z.strictObject({
  schema: z.literal("slipway-audit/1"),
  stack: z.string(),
  findings: z.array(finding),
  suppressed: z.array(z.strictObject({ finding, reason: z.string(), until: z.string().regex(/^\d{4}-\d\d-\d\d$/) })),
  proofs: z.array(z.strictObject({ secret: z.string(), flow: z.array(station), strength: z.enum(["seen", "wired"]) })),
  declared: z.array(z.string()),
  notes: z.array(z.string()),
  failure: z.string().optional(),
});

/** As it is printed. */
export const auditJson = (audit: Audit): z.input<typeof auditSchema> => auditSchema.parse({ schema: "slipway-audit/1", ...audit });
