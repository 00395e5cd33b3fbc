/** The file format of an export: JSON lines. The first line describes the export, the last one has its totals. */
import { isUtf8 } from "node:buffer";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { checkSummaries, type DatabaseSummary, KeyDigester, Tally } from "./digest.ts";
import { formatKey } from "./read.ts";
import { type FunctionLibrary, type Item, type StreamState, TYPES, type Type, type ValueRecord } from "./records.ts";

const FORMAT = "slipway-valkey-export";
const VERSION = 1;

export interface ExportHeader {
  /** "valkey 8.1.1" */
  readonly server: string;
  readonly databases: readonly number[];
  /** When the export started, ISO 8601, by the server's clock. */
  readonly startedAt: string;
}

export interface ExportSummary {
  readonly databases: readonly DatabaseSummary[];
  /** Names of the libraries of functions. */
  readonly functions: readonly string[];
}

/** Bytes that are valid UTF-8 are a string; others are { b: base64 }. */
type Text = string | { readonly b: string };

const encodeBytes = (bytes: Buffer): Text => (isUtf8(bytes) ? bytes.toString() : { b: bytes.toString("base64") });
const encodeItem = (item: Item) => (Buffer.isBuffer(item) ? encodeBytes(item) : item.map(encodeBytes));

const encodeStream = ({ groups, ...rest }: StreamState) => ({
  ...rest,
  groups: groups.map(({ name, ...group }) => ({ name: encodeBytes(name), ...group })),
});

export const encodeHeader = (header: ExportHeader): string => JSON.stringify({ format: FORMAT, version: VERSION, ...header });
export const encodeFunction = ({ name, code }: FunctionLibrary): string => JSON.stringify({ function: name, code: encodeBytes(code) });
export const encodeTotal = (total: ExportSummary): string => JSON.stringify({ total });

/** @throws RangeError if a value is longer than a string can be */
export function encodeRecord(record: ValueRecord): string {
  if (record.kind === "end")
    return JSON.stringify({ end: { changed: record.changed, ...(record.stream ? { stream: encodeStream(record.stream) } : {}) } });
  const part =
    record.kind === "start"
      ? {}
      : {
          items: record.items.map(encodeItem),
          ...(record.fieldExpiry ? { fieldExpiry: record.fieldExpiry.map(([field, time]) => [encodeBytes(field), time]) } : {}),
        };
  if (record.kind === "part") return JSON.stringify(part);
  const { database, key, type, expiresAt } = record;
  return JSON.stringify({
    ...{ db: database, key: encodeBytes(key), type },
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...part,
    ...(record.kind === "key" && record.stream ? { stream: encodeStream(record.stream) } : {}),
  });
}

export type ExportLine =
  | { readonly kind: "header"; readonly header: ExportHeader }
  | { readonly kind: "function"; readonly library: FunctionLibrary }
  | { readonly kind: "record"; readonly record: ValueRecord; readonly line: number }
  | { readonly kind: "total"; readonly total: ExportSummary };

export type ExportSource = AsyncIterable<Uint8Array | string>;

/**
 * Parses the lines of an export, and checks that they are complete and in order.
 * @throws Failure with the number of the line that is wrong
 */
export async function* readExport(source: ExportSource): AsyncGenerator<ExportLine> {
  let [line, header, total]: [number, ExportHeader | undefined, boolean] = [0, undefined, false];
  let open: Type | undefined;
  for await (const { bytes, isTerminated } of splitLines(source)) {
    line++;
    if (!isTerminated) throw damaged(line, "the line is cut off. The file is incomplete");
    if (total) throw damaged(line, "the line follows the totals, which must be the last line");
    const parsed = parseLine(bytes, line);
    if (header === undefined) {
      if (parsed.kind !== "header") throw notAnExport;
      header = parsed.header;
    } else if (parsed.kind === "header") throw damaged(line, "a second header");
    const isPart = parsed.kind === "record" && !("key" in parsed.record);
    if (open === undefined && isPart) throw damaged(line, "a part without a key");
    if (open !== undefined && !isPart) throw damaged(line, "the parts of the key before are not completed");
    if (parsed.kind === "record") {
      const { record } = parsed;
      if ("database" in record && !header.databases.includes(record.database))
        throw damaged(line, `database ${record.database} is not in the header`);
      const type = "type" in record ? record.type : (open as Type);
      if ("items" in record && !hasItemsOf(type, record.items)) throw damaged(line, `the items are not those of a ${type}`);
      if ((record.kind === "key" || record.kind === "end") && (type === "stream") !== (record.stream !== undefined))
        throw damaged(line, `the state of a stream is ${type === "stream" ? "missing" : "given for another type"}`);
      open = record.kind === "start" || record.kind === "part" ? type : undefined;
    }
    total = parsed.kind === "total";
    yield parsed;
  }
  if (header === undefined) throw notAnExport;
  if (!total) throw damaged(line + 1, "the totals are missing. The file is incomplete");
}

/** Verifies counts and checksums of an export against its totals, without a server. */
export async function checkExport(source: ExportSource): Promise<{ readonly header: ExportHeader; readonly summary: ExportSummary }> {
  const check = new ExportCheck();
  let header: ExportHeader | undefined;
  for await (const line of readExport(source)) {
    check.add(line);
    if (line.kind === "header") header = line.header;
  }
  return { header: header as ExportHeader, summary: check.total as ExportSummary };
}

/** Counts the lines of an export and compares them with its totals. */
export class ExportCheck {
  readonly #digester = new KeyDigester();
  readonly #tallies = new Map<number, Tally>();
  readonly #functions: string[] = [];
  total: ExportSummary | undefined;

