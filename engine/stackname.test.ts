import { expect, it } from "vitest";
import { stackName } from "./stackname.ts";

it.each([
  ["prod", { stack: "prod" }],
  ["acme/prod", { stack: "prod", organization: "acme" }],
  ["acme/shop/eu-1.blue_2", { stack: "eu-1.blue_2", organization: "acme" }],
])("takes %s apart", (name, parts) => {
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
])("refuses %j, and says what a name is made of", (name) => {
  expect(() => stackName(name, "shop")).toThrow(
    `${JSON.stringify(name)} is no stack's name. Allowed: 1 to 100 letters, digits, "_", "-" and ".", alone or behind its organization and project: prod, organization/prod, organization/shop/prod.`,
  );
});

it("refuses a stack of another project", () => {
  expect(() => stackName("acme/other/prod", "shop")).toThrow(
    '"acme/other/prod" is a stack of project "other", and Pulumi.yaml is that of "shop".',
  );
});
