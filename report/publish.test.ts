import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import { auditJson } from "./audit.ts";
import { published, schemaFile } from "./publish.ts";
import { cleanAudit, dangerous, leakyAudit, quiet } from "./testing/samples.ts";

const read = (name: "review" | "audit"): object => JSON.parse(readFileSync(schemaFile(name), "utf8"));

it.each(["review", "audit"] as const)(
  "has an up-to-date schema of a %s in docs; to update it: node report/publish.ts && npm run fix",
  (name) => {
    expect(read(name)).toEqual(JSON.parse(published(name)));
  },
);

it("publishes schemas that another validator accepts and that match", () => {
  const ajv = new Ajv2020({ strict: true, strictTypes: false });
  const review = ajv.compile(read("review"));
  const audit = ajv.compile(read("audit"));
  for (const good of [dangerous, quiet]) expect(review(good), JSON.stringify(review.errors)).toBe(true);
  for (const good of [cleanAudit, leakyAudit]) expect(audit(auditJson(good)), JSON.stringify(audit.errors)).toBe(true);
  expect(review({ ...dangerous, post: "elsewhere" })).toBe(false);
  expect(review({ ...dangerous, risk: "fine" })).toBe(false);
  expect(audit({ ...auditJson(cleanAudit), stack: 7 })).toBe(false);
});
