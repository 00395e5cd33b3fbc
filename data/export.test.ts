import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { exportData, readManifest } from "./export.ts";
import {
  exportTo,
  id,
  importFiles,
  MAPPING,
  person,
  readExport,
  startShopServer,
  summary,
  temporaryFolder,
  validateFiles,
} from "./testing/fixture.ts";

const { createShop, rows: sql } = startShopServer();

const FILES = {
  "people.json": [
    person(2, { seen: "2026-01-31T09:30:00.120Z", profile: { z: 1, a: [1.1, "\u0001"] }, balance: 12.5, number: 7 }),
    person(1, {
      password: "$2b$10$abc'\"\\",
      role: "designer",
      seen: "2026-01-31T09:30:00.123456+02:00",
      born: "2000-02-29",
      active: false,
      digest: "00ff",
    }),
  ],
  "teams.json": [
    { id: id(11), name: "Two\n\u2028😀" },
    { id: id(10), name: "One", members: [{ person: id(2) }, { person: id(1), role: "admin" }] },
  ],
  "messages.json": [
    { id: 10, body: "" },
    { id: 9, replyTo: 10, person: id(1), body: "\t" },
  ],
};

describe("an export", () => {
  it("writes the layout that an import reads, in the order of the keys", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    const { folder, rows } = await exportTo(connection);
    expect(rows).toEqual({ people: 2, teams: 2, team_members: 2, messages: 2 });
    expect(readExport(folder)).toEqual({
      "people.json": `[
{"id":"${id(1)}","email":"p1@example.com","name":"Person 1","password":"$2b$10$abc'\\"\\\\","role":"member","seen":"2026-01-31T07:30:00.123456Z","profile":{},"balance":null,"number":null,"born":"2000-02-29","active":false,"digest":"00ff"},
{"id":"${id(2)}","email":"p2@example.com","name":"Person 2","password":null,"role":"member","seen":"2026-01-31T09:30:00.120Z","profile":{"a": [1.1, "\\u0001"], "z": 1},"balance":12.50,"number":7,"born":null,"active":true,"digest":null}
]
`,
      "teams.json": `[
{"id":"${id(10)}","name":"One","members":[{"person":"${id(1)}","role":"admin"},{"person":"${id(2)}","role":"member"}]},
{"id":"${id(11)}","name":"Two\\n\u2028😀","members":[]}
]
`,
      "messages.json": `[
{"id":9,"person":"${id(1)}","replyTo":10,"body":"\\t"},
{"id":10,"person":null,"replyTo":null,"body":""}
]
`,
    });
  });

  it("of an import of an export has equal bytes, and the import of it changes nothing", async () => {
    const [first, second] = [await createShop(), await createShop()];
    await importFiles(first, FILES);
    const exported = await exportTo(first);
    expect((await importFiles(second, exported.folder)).outcome).toBe("imported");
    expect(readExport((await exportTo(second)).folder)).toEqual(readExport(exported.folder));
    expect(summary(await importFiles(first, exported.folder))).toEqual([
      "people: 2 unchanged",
      "teams: 2 unchanged",
      "team_members: 2 unchanged",
      "messages: 2 unchanged",
    ]);
    expect((await validateFiles(second, exported.folder)).outcome).toBe("passed");
  });

  it("has a manifest with counts, bytes and hashes, and files that only their owner reads", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    const { folder } = await exportTo(connection);
    const manifest = readManifest(folder)!;
    expect(manifest).toMatchObject({ format: 1, system: "shop", walPosition: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/) });
    expect(manifest.files).toEqual(
      Object.entries(readExport(folder))
        .map(([name, text]) => ({
          name,
          records: 2,
          bytes: Buffer.byteLength(text),
          sha256: createHash("sha256").update(text).digest("hex"),
        }))
        .sort(
          (one, other) =>
            ["people.json", "teams.json", "messages.json"].indexOf(one.name) -
            ["people.json", "teams.json", "messages.json"].indexOf(other.name),
        ),
    );
    for (const name of readdirSync(folder)) expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
  });

  it("of empty tables has empty files, which import as nothing", async () => {
    const connection = await createShop();
    const { folder } = await exportTo(connection);
    expect(readExport(folder)).toEqual({ "people.json": "[]\n", "teams.json": "[]\n", "messages.json": "[]\n" });
    expect((await importFiles(connection, folder)).outcome).toBe("imported");
  });

  it("takes all files from one snapshot, and leaves out what is committed meanwhile", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    let writing: Promise<unknown> | undefined;
    const { rows } = await exportData({
      ...{
        connection,
        system: "shop",
        mapping: MAPPING,
        to: path.join(temporaryFolder(), "export"),
        rejectedFile: path.join(temporaryFolder(), "r"),
      },
      onProgress(progress) {
        if (progress.kind === "export" && progress.entity === "teams")
          writing ??= sql(connection, "INSERT INTO messages (id, body) VALUES (99, ''); DELETE FROM team_members");
      },
    });
    await writing;
    expect(rows).toEqual({ people: 2, teams: 2, team_members: 2, messages: 2 });
  });

  it("is refused if a row would not read back, and then leaves no folder", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    await sql(
      connection,
      "ALTER TABLE people DROP CONSTRAINT people_role_check; UPDATE people SET role = 'guest', seen = 'infinity' WHERE number = 7",
    );
    const to = path.join(temporaryFolder(), "export");
    await expect(exportTo(connection, to)).rejects.toThrow(
      /^The exported files do not read back as the rows of the database, so nothing was exported:\n {2}people: 1 of 2 rows\n {2}people, (role|seen): it is .*All 1 rows: /,
    );
    expect(readdirSync(path.dirname(to))).toEqual([]);
  });

  it("replaces an earlier export of the system, and refuses any other folder", async () => {
    const connection = await createShop();
    const to = path.join(temporaryFolder(), "export");
    await exportTo(connection, to);
    await importFiles(connection, FILES);
    await exportTo(connection, to);
    expect(readManifest(to)!.rows.people).toBe(2);
    writeFileSync(path.join(temporaryFolder(), "file"), "");
    const other = temporaryFolder();
    writeFileSync(path.join(other, "people.json"), "[]");
    await expect(exportTo(connection, other)).rejects.toMatchObject({
      exit: 2,
      message: expect.stringContaining("has other files than an export of shop"),
    });
    await expect(exportTo(connection, path.join(other, "people.json"))).rejects.toMatchObject({ exit: 2 });
    await expect(exportTo(connection, path.join(other, "none", "export"))).rejects.toMatchObject({
      exit: 2,
      message: expect.stringContaining("does not exist"),
    });
    expect(readExport(other)).toEqual({ "people.json": "[]" });
  });

  it("removes what killed runs left behind, and not what a running one writes", async () => {
    const connection = await createShop();
    const parent = temporaryFolder();
    for (const name of ["export.partial-999999999", "export.old-999999999", `export.partial-${process.ppid}`, "export.partial-x"])
      mkdirSync(path.join(parent, name));
    await exportTo(connection, path.join(parent, "export"));
    expect(readdirSync(parent).sort()).toEqual(["export", `export.partial-${process.ppid}`, "export.partial-x"].sort());
    expect(existsSync(path.join(parent, "export", "people.json"))).toBe(true);
  });
});
