import { expect, it } from "vitest";
import { checkSystems } from "./check.ts";
import { systems } from "./index.ts";

it("every definition is valid, also together with the others, and says where it differs from its documents", () => {
  expect(checkSystems(systems)).toEqual(systems);
  for (const { deviations } of systems) for (const { asked, built } of deviations) expect([asked, built]).not.toContain("");
});
