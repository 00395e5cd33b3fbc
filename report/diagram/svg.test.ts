import { expect, it } from "vitest";
import { type Box, drawDiagram } from "./svg.ts";

const widthOf = async (box: Omit<Box, "id">): Promise<number> =>
  Number(/ width="([\d.]+)"/.exec(await drawDiagram([{ id: "one", ...box }], [], "one box"))?.[1]);

it.each([
  ["caption", { caption: "x".repeat(20_000), name: "app" }, { caption: "x".repeat(41), name: "app" }],
  ["name", { name: "x".repeat(20_000) }, { name: "x".repeat(41) }],
  ["line", { name: "app", lines: ["x".repeat(20_000)] }, { name: "app", lines: ["x".repeat(41)] }],
])("makes a box as wide as the shortened text of a long %s", async (_, long, cut) => {
  expect(await widthOf(long)).toBe(await widthOf(cut));
  expect(await widthOf(long)).toBeLessThan(400);
});
