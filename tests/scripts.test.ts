import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyCheckout } from "./copy.ts";
import { execute } from "./pack/packed.ts";

let temporary: string;
let copy: string;

beforeAll(() => {
  temporary = realpathSync(mkdtempSync(join(tmpdir(), "slipway-scripts-")));
  copy = join(temporary, "copy");
  copyCheckout(copy);
});

afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const script = (...words: string[]) => execute("npm", ["run", "--silent", ...words], copy, { DATABASE_URL: "" });

describe("the scripts that DevX's documents name", () => {
  it("make the next migration of DevX, or of the system that is named [D23]", async () => {
    await script("migrate:create", "add_tokens");
    expect(readdirSync(join(copy, "sql/devx"))).toContainEqual(expect.stringMatching(/^\d+_add_tokens\.sql$/));
    await script("migrate:create", "add_reactions", "--", "--system", "candlefish");
    expect(readdirSync(join(copy, "sql/candlefish"))).toContainEqual(expect.stringMatching(/^\d+_add_reactions\.sql$/));
  });

  it.each([
    ["migrate:up", "Which database? --url postgres://"],
    ["migrate:status", "Which database? --url postgres://"],
    ["test:db", "Which server may hold the shadow database? --shadow postgres://"],
  ])("reach the engine as %s, which asks for a database [D35]", async (name, question) => {
    await expect(script(name)).rejects.toThrow(question);
  });
});
