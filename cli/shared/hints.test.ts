import { describe, expect, it } from "vitest";
import { asStarted, forSame } from "./hints.ts";

describe("a command in a message", () => {
  const byNpx = (text: string) => asStarted(text, { npm_command: "exec" });

  it.each([
    ["Start it: slipway local up", "Start it: npx slipway local up"],
    ["Which stack? slipway plan --stack prod", "Which stack? npx slipway plan --stack prod"],
    [
      "What now?\n    Look: slipway migrate verify\n  slipway migrate down",
      "What now?\n    Look: npx slipway migrate verify\n  npx slipway migrate down",
    ],
  ])("%j is one to paste where npx started slipway", (text, pasted) => {
    expect(byNpx(text)).toBe(pasted);
    expect(byNpx(pasted)).toBe(pasted);
    expect(asStarted(text, {})).toBe(text);
  });

  it.each([
    "slipway local up has no flag --json.",
    'There is no "slipway migrat".',
    "Another run holds the lock: slipway migrate vm:15808 (pid 1)",
    "Another slipway is at work.",
    "slipway: three products",
  ])("is not seen in %j", (text) => expect(byNpx(text)).toBe(text));

  it.each([
    [
      { system: "devx" },
      'mend: slipway migrate repair --accept 1.sql --reason "…"',
      'mend: slipway migrate repair --system devx --accept 1.sql --reason "…"',
    ],
    [{ system: "devx" }, "Let it come to its end: slipway migrate down", "Let it come to its end: slipway migrate down --system devx"],
    [{ dir: "my sql" }, "see who: slipway keyspaces verify", "see who: slipway keyspaces verify --dir 'my sql'"],
    [{ system: "devx", dir: "sql" }, "(slipway migrate verify)", "(slipway migrate verify --system devx --dir sql)"],
    [{ system: "devx" }, "Seed it: slipway keyspaces seed --system candlefish", "Seed it: slipway keyspaces seed --system candlefish"],
    [{ system: "devx" }, "See: slipway migrate --help", "See: slipway migrate --help"],
    [{ system: "devx" }, 'There is no "slipway migrate foo".', 'There is no "slipway migrate foo".'],
    [{}, "Look: slipway migrate verify", "Look: slipway migrate verify"],
  ])("for %j is for the same files: %j", (meant, text, told) => expect(forSame(text, meant)).toBe(told));
});
