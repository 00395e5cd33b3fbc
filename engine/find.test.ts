import { expect, it } from "vitest";
import { at, resource } from "./find.ts";
import { type Plan, Secret } from "./plan.ts";

const empty: Plan = { project: "p", stack: "s", resources: [], outputs: {}, placeholders: [], messages: [], secretConfig: {}, secrets: [] };

it("follows a path through objects and lists", () => {
  expect(at({ spec: { envs: [{ key: "A" }, { key: "B" }] } }, "spec.envs[1].key")).toBe("B");
});

it("keeps the mark of a secret for everything inside it", () => {
  expect(at({ spec: new Secret({ envs: ["x"] }) }, "spec.envs[0]")).toEqual(new Secret("x"));
});

it("finds nothing where nothing is, not even what every object inherits", () => {
  expect(at({ spec: {} }, "spec.envs[0]")).toBeUndefined();
  expect(at({}, "constructor.name")).toBeUndefined();
});

it("says what there is instead of a resource that is not there", () => {
  expect(() => resource(empty, "t:i:T", "x")).toThrow('The plan holds no t:i:T "x"; it holds none of that type.');
});
