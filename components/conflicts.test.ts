import { expect, it } from "vitest";
import { conflictMessage, explainConflicts, isConflict } from "./conflicts.ts";

it.each([
  "Error creating VPC: POST https://api.digitalocean.com/v2/vpcs: 422 name has already been taken",
  "Error creating App: POST https://api.digitalocean.com/v2/apps: 409 app name already exists",
  "Error creating database cluster: POST https://api.digitalocean.com/v2/databases: 422 cluster name is not available",
  "Error creating Project: POST https://api.digitalocean.com/v2/projects: 409 name is already in use",
  "Error creating Spaces bucket: BucketAlreadyOwnedByYou: status code: 409",
  "Error creating Spaces bucket: BucketAlreadyExists: status code: 409",
])("recognizes %s as a name that exists", (error) => {
  expect(isConflict(error)).toBe(true);
});

it.each([
  "POST https://api.digitalocean.com/v2/databases: 422 invalid size",
  "POST https://api.digitalocean.com/v2/apps: 401 Unable to authenticate you",
  "Can not delete VPC with members",
  "POST https://api.digitalocean.com/v2/databases: 422 size db-s-2vcpu-4gb is not available in nyc2",
  "POST https://api.digitalocean.com/v2/vpcs: 422 region is not available",
])("does not take %s for one", (error) => {
  expect(isConflict(error)).toBe(false);
});

it("ends its message with the command", () => {
  expect(conflictMessage("shop-vpc", "prod").split("\n").at(-1)).toBe("  npx slipway recover -s prod");
});

it("registers nothing in a recorded program, so a plan is as fast and as long as without it", () => {
  expect(explainConflicts("prod")).toEqual({});
});
