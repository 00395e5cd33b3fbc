/** What runs the commands of the pages finds them all, and fails where one fails. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../setup/checkout.ts";
import { blocksOf, pagesOf, readBlocks } from "./blocks.ts";
import { API, DATABASES, LOCAL, OTHERS } from "./pages.ts";
import { runBlocks } from "./session.ts";

const page = (...lines: string[]) => blocksOf("page.md", lines.join("\n"));

describe("the blocks of a page", () => {
  it("are its fenced sh blocks, with their marks and lines", () => {
    const blocks = page(
      "# Page",
      "```ts",
      "const sh = 1;",
      "```",
      "```sh",
      "a",
      "b",
      "```",
      "",
      "```sh needs=psql,pulumi exit=2",
      "c",
      "```",
    );
    expect(blocks).toEqual([
      { at: "page.md:5", text: "a\nb", needs: [], isBackground: false, exit: 0, skip: undefined },
      { at: "page.md:10", text: "c", needs: ["psql", "pulumi"], isBackground: false, exit: 2, skip: undefined },
    ]);
  });

  it.each([
    [["```sh skip=tired", "a", "```"], 'page.md:1: skip takes account, admin, database, suite, not "tired".'],
    [["```sh later", "a", "```"], 'page.md:1: there is no mark "later".'],
    [["```sh", "a"], "page.md:1: this block is never closed."],
  ])("are refused if their marks are unknown: %j", (lines, message) => {
    expect(() => page(...lines)).toThrow(message);
  });

  it("are in exactly one test file, whatever page they are in", () => {
    const withCommands = pagesOf(ROOT).filter((path) => readBlocks(ROOT, path).some(({ skip }) => skip === undefined));
    expect([...LOCAL, ...API, ...DATABASES, ...OTHERS].sort()).toEqual(withCommands.sort());
  });
});

describe("the shell of a page", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway docs "));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const typed = (...lines: string[]) => runBlocks(page(...lines), folder, { PATH: process.env.PATH });

  it("keeps what one block sets for the next", async () => {
    expect(await typed("```sh", "export A=1", "```", "```sh", 'test "$A" = 1', "```")).toMatchObject({ code: 0 });
  });

  it("stops at the first command that fails, and shows it", async () => {
    const { code, output } = await typed("```sh", "true", "ls /nowhere", "echo never", "```");
    expect([code, output.includes("+ ls /nowhere"), output.includes("never")]).toEqual([2, true, false]);
    expect((await typed("```sh", "false | true", "```")).code).toBe(1);
    expect(await typed("```sh exit=2", "ls /nowhere", "```")).toMatchObject({ code: 0 });
    expect((await typed("```sh exit=3", "ls /nowhere", "```")).output).toContain("it ended with 2, not 3");
  });

  it("keeps a command in the background until the next one, and sends it Ctrl-C", async () => {
    const server = (name: string) =>
      `node -e 'console.log("http://${name}"); process.once("SIGINT", () => { console.log("${name} ends"); process.exit(0) }); setInterval(() => {}, 1000)' # until Ctrl-C`;
    const { code, output } = await typed("```sh background", server("first"), server("second"), "```", "```sh", "echo between", "```");
    expect(code).toBe(0);
    expect(output.match(/first ends|^between$|second ends|@ end/gm)).toEqual(["first ends", "between", "second ends", "@ end"]);
    expect((await typed("```sh background", "node -e 'process.exit(4)'", "```")).output).toContain("it ended by itself");
  });
});
