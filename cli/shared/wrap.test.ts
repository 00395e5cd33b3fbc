import { describe, expect, it } from "vitest";
import { openTerminal } from "./terminal.ts";
import { displayWidth, padEnd, table, truncate } from "./width.ts";
import { foldMessage, wrap } from "./wrap.ts";

/** The message as it is written to this kind of stderr. */
async function log(text: string, stream: { isTTY: boolean; columns?: number }): Promise<string> {
  let written = "";
  const stderr = { ...stream, write: (part: string) => (written += part) } as unknown as NodeJS.WriteStream;
  (await openTerminal(process.stdout, stderr)).log(text);
  return written;
}

const LONG =
  "There is no folder of migrations in /home/operator/projects/with/a/long/path, which is why nothing can be linted here. Name it: slipway migrate lint --dir /home/operator/projects/with/a/long/path/sql/shop";

describe("a message", () => {
  it("is folded between words on a terminal, and its command stays on one line", async () => {
    expect((await log(LONG, { isTTY: true, columns: 80 })).split("\n")).toEqual([
      "There is no folder of migrations in /home/operator/projects/with/a/long/path,",
      "which is why nothing can be linted here. Name it:",
      "slipway migrate lint --dir /home/operator/projects/with/a/long/path/sql/shop",
      "",
    ]);
  });

  it("is not folded for a file or another program", async () => {
    expect(await log(LONG, { isTTY: false })).toBe(`${LONG}\n`);
  });

  it("continues below its own beginning, after a number or a label", () => {
    const text = [
      "1. slipway:region is mars: DigitalOcean has no region of this name at all.",
      "   allowed: ams3, blr1, fra1, lon1, nyc1, nyc2, nyc3, sfo2, sfo3",
      "   type:    pulumi config set --path slipway:shop.connections.api 10 -s staging",
    ].join("\n");
    expect(foldMessage(text, 50).split("\n")).toEqual([
      "1. slipway:region is mars: DigitalOcean has no",
      "   region of this name at all.",
      "   allowed: ams3, blr1, fra1, lon1, nyc1, nyc2,",
      "   nyc3, sfo2, sfo3",
      "   type:    pulumi config set --path slipway:shop.connections.api 10 -s staging",
    ]);
  });

  it("loses no word at any width", () => {
    const words = (text: string) => text.split(/\s+/);
    for (let width = 1; width < 120; width++) expect(words(foldMessage(LONG, width))).toEqual(words(LONG));
  });
});

describe("wide characters and colours", () => {
  it("are measured in columns", () => {
    expect([displayWidth("日本"), displayWidth("👩‍👧"), displayWidth("\u001b[31mred\u001b[39m"), displayWidth("é")]).toEqual([4, 2, 3, 1]);
    expect(padEnd("日本", 6)).toBe("日本  ");
    expect(truncate("日本語", 5)).toBe("日本");
  });

  it("are wrapped and aligned by their width", () => {
    expect(wrap("日本 日本 日本", 9)).toEqual(["日本 日本", "日本"]);
    expect(
      table([
        ["日本", "x"],
        ["a", "y"],
      ]),
    ).toEqual(["  日本  x", "  a     y"]);
  });

  it.each([1, 7, 20, 33])("keep spaces within a line, and none at its end, at %i columns", (width) => {
    const text = "one  two three   four five";
    const lines = wrap(text, width);
    expect(lines.join(" ").split(/ +/)).toEqual(text.split(/ +/));
    expect(lines.filter((line) => line !== line.trim())).toEqual([]);
    if (width === 33) expect(lines).toEqual([text]);
  });
});
