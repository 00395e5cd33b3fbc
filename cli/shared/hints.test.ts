import { describe, expect, it } from "vitest";
import { withCommandHints, withNpx } from "./hints.ts";

describe("a command in a message", () => {
  const byNpx = (text: string) => withNpx(text, { npm_command: "exec" });

  it.each([
    ["Start it: slipway local up", "Start it: npx slipway local up"],
    ["Which stack? slipway plan --stack prod", "Which stack? npx slipway plan --stack prod"],
    [
      "What now?\n    Look: slipway migrate verify\n  slipway migrate down",
      "What now?\n    Look: npx slipway migrate verify\n  npx slipway migrate down",
    ],
  ])("%j can be pasted where npx started slipway", (text, pasted) => {
    expect(byNpx(text)).toBe(pasted);
    expect(byNpx(pasted)).toBe(pasted);
    expect(withNpx(text, {})).toBe(text);
  });

  it.each([
    "slipway local up has no flag --json.",
    'There is no "slipway migrat".',
    "Another run holds the lock: slipway migrate vm:15808 (pid 1)",
    "Another slipway is running.",
    "slipway: platforms on DigitalOcean",
  ])("is not changed in %j", (text) => expect(byNpx(text)).toBe(text));

  it.each([
    [
      { system: "shop" },
      'fix: slipway migrate repair --accept 1.sql --reason "…"',
      'fix: slipway migrate repair --system shop --accept 1.sql --reason "…"',
    ],
    [{ system: "shop" }, "Finish it: slipway migrate down", "Finish it: slipway migrate down --system shop"],
    [{ dir: "my sql" }, "see who: slipway keyspaces verify", "see who: slipway keyspaces verify --dir 'my sql'"],
    [{ system: "shop", dir: "sql" }, "(slipway migrate verify)", "(slipway migrate verify --system shop --dir sql)"],
    [{ system: "shop" }, "Seed it: slipway keyspaces seed --system blog", "Seed it: slipway keyspaces seed --system blog"],
    [{ system: "shop" }, "See: slipway migrate --help", "See: slipway migrate --help"],
    [{ system: "shop" }, 'There is no "slipway migrate foo".', 'There is no "slipway migrate foo".'],
    [{}, "Look: slipway migrate verify", "Look: slipway migrate verify"],
  ])("names the same files as %j: %j", (flags, text, expected) => expect(withCommandHints(text, flags)).toBe(expected));
});
