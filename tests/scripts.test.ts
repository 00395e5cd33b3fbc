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
  const whichDatabase = "Which database? --url postgres://";

  it("migrate, report and create: migrate:up, migrate:status and migrate:create, for DevX or the system that is named [D23]", async () => {
    for (const name of ["migrate:up", "migrate:status"]) await expect(script(name)).rejects.toThrow(whichDatabase);
    await script("migrate:create", "add_tokens");
    expect(readdirSync(join(copy, "sql/devx"))).toContainEqual(expect.stringMatching(/^\d+_add_tokens\.sql$/));
    await script("migrate:create", "add_reactions", "--", "--system", "candlefish");
    expect(readdirSync(join(copy, "sql/candlefish"))).toContainEqual(expect.stringMatching(/^\d+_add_reactions\.sql$/));
  });

  it("verify the database with test:db, which asks for a server [D35]", async () => {
    await expect(script("test:db")).rejects.toThrow("Which server may hold the shadow database? --shadow postgres://");
  });
});
