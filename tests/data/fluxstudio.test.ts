/** FluxStudio's mapping on its migrated tables: every entity, every trap of the files, and what must never happen to them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportData } from "../../data/export.ts";
import { type ImportResult, importData } from "../../data/import.ts";
import { openSource } from "../../data/source.ts";
import { validateData } from "../../data/validate.ts";
import { fluxstudio as mapping } from "../../systems/data/fluxstudio.ts";
import { type Database, type Server, start } from "../sql/database.ts";
import { type Corpus, generateCorpus, hashOf, idOf, writeCorpus } from "./corpus.ts";

const SYSTEM = "fluxstudio";
let server: Server;
const folders: string[] = [];
beforeAll(async () => {
  server = await start(17);
});
afterAll(async () => {
  await server.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "slipway-corpus-"));
  folders.push(folder);
  return folder;
}

function write(corpus: Corpus): string {
  const folder = temporaryFolder();
  writeCorpus(corpus, folder);
  return folder;
}

const connectionTo = (database: Database) => ({ url: database.url("owner") });

async function run(database: Database, folder: string, more: { readonly skipRejected?: boolean } = {}): Promise<ImportResult> {
  const source = await openSource(mapping, { from: folder });
  return await importData({
    connection: connectionTo(database),
    system: SYSTEM,
    mapping,
    source,
    rejectedFile: path.join(temporaryFolder(), "rejected"),
    ...more,
  });
}

async function compare(database: Database, folder: string) {
  const source = await openSource(mapping, { from: folder });
  return await validateData({
    connection: connectionTo(database),
    system: SYSTEM,
    mapping,
    source,
    rejectedFile: path.join(temporaryFolder(), "rejected"),
  });
}

async function exportFrom(database: Database): Promise<string> {
  const to = path.join(temporaryFolder(), "export");
  await exportData({
    connection: connectionTo(database),
    system: SYSTEM,
    mapping,
    to,
    rejectedFile: path.join(temporaryFolder(), "rejected"),
  });
  return to;
}

const bytesIn = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name !== "slipway-export.json")
      .map((name) => [name, readFileSync(path.join(folder, name), "utf8")]),
  );

describe("the corpus of FluxStudio", () => {
  const corpus = generateCorpus(mapping, 40);
  const folder = write(corpus);

  it("is imported whole, equals the database field by field, and is refused with a field or a file that no mapping names [F49]", async () => {
    const database = await server.database(SYSTEM);
    const first = await run(database, folder);
    expect(first.rejections).toEqual([]);
    for (const { entity, read, inserted } of first.entities) expect([entity, inserted, inserted > 0]).toEqual([entity, read, true]);
    const compared = await compare(database, folder);
    expect(compared.entities.map(({ entity, accuracy }) => [entity, accuracy])).toEqual(mapping.entities.map(({ name }) => [name, 100]));
    expect(compared.outcome).toBe("passed");
    const second = await run(database, folder);
    for (const { entity, read, unchanged } of second.entities) expect([entity, unchanged]).toEqual([entity, read]);
    const unknown = await run(database, write({ ...corpus, tasks: [{ ...corpus.tasks![0]!, color: "red" }] }));
    expect(unknown).toMatchObject({ outcome: "rejected", rejections: [{ entity: "tasks", path: "color", count: 1 }] });
    await expect(run(database, write({ ...corpus, presence: [] }))).rejects.toThrow("the mapping does not name it");
  });

  it("is exported, imported into another database and exported again with equal bytes", async () => {
    const [one, other] = [await server.database(SYSTEM), await server.database(SYSTEM)];
    await run(one, folder);
    const exported = await exportFrom(one);
    await run(other, exported);
    expect(bytesIn(await exportFrom(other))).toEqual(bytesIn(exported));
    // The export has the content of the corpus.
    expect((await compare(one, exported)).outcome).toBe("passed");
    expect((await compare(other, folder)).outcome).toBe("passed");
  });

  it("keeps every bcrypt hash byte for byte, and prints none of them [F84]", async () => {
    const database = await server.database(SYSTEM);
    const broken = write({ ...corpus, users: [...corpus.users!, { ...corpus.users![0]!, email: 17 }, { ...corpus.users![1]!, id: "x" }] });
    const result = await run(database, broken, { skipRejected: true });
    const stored = await database.as("owner", "SELECT id, password_hash FROM users ORDER BY id");
    expect(stored).toEqual(corpus.users!.map((_, n) => ({ id: idOf("users", n), password_hash: hashOf(n) })));
    await database.as("owner", "UPDATE users SET password_hash = 'changed'");
    const compared = await compare(database, broken);
    expect(compared.entities[0]).toMatchObject({ differing: 40, fields: { password_hash: 40 } });
    const printed = [JSON.stringify(result), readFileSync(result.rejectedFile!, "utf8"), JSON.stringify(compared)].join("\n");
    expect(printed).not.toContain("$2b$");
    for (let n = 0; n < 40; n++) expect(printed).not.toContain(hashOf(n));
  });

  it("brings every word of a role into the words that the table allows, and rejects any other [F67]", async () => {
    const database = await server.database(SYSTEM);
    const result = await run(database, folder);
    const members = result.entities.find(({ entity }) => entity === "project_members")!;
    expect(
      Object.keys(members.changes)
        .filter((rule) => rule.startsWith("role"))
        .sort(),
    ).toEqual([
      'role: "admin" stored as "manager"',
      'role: "contributor" stored as "member"',
      'role: "designer" stored as "member"',
      'role: "guest" stored as "viewer"',
      'role: "lead" stored as "manager"',
    ]);
    const words = await database.as("owner", "SELECT DISTINCT role FROM project_members ORDER BY role");
    expect(words.map(({ role }) => role)).toEqual(["client", "manager", "member", "owner", "viewer"]);
    const [valid] = await database.as("owner", "SELECT convalidated FROM pg_constraint WHERE conname = 'project_members_role_check'");
    expect(valid).toEqual({ convalidated: true });
    const other = write({
      ...corpus,
      projects: [{ ...corpus.projects![0]!, members: [{ userId: idOf("users", 1), role: "superuser", joinedAt: "2026-01-01T00:00:00Z" }] }],
    });
    const rejected = await run(database, other);
    expect(rejected.outcome).toBe("rejected");
    expect(rejected.rejections[0]).toMatchObject({
      entity: "project_members",
      path: "members[].role",
      problem: expect.stringMatching(/^it is none of the words of the mapping: owner, /),
    });
  });

  it("fills teams and their members from teams.json like users and projects, and counts them", async () => {
    const database = await server.database(SYSTEM);
    await run(database, folder);
    const [counts] = await database.as(
      "owner",
      "SELECT (SELECT count(*)::int FROM teams) AS teams, (SELECT count(*)::int FROM team_members) AS members",
    );
    const members = corpus.teams!.flatMap(({ members = [] }) => members as unknown[]);
    expect(counts).toEqual({ teams: 40, members: members.length });
    const without = temporaryFolder();
    const { teams, ...rest } = corpus;
    writeCorpus(rest, without, "arrays");
    const compared = await compare(database, without);
    expect(compared.entities.filter(({ extra }) => extra > 0).map(({ entity, extra }) => [entity, extra])).toEqual([
      ["teams", teams!.length],
      ["team_members", members.length],
    ]);
    expect(compared.outcome).not.toBe("passed");
  });

  it("is imported before the last migration, which then fills and requires what the files do not have", async () => {
    const database = await server.database(SYSTEM, { migrated: false });
    await database.up("006");
    const projects = corpus.projects!.map(({ organizationId: _, managerId: __, serviceTier: ___, ...rest }, n) => ({
      ...rest,
      teamId: idOf("teams", n),
      members: [{ userId: idOf("users", n), role: "lead", joinedAt: "2026-01-01T00:00:00Z" }],
    }));
    expect((await run(database, write({ ...corpus, projects }))).rejections).toEqual([]);
    await database.up();
    const filled = await database.as(
      "owner",
      "SELECT count(*)::int AS n FROM projects WHERE organization_id IS NOT NULL AND manager_id IS NOT NULL AND service_tier = 'standard'",
    );
    expect(filled).toEqual([{ n: 40 }]);
  });
});

/** One record or file with a trap each, and what becomes of it. "accepted: …" is the stored value. */
const user = (n: number, text: string) =>
  `{"id":"${idOf("users", 1000 + n)}","email":"trap${n}@example.com","name":"n","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z"${text}}`;
