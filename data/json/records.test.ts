import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type FileDigest, readRecords } from "./records.ts";
import { JsonObject } from "./value.ts";

const folder = mkdtempSync(path.join(tmpdir(), "slipway-records-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

interface Written {
  readonly name?: string;
  readonly isRecord?: boolean;
  readonly chunk?: number;
}

function write(bytes: Buffer | string, { name = "users.json", isRecord = false }: Written = {}) {
  const file = path.join(folder, `${files++}-${name}`);
  writeFileSync(file, bytes);
  return { name, path: file, bytes: Buffer.byteLength(bytes), isRecord };
}

async function read(bytes: Buffer | string, options: Written = {}) {
  const records: { index: number; text: string }[] = [];
  let digest: FileDigest | undefined;
  for await (const batch of readRecords(write(bytes, options), { digest: (one) => (digest = one) }, options.chunk))
    for (const { index, value } of batch) records.push({ index, text: describeRecord(value) });
  return { records, digest };
}

const describeRecord = (value: unknown): string =>
  value instanceof JsonObject
    ? `{${value.keys.map((key, at) => `${key}=${String((value.values[at] as { text?: string } | null)?.text ?? value.values[at])}`).join()}}`
    : String(value);

async function refusal(bytes: Buffer | string, options: Written = {}): Promise<string> {
  return await read(bytes, options).then(
    ({ records }) => `accepted ${records.length}`,
    (error: Error) => error.message.replace(". Nothing was changed.", ""),
  );
}

describe("the records of a file", () => {
  it("are those of an array, of lines, of one object, or of an empty array", async () => {
    const expected = [
      { index: 0, text: "{id=1}" },
      { index: 1, text: "{id=2}" },
    ];
    expect((await read('[{"id":1},\n {"id":2}]')).records).toEqual(expected);
    expect((await read('{"id":1}\n{"id":2}\n', { name: "users.ndjson" })).records).toEqual(expected);
    expect((await read('{"id":1}\r\n\r\n{"id":2}', { name: "users.jsonl" })).records).toEqual(expected);
    expect((await read('{"id":1}', { isRecord: true })).records).toEqual(expected.slice(0, 1));
    expect((await read(" [ ] ")).records).toEqual([]);
    expect((await read("", { name: "users.ndjson" })).records).toEqual([]);
  });

  it.each([
    ["an array", '[{"id":"a😀\\n"},{"id":12.50,"t":true},{"list":[1,{"é":null}]},{}]', "users.json"],
    ["lines", '{"id":"a😀"}\n{"id":12.50}\n{"list":[1,{"é":null}]}\n{}\n', "users.ndjson"],
  ])("of %s are the same however the file is cut into chunks", async (_, text, name) => {
    const whole = await read(Buffer.from(`\ufeff${text}`), { name });
    expect(whole.records).toHaveLength(4);
    for (let chunk = 1; chunk <= 40; chunk++) expect(await read(Buffer.from(`\ufeff${text}`), { name, chunk })).toEqual(whole);
  });

  it("come with the size and SHA-256 of the file that was read", async () => {
    expect((await read("[]")).digest).toEqual({
      name: "users.json",
      bytes: 2,
      sha256: "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
    });
  });

  // Byte positions, so that the place can be found with any tool.
  it.each<[string, Buffer | string, Written, string]>([
    ["nothing", "", {}, "users.json: byte 0: it is empty. A file without records is []"],
    ["only white space", " \n", {}, "users.json: byte 2: it is empty. A file without records is []"],
    ["an array that does not end", '[{"id":1}', {}, "users.json: byte 9: the array does not end"],
    ["an array cut within a record", '[{"id":1},{"id"', {}, "users.json: byte 15, record 1: it ends within a value"],
    ["a comma at the end", '[{"id":1},]', {}, 'users.json: byte 10, record 1: "]" is not a value'],
    ["no comma", '[{"id":1}{"id":2}]', {}, 'users.json: byte 9, record 1: after a record of an array follows neither "," nor "]"'],
    ["text after the array", "[] []", {}, "users.json: byte 3, record 0: text follows the end of the JSON"],
    ["a number", "17", {}, "users.json: byte 0: it begins with neither [ nor {"],
    [
      "two records on a line",
      '{"id":1} {"id":2}',
      { name: "users.ndjson" },
      "users.ndjson: byte 9, record 1: after a record follows something else than a line with an object",
    ],
    ["a list where one record is due", "[]", { isRecord: true }, "users.json: byte 0: it is not an object"],
    ["two records where one is due", "{}\n{}", { isRecord: true }, "users.json: byte 3, record 1: text follows the end of the JSON"],
    ["UTF-16, little-endian", Buffer.from("\ufeff[]", "utf16le"), {}, "users.json: byte 0: it is UTF-16. JSON is UTF-8"],
    ["Latin-1", Buffer.from('[{"a":"\xe9"}]', "latin1"), {}, "users.json: byte 7: it is not UTF-8"],
    [
      "half a character at the end",
      Buffer.concat([Buffer.from('[{"a":"'), Buffer.from([0xf0, 0x9f])]),
      {},
      "users.json: byte 7: it is not UTF-8",
    ],
    [
      "an overlong encoding",
      Buffer.concat([Buffer.from('[{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}]')]),
      {},
      "users.json: byte 7: it is not UTF-8",
    ],
    [
      "an encoded surrogate",
      Buffer.concat([Buffer.from('[{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}]')]),
      {},
      "users.json: byte 7: it is not UTF-8",
    ],
    ["a second BOM", "\ufeff\ufeff[]", {}, "users.json: byte 3: it begins with neither [ nor {"],
    ["an error after characters of several bytes", '[{"a":"é😀"},x]', {}, 'users.json: byte 16, record 1: "x" is not a value'],
  ])("of %s are refused with the place", async (_, bytes, options, expected) => {
    expect(await refusal(bytes, options)).toBe(expected);
    // The place does not depend on the chunks.
    if (bytes.length > 0) expect(await refusal(bytes, { ...options, chunk: 3 })).toBe(expected);
  });

  it("are refused if another program changes the file meanwhile", async () => {
    const file = write(`[${'{"id":1},'.repeat(1000)}{"id":1}]`);
    const reading = (async () => {
      for await (const _ of readRecords(file, { digest: () => {} }, 1024)) writeFileSync(file.path, "[]");
    })();
    await expect(reading).rejects.toThrow("users.json changed while it was read. Stop what writes it, or copy the files first.");
  });

  it("are not read through a link", async () => {
    const file = write("[]");
    const link = path.join(folder, "link.json");
    symlinkSync(file.path, link);
    const reading = (async () => {
      for await (const _ of readRecords({ ...file, path: link }, { digest: () => {} }));
    })();
    await expect(reading).rejects.toThrow(/ELOOP/);
  });

  it("are refused if one is longer than 64 MiB", async () => {
    expect(await refusal(`[{"a":"${"x".repeat(65 * 2 ** 20)}`)).toMatch(/^users.json: byte \d+, record 0: a record is longer than 64 MiB$/);
  });
});
