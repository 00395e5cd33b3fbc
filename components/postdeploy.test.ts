import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { checkFiles, PostDeploy } from "./postdeploy.ts";
import { recorded, waitsFor } from "./testing/recorded.ts";

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

it("makes a backup after the roles, which let it read everything, and before the migrations", async () => {
  const roles = { owner: "o", runtime: "r", readonly: "ro", backup: "b" };
  const urls = { adminUrl: "postgresql://admin", ownerUrl: "postgresql://owner", ca: "ca", migrations: "sql/devx" };
  const backup = {
    ...{ url: "postgresql://backup", stores: {}, copies: [{ url: "s3://backups", key: "access:secret" }], recipients: ["age1"] },
    ...{ signingKey: "key", maxAgeHours: 1, applications: "digest" },
  };
  const { plan, outputs } = await recorded(() => {
    const postgres = { database: "shop", schemas: ["public"], extensions: [], roles, statementTimeoutSeconds: 30, ...urls };
    const { nodes } = new PostDeploy("steps", { system: "shop", postgres, backup });
    return { nodes: Object.keys(nodes) };
  });
  expect(waitsFor(plan, "Backup steps-backup")).toEqual(["Roles steps-roles"]);
  expect(waitsFor(plan, "Migrations steps-migrations")).toEqual(["Backup steps-backup"]);
  expect(outputs.nodes).toEqual(["roles", "migrations", "backup"]);
});
