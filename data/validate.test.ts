import { describe, expect, it } from "vitest";
import { id, importFiles, person, startShopServer, validateFiles, writeSource } from "./testing/fixture.ts";
import { accuracyOf } from "./validate.ts";

const { createShop, rows } = startShopServer();

const HASH = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
const FILES = {
  "people.json": [1, 2, 3, 4].map((n) =>
    person(n, { password: HASH, seen: "2026-01-31T09:30:00.123456Z", profile: { n: 1.5 }, balance: 1 }),
  ),
  "teams.json": [{ id: id(10), name: "One", members: [{ person: id(1) }, { person: id(2) }] }],
  "messages.json": "[]",
};

const counts = ({ entities }: Awaited<ReturnType<typeof validateFiles>>) =>
  entities.map(({ entity, read, rows, matched, missing, extra, differing, rejected, accuracy }) =>
    [entity, read, rows, matched, missing, extra, differing, rejected, accuracy ?? "n/a"].join(" "),
  );

describe("a comparison", () => {
  it("counts both sides, and which rows matched, are missing, extra, different or rejected, with the accuracy [F68]", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    await rows(
      connection,
      `UPDATE people SET name = 'Other', balance = 2 WHERE id = '${id(2)}';
       UPDATE people SET seen = seen + '1 microsecond' WHERE id = '${id(3)}';
       DELETE FROM team_members WHERE person_id = '${id(1)}'; INSERT INTO team_members (team_id, person_id, role) VALUES ('${id(10)}', '${id(3)}', 'member')`,
    );
    const files = { ...FILES, "people.json": [...FILES["people.json"], person(5), person(6, { email: 1 }), person(7), person(7)] };
    const result = await validateFiles(connection, files);
    expect(counts(result)).toEqual([
      // entity, in the files, in the table, matched, missing, extra, differing, rejected, accuracy
      "people 8 4 2 1 0 2 3 25",
      "teams 1 1 1 0 0 0 0 100",
      "team_members 2 2 1 1 1 0 0 33.3333",
      "messages 0 0 0 0 0 0 0 n/a",
    ]);
    expect(result.entities[0]).toMatchObject({
      fields: { name: 1, balance: 1, seen: 1 },
      examples: [
        { kind: "missing", key: id(5) },
        { kind: "differing", key: id(2), fields: ["name", "balance"] },
        { kind: "differing", key: id(3), fields: ["seen"] },
      ],
    });
    expect(result.entities[2]!.examples).toEqual([
      { kind: "missing", key: `${id(10)} ${id(1)}` },
      { kind: "extra", key: `${id(10)} ${id(3)}` },
    ]);
    expect(result.outcome).toBe("the accuracy is 33.3333 %, below the threshold of 100 %");
    expect(result.rejections.map(({ entity, path, problem, count }) => [entity, path, problem, count])).toEqual([
      ["people", "", "another record has the same id", 2],
      ["people", "email", "it is a number, and not a string", 1],
    ]);
    expect(JSON.stringify(result)).not.toContain(HASH);
  });

  it("passes if every row of both sides is the same, however the files are written", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    const people = FILES["people.json"].map((one) =>
      JSON.stringify({ ...one, seen: "2026-01-31T11:30:00.123456+02:00" })
        .replace('"balance":1', '"balance":1.00')
        .replace('{"n":1.5}', '{ "n": 1.50 }'),
    );
    const result = await validateFiles(connection, { "people.ndjson": people.reverse().join("\n"), "teams.json": FILES["teams.json"] });
    expect(counts(result).slice(0, 3)).toEqual(["people 4 4 4 0 0 0 0 100", "teams 1 1 1 0 0 0 0 100", "team_members 2 2 2 0 0 0 0 100"]);
    expect(result.outcome).toBe("passed");
  });

  it("notices a change of every field, and of null to a value", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    const changes: Record<string, string> = {
      email: "'P1@example.com'",
      ...{
        name: "name || ' '",
        password: "upper(password)",
        role: "'admin'",
        seen: "seen - interval '1 hour'",
        profile: `profile || '{"a": null}'`,
      },
      ...{ balance: "balance + 0.01", number: "0", born: "'2026-01-31'", active: "false", digest: "''" },
    };
    for (const [column, value] of Object.entries(changes)) {
      await rows(connection, `UPDATE people SET ${column} = ${value} WHERE id = '${id(1)}'`);
      expect(Object.keys((await validateFiles(connection, FILES)).entities[0]!.fields), column).toEqual([column]);
      expect(await importFiles(connection, FILES)).toMatchObject({ outcome: "imported", entities: [{ updated: 1 }, {}, {}, {}] });
    }
  });

  it('of nothing with nothing is "n/a", and no success [F69]', async () => {
    const result = await validateFiles(await createShop(), { "people.json": "[]" });
    expect(counts(result)).toEqual(["people", "teams", "team_members", "messages"].map((entity) => `${entity} 0 0 0 0 0 0 0 n/a`));
    expect(result.accuracy).toBeUndefined();
    expect(result.outcome).toBe("there is no row on either side, which shows nothing");
  });

  it("counts rows by parsing: two ids on one line are two, and an id in a text is none [F95]", async () => {
    const connection = await createShop();
    const files = { "people.json": `[${JSON.stringify(person(1, { name: '"id":"x"' }))},${JSON.stringify(person(2))}]` };
    await importFiles(connection, files);
    expect(counts(await validateFiles(connection, files))[0]).toBe("people 2 2 2 0 0 0 0 100");
  });

  it("counts every row of a file that is absent as extra", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    const { "teams.json": _, ...rest } = FILES;
    expect(counts(await validateFiles(connection, rest)).slice(1, 3)).toEqual(["teams 0 1 0 0 1 0 0 0", "team_members 0 2 0 0 2 0 0 0"]);
  });

  it("sees one snapshot of the database: what is committed meanwhile is not compared", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    let deleting: Promise<unknown> | undefined;
    const result = await validateFiles(connection, FILES, {
      onProgress(progress) {
        if (progress.kind === "compare") deleting ??= rows(connection, "DELETE FROM team_members");
      },
    });
    await deleting;
    expect(result.outcome).toBe("passed");
    expect((await validateFiles(connection, FILES)).outcome).not.toBe("passed");
  });

  it("compares with the threshold, and never rounds up to it", () => {
    const counted = { matched: 0, missing: 0, extra: 0, differing: 0, rejected: 0 };
    expect(accuracyOf([{ ...counted, matched: 999_999_999, missing: 1 }])).toBe(99.9999);
    expect(accuracyOf([{ ...counted, matched: 2, extra: 1 }])).toBe(66.6666);
    expect(accuracyOf([{ ...counted, rejected: 1 }])).toBe(0);
    expect(accuracyOf([counted, { ...counted, matched: 1 }])).toBe(100);
    expect(accuracyOf([counted])).toBeUndefined();
  });

  it("accepts a lower accuracy with a threshold, and names when the snapshot was taken", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    await rows(connection, `DELETE FROM team_members WHERE person_id = '${id(1)}'`);
    const result = await validateFiles(connection, writeSource(FILES), { threshold: 85 });
    expect(result).toMatchObject({ outcome: "passed", threshold: 85, accuracy: 85.7142 });
    expect(result.at >= result.filesReadFrom).toBe(true);
    expect(result.ignoredFields).toEqual({ "people.token": "A session ends with the move" });
  });
});
