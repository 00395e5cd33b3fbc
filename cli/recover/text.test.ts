import { expect, it } from "vitest";
import { compare } from "../../operate/recover/compare.ts";
import { TYPES } from "../../operate/recover/kinds.ts";
import { stepsOf } from "../../operate/recover/steps.ts";
import { account, managed, resources, stateResources } from "../../operate/recover/testing/stack.ts";
import { recordingTerminal } from "../testing/slipway.ts";
import { formatComparison, formatSteps } from "./text.ts";

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

it("prints no control character of a name in a state", () => {
  const name = "old\u001b[2J\u001b]0;title\u0007\n\u202egnp";
  const old = managed(TYPES.cluster, name, "gone", { name });
  const pending = [{ urn: old.urn, operation: "creating\u001b[31m" }];
  const comparison = compare({ resources, state: { resources: [...stateResources, old], pending }, account });
  const terminal = recordingTerminal();
  const steps = stepsOf(comparison, { stack: "qa", stackUrn: "urn:of:qa", file: "f.json" });
  const text = `${formatComparison({ project: "shop", stack: "qa", flags: "-s qa", comparison }, terminal)}${formatSteps(steps, terminal, [])}`;
  expect(text).toContain("DatabaseCluster old\\u{1b}[2J");
  expect(text.replaceAll("\n", "")).not.toMatch(/\p{C}/u);
});
