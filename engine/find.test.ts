import { expect, it } from "vitest";
import { at, resource } from "./find.ts";
import { type Plan, Secret } from "./plan.ts";

const empty: Plan = { project: "p", stack: "s", resources: [], outputs: {}, placeholders: [], messages: [], secretConfig: {}, secrets: [] };

it("follows a path through objects and lists", () => {
  expect(at({ spec: { envs: [{ key: "A" }, { key: "B" }] } }, "spec.envs[1].key")).toBe("B");
});

it("marks every value inside a secret as secret", () => {
  expect(at({ spec: new Secret({ envs: ["x"] }) }, "spec.envs[0]")).toEqual(new Secret("x"));
});

it("returns undefined for a missing path and for inherited properties", () => {
  expect(at({ spec: {} }, "spec.envs[0]")).toBeUndefined();
  expect(at({}, "constructor.name")).toBeUndefined();
});

it("lists the resources of the type when the name is missing", () => {
  expect(() => resource(empty, "t:i:T", "x")).toThrow('The plan has no t:i:T "x"; it has none of that type.');
});
