import { describe, expect, it } from "vitest";
import { ROOT } from "../setup/checkout.ts";
import { breachesIn } from "./breaches.ts";
import { findCircles, findForbiddenImports } from "./imports.ts";
import { wordsInCode, wordsInPage } from "./words.ts";

describe("the repository", () => {
  it("has no forbidden import, no import circle, and none of the words to avoid", () => {
    expect(breachesIn(ROOT)).toEqual([]);
  });
});

describe("imports", () => {
  it("are forbidden from a lower room to a higher one, and from code to tests", () => {
    const imports = [
      { from: "catalog/nodes.ts", to: "settings/read.ts" },
      { from: "cli/plan/run.ts", to: "engine/record.ts" },
      { from: "postdeploy/step.ts", to: "engine/record.ts" },
      { from: "local/up.ts", to: "local/testing/host.ts" },
      { from: "engine/record.ts", to: "postdeploy/testing/server.ts" },
      { from: "engine/record.test.ts", to: "cli/main.ts" },
    ];
    expect(findForbiddenImports(imports)).toEqual([
      "catalog/nodes.ts imports settings/read.ts: catalog may import no other room.",
      "postdeploy/step.ts imports engine/record.ts: postdeploy may import catalog.",
      "engine/record.ts imports postdeploy/testing/server.ts: engine may import catalog.",
    ]);
  });

  it("form a circle when a file reaches itself", () => {
    const imports = [
      { from: "a.ts", to: "b.ts" },
      { from: "b.ts", to: "c.ts" },
      { from: "c.ts", to: "a.ts" },
      { from: "d.ts", to: "a.ts" },
    ];
    expect(findCircles(imports)).toEqual(["a.ts → b.ts → c.ts → a.ts"]);
    expect(findCircles(imports.slice(1))).toEqual([]);
  });
});

describe("words", () => {
  it("are found in names, texts and comments, with their line", () => {
    const source = "const toldTwice = 1;\n// nobody reads this\nconst message = `the way back\nis mended`;\n";
    expect(wordsInCode("a.ts", source).map(({ line, text }) => [line, text])).toEqual([
      [1, "told"],
      [2, "nobody"],
      [3, "way back"],
      [4, "mended"],
    ]);
    expect(wordsInPage("a.md", "fine\nmade anew").map(({ line, text }) => [line, text])).toEqual([[2, "anew"]]);
    expect(wordsInCode("a.ts", "const amended = recommend(untold);")).toEqual([]);
  });
});
