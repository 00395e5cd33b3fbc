import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { checkFiles } from "./postdeploy.ts";

function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "slipway files "));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "sql"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, "sql", name), text);
  return join(root, "sql");
}

it("refuses files that cannot be parsed, before anything is registered, with every error indented below the count", async () => {
  const one = folder({ "001_a.sql": "SELECT 1;", "x.sql": "SELECT 1;" });
  const message = async (...folders: string[]) =>
    checkFiles(folders.map((migrations) => ({ system: "shop", migrations }))).then(
      () => "accepted",
      (error: Error) => error.message,
    );
  expect(await message(folder({ "001_a.sql": "SELECT 1;" }))).toBe("accepted");
  expect(await message(one)).toMatch(/^1 error in the files that post-deploy steps apply\. Nothing was deployed\.\n {2}\S/);
  expect(await message(one, folder({ "y.sql": "SELECT 1;" }))).toMatch(
    /^2 errors in the files that post-deploy steps apply\. Nothing was deployed\.\n {2}\S.*\n( {2}.*\n)* {2}\S/,
  );
});
