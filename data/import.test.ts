import { mkdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { withSession } from "../postdeploy/connect/session.ts";
import { field } from "../systems/data/mapping.ts";
import { takeLock } from "./postgres/connection.ts";
import {
  type Imported,
  id,
  importFiles,
  MAPPING,
  person,
  startShopServer,
  summary,
  temporaryFolder,
  writeSource,
} from "./testing/fixture.ts";

const { createShop, rows } = startShopServer();

/** Where and why, for each rejected row. */
const reasons = ({ lines }: Imported): string[] => lines.map(({ file, record, path, problem }) => `${file}[${record}] ${path}: ${problem}`);

const HASH = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

const FILES = {
  "people.json": [
    person(1, { password: HASH, role: "designer", seen: "2026-01-31T09:30:00.123456+02:00", profile: { n: 1, "": [] }, token: "secret" }),
    person(2, { id: id(2).toUpperCase(), seen: "", balance: 12.5, number: null, born: "2000-02-29", active: false, digest: "00ff" }),
  ],
  "teams.json": [
    { id: id(10), name: "One", members: [{ person: id(1), role: "admin" }, { person: id(2) }] },
    { id: id(11), name: "Two" },
  ],
  "messages.json": [
    { id: 1, replyTo: 2, body: "a\tb\\n\r\n'" },
    { id: 2, replyTo: 3, body: "" },
    { id: 3, person: id(1), body: "😀 \u2028" },
  ],
  "cache.json": "not JSON",
};

describe("an import", () => {
  it("writes every row in the order of the foreign keys, references within a table in any order, and changes values only by declared rules [F123]", async () => {
    const connection = await createShop();
    const result = await importFiles(connection, FILES);
    expect(result.entities.flatMap(({ changes }) => Object.keys(changes))).toEqual([
      'role: "designer" stored as "member"',
      'seen: "" stored as null',
    ]);
    expect(reasons(result)).toEqual([]);
    expect(result.outcome).toBe("imported");
    expect(summary(result)).toEqual(["people: 2 inserted", "teams: 2 inserted", "team_members: 2 inserted", "messages: 3 inserted"]);
    expect(
      await rows(
        connection,
        "SELECT *, seen::text AS seen, profile::text AS profile, born::text AS born, encode(digest, 'hex') AS digest FROM people ORDER BY id",
      ),
    ).toEqual([
      {
        ...{ id: id(1), email: "p1@example.com", name: "Person 1", password: HASH, role: "member", seen: "2026-01-31 07:30:00.123456+00" },
        ...{ profile: '{"": [], "n": 1}', balance: null, number: null, born: null, active: true, digest: null, label: "p1@example.com!" },
      },
      {
        ...{ id: id(2), email: "p2@example.com", name: "Person 2", password: null, role: "member", seen: null },
        ...{ profile: "{}", balance: "12.50", number: null, born: "2000-02-29", active: false, digest: "00ff", label: "p2@example.com!" },
      },
    ]);
    expect(await rows(connection, "SELECT team_id, person_id, role FROM team_members ORDER BY 2")).toEqual([
      { team_id: id(10), person_id: id(1), role: "admin" },
      { team_id: id(10), person_id: id(2), role: "member" },
    ]);
    expect(await rows(connection, "SELECT id, reply_to_id, body FROM messages ORDER BY id")).toEqual([
      { id: "1", reply_to_id: "2", body: "a\tb\\n\r\n'" },
      { id: "2", reply_to_id: "3", body: "" },
      { id: "3", reply_to_id: null, body: "😀 \u2028" },
    ]);
  });

  it("reports every declared transformation with its count, and the hash of every file", async () => {
    const result = await importFiles(await createShop(), FILES);
    expect(Object.fromEntries(result.entities.map(({ entity, changes }) => [entity, changes]))).toEqual({
      people: { 'role: "designer" stored as "member"': 1, 'seen: "" stored as null': 1 },
      ...{ teams: {}, team_members: {}, messages: {} },
    });
    expect(result.digests.map(({ name, sha256 }) => [name, sha256.length])).toEqual([
      ["people.json", 64],
      ["teams.json", 64],
      ["messages.json", 64],
    ]);
    expect(result.ignoredFiles).toEqual([{ name: "cache.json", reason: "The application builds it again" }]);
  });

  it("changes nothing the second time: no row gets a new version [F109]", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    const versions = () =>
      rows(
        connection,
        "SELECT 'people' AS t, id::text, xmin::text, xmax::text, ctid::text FROM people UNION ALL SELECT 'team_members', person_id::text, xmin::text, xmax::text, ctid::text FROM team_members UNION ALL SELECT 'messages', id::text, xmin::text, xmax::text, ctid::text FROM messages ORDER BY 1, 2",
      );
    const before = await versions();
    const result = await importFiles(connection, FILES);
    expect(summary(result)).toEqual(["people: 2 unchanged", "teams: 2 unchanged", "team_members: 2 unchanged", "messages: 3 unchanged"]);
    expect(await versions()).toEqual(before);
  });

  it("treats a row that exists with other values as its entity declares: replaced, kept or refused [F109]", async () => {
    const connection = await createShop();
    await importFiles(connection, FILES);
    const edited = {
      "people.json": [person(1, { name: "New", password: HASH, balance: 0 })],
      "teams.json": [{ id: id(10), name: "Renamed", members: [{ person: id(1), role: "member" }] }],
    };
    expect(summary(await importFiles(connection, edited))).toEqual(["people: 1 updated", "teams: 1 kept", "team_members: 1 updated"]);
    expect(
      await rows(
        connection,
        "SELECT p.name, t.name AS team, m.role FROM team_members m JOIN people p ON p.id = person_id JOIN teams t ON t.id = team_id WHERE p.name = 'New'",
      ),
    ).toEqual([{ name: "New", team: "One", role: "member" }]);
    const refused = await importFiles(connection, {
      "messages.json": [
        { id: 1, replyTo: 3, body: "other" },
        { id: 9, body: "new" },
      ],
    });
    expect(refused.outcome).toBe("rejected");
    expect(reasons(refused)).toEqual(["messages.json[0] : the database has other values: reply_to_id, body"]);
    expect(await rows(connection, "SELECT count(*)::int FROM messages")).toEqual([{ count: 3 }]);
  });

  it("writes nothing in a dry run, and reports what it would write", async () => {
    const connection = await createShop();
    const result = await importFiles(connection, FILES, { dryRun: true });
    expect(result.outcome).toBe("checked");
    expect(summary(result)).toEqual(["people: 2 inserted", "teams: 2 inserted", "team_members: 2 inserted", "messages: 3 inserted"]);
    expect(await rows(connection, "SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM messages) AS count")).toEqual([
      { count: "0" },
    ]);
  });

  it("gives the next row of the application a number that no imported row has", async () => {
    const connection = await createShop();
    await importFiles(connection, { "messages.json": [{ id: 41, body: "" }] });
    expect(await rows(connection, "INSERT INTO messages (body) VALUES ('') RETURNING id")).toEqual([{ id: "42" }]);
  });

  it("rejects what the tables would refuse, each row with its file, record and reason, and then imports nothing", async () => {
    const connection = await createShop();
    await importFiles(connection, { "people.json": [person(9, { email: "taken@example.com" })] });
    const files = {
      "people.json": [
        person(1, { email: "Ann@example.com" }),
        person(2, { email: "ann@example.com" }),
        person(3, { name: "a name of more than twenty characters" }),
        person(4, { balance: -1 }),
        person(5),
        { ...person(6), id: id(5) },
        person(7, { email: "TAKEN@example.com" }),
        person(8),
      ],
      "teams.json": [{ id: id(10), name: "One", members: [{ person: id(8) }, { person: id(4) }, { person: id(99) }, { person: id(8) }] }],
      "messages.json": [
        { id: 1, replyTo: 1, body: "itself" },
        { id: 2, replyTo: 4, body: "circle" },
        { id: 3, replyTo: 2, body: "circle" },
        { id: 4, replyTo: 3, body: "circle" },
        { id: 5, replyTo: 4, body: "into the circle" },
        { id: 6, replyTo: 5, body: "further" },
        { id: 7, replyTo: 77, body: "orphan" },
        { id: 8, replyTo: 7, body: "of an orphan" },
        { id: 9, person: id(3), body: "of a rejected person" },
        { id: 10, replyTo: 11, body: "good" },
        { id: 11, body: "good" },
      ],
    };
    const result = await importFiles(connection, files);
    expect(result.outcome).toBe("rejected");
    const orphan = "reply_to_id refers to no row of messages, in the source or in the database";
    expect(reasons(result)).toEqual([
      "people.json[0] : another record has the same lower(email)",
      "people.json[1] : another record has the same lower(email)",
      "people.json[2] : name is longer than 20 characters",
      "people.json[3] : the rule balance_check of the table is not met",
      "people.json[4] : another record has the same id",
      "people.json[5] : another record has the same id",
      "people.json[6] : another row of the database has the same lower(email) (people_email_key)",
      "teams.json[0] members[0]: another record has the same team_id, person_id",
      "teams.json[0] members[1]: person_id refers to no row of people, in the source or in the database",
      "teams.json[0] members[2]: person_id refers to no row of people, in the source or in the database",
      "teams.json[0] members[3]: another record has the same team_id, person_id",
      "messages.json[0] : reply_to_id leads back to the row itself",
      "messages.json[1] : reply_to_id leads back to the row itself",
      "messages.json[2] : reply_to_id leads back to the row itself",
      "messages.json[3] : reply_to_id leads back to the row itself",
      `messages.json[4] : ${orphan}`,
      `messages.json[5] : ${orphan}`,
      `messages.json[6] : ${orphan}`,
      `messages.json[7] : ${orphan}`,
      "messages.json[8] : person_id refers to no row of people, in the source or in the database",
    ]);
    expect(result.rejected).toBe(20);
    expect(await rows(connection, "SELECT count(*)::int FROM people")).toEqual([{ count: 1 }]);
    // The same rows without the rejected ones.
    const rest = await importFiles(connection, files, { skipRejected: true });
    expect(summary(rest)).toEqual([
      "people: 1 inserted, 7 rejected",
      "teams: 1 inserted",
      "team_members: 4 rejected",
      "messages: 2 inserted, 9 rejected",
    ]);
    expect(await rows(connection, "SELECT id FROM messages ORDER BY id")).toEqual([{ id: "10" }, { id: "11" }]);
  });

  it("finds a circle that the source closes over rows of the database", async () => {
    const connection = await createShop();
    await importFiles(connection, {
      "messages.json": [
        { id: 1, body: "" },
        { id: 2, replyTo: 1, body: "" },
      ],
    });
    const mapping = { ...MAPPING, entities: MAPPING.entities.map((one) => ({ ...one, conflict: "replace" as const })) };
    const result = await importFiles(connection, { "messages.json": [{ id: 1, replyTo: 2, body: "" }] }, { mapping });
    expect(reasons(result)).toEqual(["messages.json[0] : reply_to_id leads back to the row itself"]);
  });

  it("follows a chain of 3,000 replies", async () => {
    const connection = await createShop();
    const messages = Array.from({ length: 3000 }, (_, n) => ({ id: n + 1, ...(n < 2999 && { replyTo: n + 2 }), body: "" }));
    expect(summary(await importFiles(connection, { "messages.json": messages }))).toEqual(["messages: 3000 inserted"]);
  });

  it("rejects what a field does not allow, with the path, and never prints a value", async () => {
    const connection = await createShop();
    const canary = "canary-5f2a";
    const files = {
      "people.json": `[${[
        `{"id":"${id(1)}","email":"a","name":"b","password":"${canary}\\u0000"}`,
        `{"id":"${id(2)}","email":"a","name":"b","password":"${canary}\\ud800"}`,
        `{"id":"${id(3)}","email":"a","name":"b","password":"${canary}","password":"${canary}"}`,
        `{"id":"${id(4)}","email":"a","name":"b","password":"${canary}","role":"${canary}","nickname":"${canary}"}`,
        `{"id":"${canary}","email":null,"password":17}`,
        `{"id":"${id(6)}","email":"a","name":"b","number":9223372036854775808,"balance":1.005,"born":"2026-02-29","seen":"2026-01-01T00:00:00"}`,
        `{"id":"${id(7)}","email":"a","name":"b","number":1.0,"balance":"1","born":"29.2.2024","seen":"2026-01-01T00:00:00.1234567Z","active":"true"}`,
        `{"id":"${id(8)}","email":"a","name":"b","profile":{"deep":["\\u0000"]},"digest":"0"}`,
        `"${canary}"`,
      ].join(",\n")}]`,
      "teams.json": `[{"id":"${id(10)}","name":"One","members":[{"person":"${id(1)}","role":"${canary}"},"${canary}",{"person":"\\u0000"}]},
        {"id":"${id(11)}","name":"Two","members":{"person":"${id(1)}"}}, {"id":null,"name":"Three","members":[{"person":"${id(1)}"}]}]`,
    };
    const result = await importFiles(connection, files);
    const nul = "it contains U+0000, which Postgres cannot store";
    expect(reasons(result).filter((reason) => !reason.includes("refers to"))).toEqual([
      `people.json[0] password: ${nul}`,
      "people.json[1] password: it contains half of a surrogate pair, which is no character",
      'people.json[2] : the key "password" is there twice',
      "people.json[3] role: it is none of the words of the mapping: admin, member, designer",
      "people.json[3] nickname: the mapping of people does not name this field",
      "people.json[4] id: it is not a UUID such as 6d66c879-d871-41bb-8da5-fb3db75d52a6",
      "people.json[4] email: it is null, which this field does not allow",
      "people.json[4] password: it is a number, and not a string",
      "people.json[4] name: the record does not have it",
      "people.json[5] number: it is outside the range of bigint",
      "people.json[5] balance: it has more than 2 digits after the decimal point",
      "people.json[5] born: there is no such day",
      "people.json[5] seen: it has no offset, and the mapping declares no zone",
      "people.json[6] number: it is not a whole number written with digits only",
      "people.json[6] balance: it is a string, and not a number",
      "people.json[6] born: it is not a date such as 2026-01-31",
      "people.json[6] seen: it is more exact than a microsecond",
      "people.json[6] active: it is a string, and not a boolean",
      `people.json[7] profile.deep[0]: ${nul}`,
      "people.json[7] digest: it is not pairs of lower-case hexadecimal digits",
      "people.json[8] : it is a string, and not an object",
      "teams.json[2] id: it is null, which this field does not allow",
      "teams.json[0] members[0].role: it is none of the words of the mapping: admin, member, designer",
      "teams.json[0] members[1]: it is a string, and not an object",
      `teams.json[0] members[2].person: ${nul}`,
      "teams.json[0] members[2].person: it is not a UUID such as 6d66c879-d871-41bb-8da5-fb3db75d52a6",
      "teams.json[1] members: it is an object, and not an array",
      "teams.json[2] members[0]: id of the record around it: it is null, which this field does not allow",
    ]);
    expect(JSON.stringify(result)).not.toContain(canary);
    expect(statSync(result.rejectedFile!).mode & 0o777).toBe(0o600);
    expect(result.rejected).toBe(9 + 1 + 5);
  });

  it("removes U+0000 only where the mapping declares it, and counts that", async () => {
    const connection = await createShop();
    const result = await importFiles(connection, { "people.json": [person(1, { name: "a\0b" })] });
    expect(result.entities[0]!.changes).toEqual({ "name: U+0000 removed": 1 });
    expect(await rows(connection, "SELECT name FROM people")).toEqual([{ name: "ab" }]);
  });

  it("keeps every digit of a number, and the text inside of JSON columns", async () => {
    const connection = await createShop();
    const profile = '{"n":9007199254740993,"d":12345678901234567890.12,"e":1.10,"__proto__":{"x":1}}';
    await importFiles(connection, {
      "people.json": `[{"id":"${id(1)}","email":"a","name":"b","number":9007199254740993,"balance":1234567890.12,"profile":${profile}}]`,
    });
    expect(await rows(connection, "SELECT number::text, balance::text, profile::text FROM people")).toEqual([
      {
        number: "9007199254740993",
        balance: "1234567890.12",
        profile: '{"d": 12345678901234567890.12, "e": 1.10, "n": 9007199254740993, "__proto__": {"x": 1}}',
      },
    ]);
  });

  it("takes one file, a file with another name, lines, one file per record, and standard input", async () => {
    const connection = await createShop();
    const lines = `${JSON.stringify(person(1))}\n${JSON.stringify(person(2))}\n`;
    const folder = writeSource({ "people.ndjson": lines, "backup.json": [person(3)] });
    expect(summary(await importFiles(connection, path.join(folder, "people.ndjson")))).toEqual(["people: 2 inserted"]);
    expect(summary(await importFiles(connection, path.join(folder, "backup.json"), { as: "people.json" }))).toEqual(["people: 1 inserted"]);
    expect(summary(await importFiles(connection, "-", { as: "people.ndjson", input: lines }))).toEqual(["people: 2 unchanged"]);
    const perRecord = temporaryFolder();
    mkdirSync(path.join(perRecord, "people"));
    for (const n of [4, 5])
      writeFileSync(path.join(perRecord, "people", `${n}.json`), JSON.stringify(person(n, n === 5 ? { name: 5 } : {})));
    const result = await importFiles(connection, perRecord, { skipRejected: true });
    expect(summary(result)).toEqual(["people: 1 inserted, 1 rejected"]);
    expect(reasons(result)).toEqual(["people/5.json[0] name: it is a number, and not a string"]);
  });

  it("refuses a folder with a file that the mapping does not name", async () => {
    const connection = await createShop();
    const folder = writeSource({ "people.json": [person(1)], "peoples.json": [], "notes.txt": "" });
    await expect(importFiles(connection, folder)).rejects.toThrow(
      "The source has 2 files that cannot be imported, so nothing was:\n  notes.txt: the mapping does not name it\n  peoples.json: the mapping does not name it",
    );
    expect(await rows(connection, "SELECT count(*)::int FROM people")).toEqual([{ count: 0 }]);
  });

  it("refuses a mapping that does not fit the tables, with everything that is wrong", async () => {
    const connection = await createShop();
    await rows(
      connection,
      "ALTER TABLE people ADD nickname text, ALTER balance TYPE numeric(6, 2), DROP COLUMN born, ALTER number TYPE text; DROP INDEX people_email_key; CREATE TABLE invoices (id int); ALTER TABLE team_members DROP CONSTRAINT team_members_pkey",
    );
    const error = await importFiles(connection, FILES).then(String, (error: Error) => error.message);
    expect(error.split("\n")).toEqual([
      "The mapping does not fit the tables of the database, so nothing was read:",
      "  public.people.balance: the column has 4 digits before and 2 after the decimal point, and the field 10 and 2",
      "  public.people.number: the column is text, and the field is bigint",
      "  public.people.born: there is no such column",
      "  public.people.nickname: no field fills it, and otherColumns does not name it",
      "  public.team_members: no unique index has exactly the columns of the key, team_id, person_id",
      "  public.invoices: no entity fills it, and otherTables does not name it",
      "Apply pending migrations first; else correct the mapping in systems/data.",
    ]);
  });

  it("ends with the error of a trigger, without the values of the row, and writes nothing", async () => {
    const connection = await createShop();
    await rows(
      connection,
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not on Sundays' USING DETAIL = NEW.password; END $$; CREATE TRIGGER refuse BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    await expect(importFiles(connection, FILES)).rejects.toThrow(
      "Postgres refused a statement (P0001): not on Sundays. Nothing was imported.",
    );
  });

  it("lets one import run at a time, and does not wait for the other", async () => {
    const connection = await createShop();
    await withSession(connection, { application: "other" }, async (session) => {
      await session.send("BEGIN");
      await takeLock(session);
      const failure = await importFiles(connection, FILES).catch((error: Error & { exit?: number }) => error);
      expect(failure).toMatchObject({ exit: 75, code: "locked" });
      expect((failure as Error).message).toMatch(
        /^Another import of this database is running \(pid \d+, since [-\d: ]+ UTC\)\. Wait for it/,
      );
    });
  });

  it("reports how many bytes are read, also where the files are read again", async () => {
    const connection = await createShop();
    const files = { "people.json": [person(1)], "teams.json": "[]" };
    const bytes = JSON.stringify([person(1)]).length;
    const follow = async () => {
      const progress: unknown[] = [];
      await importFiles(connection, files, { onProgress: (one) => progress.push(one) });
      return progress;
    };
    // teams.json is read once more, for the members.
    const read = [bytes, bytes + 2, bytes + 4].map((count) => ({ kind: "read", bytes: count, of: bytes + 4 }));
    const write = (entity: string, rows: number) => ({ kind: "write", entity, rows });
    // The row of people makes its table one that is not empty.
    expect(await follow()).toEqual([...read, { kind: "check" }, write("messages", 0)]);
    const again = [2, bytes + 2, bytes + 4].map((count) => ({ kind: "read", bytes: count, of: bytes + 4 }));
    expect(await follow()).toEqual([...again, { kind: "check" }, write("people", 1), write("team_members", 0), write("messages", 0)]);
  });

  it("names a field of every type that a column cannot hold", async () => {
    const connection = await createShop();
    const [people] = MAPPING.entities;
    const fields = { ...people!.fields, seen: field.timestamp("born"), born: field.date("seen"), active: field.integer("active") };
    const mapping = { ...MAPPING, entities: [{ ...people!, fields }, ...MAPPING.entities.slice(1)] };
    await expect(importFiles(connection, FILES, { mapping })).rejects.toThrow(
      /people\.born: the column is date, and the field is timestamptz\n.*people\.seen: the column is timestamp with time zone, and the field is date\n.*people\.active: the column is boolean, and the field is integer/,
    );
  });
});
