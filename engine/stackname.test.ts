import { expect, it } from "vitest";
import { stackName } from "./stackfile.ts";

it.each([
  ["prod", { stack: "prod" }],
  ["acme/prod", { stack: "prod", organization: "acme" }],
  ["acme/shop/eu-1.blue_2", { stack: "eu-1.blue_2", organization: "acme" }],
])("parses %s", (name, parts) => {
  expect(stackName(name, "shop")).toEqual(parts);
});

it.each([
  "",
  "/",
  "/prod",
  "prod/",
  "acme//prod",
  "a/acme/shop/prod",
  "..",
  "../prod",
  "acme/../prod",
  ".",
  "pröd",
  "prod staging",
  "prod\n",
  "prod\\x",
  "a".repeat(101),
])("rejects %j, and lists the allowed characters", (name) => {
  expect(() => stackName(name, "shop")).toThrow(
    `${JSON.stringify(name)} is not a stack name. Allowed: 1 to 100 letters, digits, "_", "-" and ".", alone or after its organization and project: prod, organization/prod, organization/shop/prod.`,
  );
});

it("rejects a stack of another project", () => {
  expect(() => stackName("acme/other/prod", "shop")).toThrow(
    '"acme/other/prod" is a stack of project "other", but Pulumi.yaml belongs to "shop".',
  );
});
