import { expect, it } from "vitest";
import { compare } from "../../operate/recover/compare.ts";
import { TYPES } from "../../operate/recover/kinds.ts";
import { account, resources, stateResources } from "../../operate/recover/testing/stack.ts";
import { recordingTerminal } from "../testing/slipway.ts";
import { formatComparison } from "./text.ts";

it("prints the command that renames a resource in the state, or its alias where its parent is another one", () => {
  const moved = stateResources.map((one) => {
    if (one.type === TYPES.app) return { ...one, urn: one.urn.replace("shop-app", "old-app") };
    return one.type === TYPES.database ? { ...one, urn: one.urn.replace("index:Postgres", "index:Orders") } : one;
  });
  const comparison = compare({ resources, state: { resources: moved, pending: [] }, account });
  const text = formatComparison({ project: "shop", stack: "qa", flags: "-s acme/qa --cwd ../shop", comparison }, recordingTerminal());
  expect(text).toContain("shop on stack qa: 2 under another name in the state");
  expect(text).toContain(
    "In the state under another name: not imported\n  - DatabaseDb orders in orders-postgres-qa: orders-db in the state",
  );
  expect(text).toContain(
    "\n      pulumi state rename 'urn:pulumi:qa::shop::shop:index:Postgres$digitalocean:index/app:App::old-app' shop-app -s acme/qa --cwd ../shop --yes",
  );
  expect(text).toContain('\n      aliases: ["urn:pulumi:qa::shop::shop:index:Orders$digitalocean:index/databaseDb:DatabaseDb::orders-db"]');
});
