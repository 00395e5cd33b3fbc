import { describe, expect, it } from "vitest";
import { terminal } from "./terminal.ts";
import { foldedMessage } from "./wrap.ts";

/** What a message looks like on a stderr of this kind. */
function said(text: string, stream: { isTTY: boolean; columns?: number }): string {
  let written = "";
  const stderr = { ...stream, write: (part: string) => (written += part) } as unknown as NodeJS.WriteStream;
  terminal(process.stdout, stderr).say(text);
  return written;
}

const LONG =
  "There is no folder of migrations in /home/somebody/projects/with/a/long/path, which is why nothing can be linted here. Name it: slipway migrate lint --dir /home/somebody/projects/with/a/long/path/sql/devx";

describe("a message", () => {
  it("is broken between words on a terminal, and its command stays on one line", () => {
    expect(said(LONG, { isTTY: true, columns: 80 }).split("\n")).toEqual([
      "There is no folder of migrations in /home/somebody/projects/with/a/long/path,",
      "which is why nothing can be linted here. Name it:",
      "slipway migrate lint --dir /home/somebody/projects/with/a/long/path/sql/devx",
      "",
    ]);
  });

  it("is left as it is for a file or another program", () => {
    expect(said(LONG, { isTTY: false })).toBe(`${LONG}\n`);
  });

  it("goes on below its own beginning, after a number or a label", () => {
    const text = [
      "1. slipway:region is mars: DigitalOcean has no region of this name at all.",
      "   allowed: ams3, blr1, fra1, lon1, nyc1, nyc2, nyc3, sfo2, sfo3",
      "   type:    pulumi config set --path slipway:fluxstudio.connections.api 10 -s staging",
    ].join("\n");
    expect(foldedMessage(text, 50).split("\n")).toEqual([
      "1. slipway:region is mars: DigitalOcean has no",
      "   region of this name at all.",
      "   allowed: ams3, blr1, fra1, lon1, nyc1, nyc2,",
      "   nyc3, sfo2, sfo3",
      "   type:    pulumi config set --path slipway:fluxstudio.connections.api 10 -s staging",
    ]);
  });

  it("loses no word, whatever the width", () => {
    const words = (text: string) => text.split(/\s+/);
    for (let width = 1; width < 120; width++) expect(words(foldedMessage(LONG, width))).toEqual(words(LONG));
  });
});