const message = (n: number, replyTo: number) =>
  `{"id":"${idOf("messages", 1000 + n)}","conversationId":"${idOf("conversations", 0)}","content":"c","replyTo":"${idOf("messages", 1000 + replyTo)}","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z"}`;
const usersWith = (...texts: string[]) => texts.map((text, n) => user(n, text));

interface Trap {
  readonly file: string;
  readonly records: readonly string[];
  /** Rejected rows: "record path: problem". */
  readonly rejected?: readonly string[];
  /** A query and its result, once the rest is imported. */
  readonly stored?: readonly [sql: string, value: unknown];
}

const column = (sql: string) => `SELECT ${sql} AS v FROM users WHERE email = 'trap0@example.com'`;
const TRAPS: Readonly<Record<string, Trap>> = {
  "U+0000 in a text (J1)": {
    file: "users.json",
    records: usersWith(',"avatar":"a\\u0000"'),
    rejected: ["0 avatar: it contains U+0000, which Postgres cannot store"],
  },
  "U+0000 deep in a JSON column (J1)": {
    file: "users.json",
    records: usersWith(',"identities":{"google":"\\u0000"}'),
    rejected: ["0 identities.google: it contains U+0000, which Postgres cannot store"],
  },
  "half of a surrogate pair (J2)": {
    file: "users.json",
    records: usersWith(',"avatar":"\\ud800"'),
    rejected: ["0 avatar: it contains half of a surrogate pair, which is no character"],
  },
  "a whole surrogate pair (J2)": {
    file: "users.json",
    records: usersWith(',"avatar":"\\ud83d\\ude00"'),
    stored: [column("avatar_url"), "😀"],
  },
  "an integer beyond 2^53 (J3)": {
    file: "users.json",
    records: usersWith(',"identities":{"n":9007199254740993}'),
    stored: [column("identities::text"), '{"n": 9007199254740993}'],
  },
  "a decimal with 22 digits (J4)": {
    file: "users.json",
    records: usersWith(',"identities":{"n":12345678901234567890.12}'),
    stored: [column("identities::text"), '{"n": 12345678901234567890.12}'],
  },
  "a duplicate key (J5)": {
    file: "users.json",
    records: usersWith(',"avatar":"a","avatar":"b"'),
    rejected: ['0 : the key "avatar" is there twice'],
  },
  "a duplicate key inside of a JSON column (J5)": {
    file: "users.json",
    records: usersWith(',"identities":{"a":1,"a":1}'),
    rejected: ['0 identities: the key "a" is there twice'],
  },
  "the key __proto__ (J6)": {
    file: "users.json",
    records: usersWith(',"identities":{"__proto__":{"a":1}}'),
    stored: [column("identities::text"), '{"__proto__": {"a": 1}}'],
  },
  "the key __proto__ as a field (J6)": {
    file: "users.json",
    records: usersWith(',"__proto__":{"role":"admin"}'),
    rejected: ["0 __proto__: the mapping of users does not name this field"],
  },
  "microseconds (J8)": {
    file: "users.json",
    records: usersWith(',"lastLogin":"2026-01-31T09:30:00.123456Z"'),
    stored: [column("last_login_at::text"), "2026-01-31 09:30:00.123456+00"],
  },
  "nanoseconds (J8)": {
    file: "users.json",
    records: usersWith(',"lastLogin":"2026-01-31T09:30:00.123456789Z"'),
    rejected: ["0 lastLogin: it is more exact than a microsecond"],
  },
  "a time without an offset (J9)": {
    file: "users.json",
    records: usersWith(',"lastLogin":"2026-01-31T09:30:00"'),
    rejected: ["0 lastLogin: it has no offset, and the mapping declares no zone"],
  },
  "a day that does not exist": {
    file: "users.json",
    records: usersWith(',"lastLogin":"2026-02-30T09:30:00Z"'),
    rejected: ["0 lastLogin: there is no such day"],
  },
  "a time as a number": {
    file: "users.json",
    records: usersWith(',"lastLogin":1769851800000'),
    rejected: ["0 lastLogin: it is a number, and not a time as a string"],
  },
  "an array in a JSON column (J10)": {
    file: "users.json",
    records: usersWith(',"identities":[1]'),
    rejected: ["0 : the rule users_identities_check of the table is not met"],
  },
  '"" where the mapping declares it as null (J11)': {
    file: "users.json",
    records: usersWith(',"lastLogin":""'),
    stored: [column("last_login_at"), null],
  },
  '"" where it does not': {
    file: "users.json",
    records: usersWith(',"createdAt":""').map((text) => text.replace('"createdAt":"2026-01-01T00:00:00Z",', "")),
    rejected: ["0 createdAt: it is not a time such as 2026-01-31T09:30:00.000Z"],
  },
  "a field that is missing (J12)": {
    file: "users.json",
    records: usersWith("").map((text) => text.replace('"name":"n",', "")),
    rejected: ["0 name: the record does not have it"],
  },
  "null where a field is required (J12)": {
    file: "users.json",
    records: usersWith("").map((text) => text.replace('"name":"n"', '"name":null')),
    rejected: ["0 name: it is null, which this field does not allow"],
  },
  "null in a JSON column is no missing field (J12)": {
    file: "users.json",
    records: usersWith(',"identities":null'),
    rejected: ["0 identities: it is null, which this field does not allow"],
  },
  "emails that differ by case (J16)": {
    file: "users.json",
    records: [user(0, ""), user(1, "").replace("trap1", "TRAP0")],
    rejected: ["0 : another record has the same lower(email)", "1 : another record has the same lower(email)"],
  },
  "an id in upper case (J16)": {
    file: "users.json",
    records: [user(10, "").replace(idOf("users", 1010), idOf("users", 1010).toUpperCase())],
    stored: ["SELECT id AS v FROM users WHERE email = 'trap10@example.com'", idOf("users", 1010)],
  },
  "one id in two cases (J16)": {
    file: "users.json",
    records: [user(10, ""), user(11, "").replace(idOf("users", 1011), idOf("users", 1010).toUpperCase())],
    rejected: ["0 : another record has the same id", "1 : another record has the same id"],
  },
  "a reference to nothing (J17)": {
    file: "messages.json",
    records: [message(0, 99)],
    rejected: ["0 : reply_to_id refers to no row of messages, in the source or in the database"],
  },
  "a reply to itself (J17)": {
    file: "messages.json",
    records: [message(0, 0)],
    rejected: ["0 : the rule messages_not_its_own_reply_check of the table is not met"],
  },
  "a circle of replies (J17)": {
    file: "messages.json",
    records: [message(0, 1), message(1, 2), message(2, 0)],
    rejected: [0, 1, 2].map((n) => `${n} : reply_to_id leads back to the row itself`),
  },
  "an unknown role (J17)": {
    file: "users.json",
    records: usersWith(',"role":"root"'),
    rejected: ["0 role: it is none of the words of the mapping: admin, member, client, user, designer"],
  },
  "a role with another case (J17)": {
    file: "users.json",
    records: usersWith(',"role":"Admin"'),
    rejected: ["0 role: it is none of the words of the mapping: admin, member, client, user, designer"],
  },
  "an id nested in an object": {
    file: "users.json",
    records: usersWith("").map((text) => text.replace(/"id":("[^"]+")/, '"id":{"$oid":$1}')),
    rejected: ["0 id: it is an object, and not a UUID as a string"],
  },
  "a field that the mapping does not name (J18)": {
    file: "users.json",
    records: usersWith(',"nickname":"x"'),
    rejected: ["0 nickname: the mapping of users does not name this field"],
  },
  "a field that the mapping ignores": { file: "users.json", records: usersWith(',"sessionToken":"x"'), stored: [column("name"), "n"] },
  "a boolean as a text": {
    file: "users.json",
    records: usersWith(',"isActive":"false"'),
    rejected: ["0 isActive: it is a string, and not a boolean"],
  },
};

describe("a trap in the files of FluxStudio", () => {
  const valid = generateCorpus(mapping, 3);
  let database: Database;
  beforeAll(async () => {
    database = await server.database(SYSTEM);
    await run(database, write(valid));
  });

  it.each(Object.entries(TRAPS))("%s has the outcome in the table", async (_, { file, records, rejected = [], stored }) => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, file), `[${records.join(",\n")}]`);
    const result = await run(database, folder);
    const lines = result.rejectedFile === undefined ? [] : readFileSync(result.rejectedFile, "utf8").trim().split("\n");
    const found = lines
      .map((line) => JSON.parse(line) as { record: number; path: string; problem: string })
      .map(({ record, path, problem }) => `${record} ${path}: ${problem}`);
    expect(found).toEqual(rejected);
    expect(result.outcome).toBe(rejected.length > 0 ? "rejected" : "imported");
    if (stored !== undefined) expect(await database.as("owner", stored[0])).toEqual([{ v: stored[1] }]);
    await database.as("owner", "DELETE FROM users WHERE email LIKE 'trap%'");
  });

  it.each<[string, (folder: string) => void, RegExp]>([
    [
      "a file that no mapping names",
      (folder) => writeFileSync(path.join(folder, "presence.json"), "[]"),
      /presence\.json: the mapping does not name it/,
    ],
    [
      "a file that is no JSON (J7)",
      (folder) => writeFileSync(path.join(folder, "users.json"), '[{"id":NaN}]'),
      /^users\.json: byte 7, record 0: "N" is not a value\. Nothing was changed\.$/,
    ],
    [
      "half of a file (J7)",
      (folder) => writeFileSync(path.join(folder, "users.json"), `[${user(0, "")},{"id`),
      /^users\.json: byte \d+, record 1: it ends within a value/,
    ],
    [
      "two files for one entity",
      (folder) => {
        writeFileSync(path.join(folder, "users.json"), "[]");
        writeFileSync(path.join(folder, "users.ndjson"), "");
      },
      /users\.ndjson: users\.json holds the same records/,
    ],
  ])("%s stops the import before anything is written", async (_, prepare, expected) => {
    const folder = temporaryFolder();
    prepare(folder);
    const before = await database.as("owner", "SELECT count(*) FROM users");
    await expect(run(database, folder)).rejects.toThrow(expected);
    expect(await database.as("owner", "SELECT count(*) FROM users")).toEqual(before);
  });
});