  /** @returns the key that the line completes */
  add(line: ExportLine): ReturnType<KeyDigester["add"]> {
    switch (line.kind) {
      case "header":
        for (const database of line.header.databases) this.#tallies.set(database, new Tally(database));
        return undefined;
      case "function":
        this.#functions.push(line.library.name);
        return undefined;
      case "record": {
        const key = this.#digester.add(line.record);
        if (key !== undefined) this.#tallies.get(key.database)?.add(key, () => formatKey(key.key));
        return key;
      }
      case "total":
        this.total = line.total;
        checkSummaries(
          line.total.databases,
          [...this.#tallies.values()].map((tally) => tally.summarize(0)),
        );
        if (line.total.functions.join() !== this.#functions.join())
          throw new Failure("bad-export", 2, "The export is damaged: the libraries of functions are not those of its totals.");
        return undefined;
    }
  }
}

const damaged = (line: number, what: string) => new Failure("bad-export", 2, `Line ${line} of the export is wrong: ${what}.`);
const notAnExport = new Failure("bad-export", 2, "Line 1 of the export is wrong: the file is not a Valkey export of slipway.");

async function* splitLines(source: ExportSource): AsyncGenerator<{ readonly bytes: Buffer; readonly isTerminated: boolean }> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
      const last = bytes.subarray(from, end);
      yield { bytes: pieces.length === 0 ? last : Buffer.concat([...pieces, last]), isTerminated: true };
      [pieces, length, from] = [[], 0, end + 1];
    }
    if (from === bytes.length) continue;
    pieces.push(bytes.subarray(from));
    length += bytes.length - from;
    if (length > MAX_LINE) break;
  }
  if (pieces.length > 0) yield { bytes: Buffer.concat(pieces), isTerminated: false };
}

/** The longest string of V8. */
const MAX_LINE = 2 ** 29 - 24;

function parseLine(bytes: Buffer, line: number): ExportLine {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    throw line === 1 ? notAnExport : damaged(line, "not JSON");
  }
  try {
    return decodeLine(object(json), line);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw line === 1 ? notAnExport : damaged(line, (error as Error).message);
  }
}

type Json = Readonly<Record<string, unknown>>;

function decodeLine(json: Json, line: number): ExportLine {
  if ("format" in json) {
    if (json.format !== FORMAT) throw notAnExport;
    if (json.version !== VERSION)
      throw new Failure(
        "bad-export",
        2,
        `The export has version ${String(json.version)}; this slipway reads version ${VERSION}. Use a newer slipway.`,
      );
    return {
      kind: "header",
      header: { server: text(json.server), databases: list(json.databases).map(count), startedAt: text(json.startedAt) },
    };
  }
  if ("total" in json) {
    const { databases, functions } = object(json.total);
    return {
      kind: "total",
      total: { databases: list(databases).map((one) => object(one) as unknown as DatabaseSummary), functions: list(functions).map(text) },
    };
  }
  if ("function" in json) return { kind: "function", library: { name: text(json.function), code: bytes(json.code) } };
  return { kind: "record", record: decodeRecord(json), line };
}

function decodeRecord(json: Json): ValueRecord {
  if ("end" in json) {
    const end = object(json.end);
    return { kind: "end", changed: end.changed === true, ...("stream" in end ? { stream: decodeStream(end.stream) } : {}) };
  }
  if (!("key" in json)) return { kind: "part", ...decodePart(json) };
  const type = TYPES.find((one) => one === json.type);
  if (type === undefined) throw new Error(`unknown type ${JSON.stringify(json.type)}`);
  const key = {
    ...{ database: count(json.db), key: bytes(json.key), type },
    ...("expiresAt" in json ? { expiresAt: count(json.expiresAt) } : {}),
  };
  if (!("items" in json)) return { kind: "start", ...key };
  return { kind: "key", ...key, ...decodePart(json), ...("stream" in json ? { stream: decodeStream(json.stream) } : {}) };
}

function hasItemsOf(type: Type, items: readonly Item[]): boolean {
  if (type === "stream") return items.length % 2 === 0 && items.every((item, at) => Buffer.isBuffer(item) === (at % 2 === 0));
  if (!items.every((item) => Buffer.isBuffer(item))) return false;
  return type === "string" ? items.length === 1 : type === "list" || type === "set" || items.length % 2 === 0;
}

function decodePart(json: Json) {
  const items = list(json.items).map((item) => (Array.isArray(item) ? item.map(bytes) : bytes(item)));
  if (!("fieldExpiry" in json)) return { items };
  const fieldExpiry = list(json.fieldExpiry).map((pair) => [bytes(list(pair)[0]), count(list(pair)[1])] as const);
  return { items, fieldExpiry };
}

function decodeStream(value: unknown): StreamState {
  const json = object(value);
  return {
    ...{ lastId: text(json.lastId), pending: count(json.pending) },
    groups: list(json.groups)
      .map(object)
      .map(({ name, lastDelivered, entriesRead }) => ({
        name: bytes(name),
        ...{ lastDelivered: text(lastDelivered), entriesRead: entriesRead === null ? null : count(entriesRead) },
      })),
    ...("entriesAdded" in json ? { entriesAdded: count(json.entriesAdded), maxDeletedId: text(json.maxDeletedId) } : {}),
  };
}

function object(value: unknown): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new Error("an object is missing");
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error("a list is missing");
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new Error("a text is missing");
}

function count(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new Error("a number is missing or negative");
}

function bytes(value: unknown): Buffer {
  return typeof value === "string" ? Buffer.from(value) : Buffer.from(text(object(value).b), "base64");
}
