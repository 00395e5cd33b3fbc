/** Reads the records of a file in chunks: an array, one object per line, or one object. Memory is bounded by the largest record. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { constants, type FileHandle, open } from "node:fs/promises";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { SourceFile } from "../source.ts";
import { type Flaw, INCOMPLETE, JsonParser, JsonSyntaxError } from "./parser.ts";
import type { JsonValue } from "./value.ts";

/** With larger chunks, records outlive the young generation of the garbage collector, which takes half of the speed. */
const CHUNK_BYTES = 2 ** 16;
/** In UTF-16 units. */
const MAX_RECORD = 64 * 2 ** 20;

export interface RawRecord {
  /** The first one is 0. */
  readonly index: number;
  readonly value: JsonValue;
  readonly flaws: readonly Flaw[];
}

export interface FileDigest {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ReadEvents {
  bytes?(count: number): void;
  /** When all of the file was read. */
  digest(digest: FileDigest): void;
}

/** @throws Failure with the position if the file is not JSON, or changes meanwhile */
export async function* readRecords(file: SourceFile, events: ReadEvents, chunkBytes = CHUNK_BYTES): AsyncGenerator<readonly RawRecord[]> {
  const handle = await open(file.path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const before = await identify(handle);
    const scanner = new Scanner(file);
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(chunkBytes);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes);
      const chunk = buffer.subarray(0, bytesRead);
      hash.update(chunk);
      bytes += bytesRead;
      if (bytesRead > 0) events.bytes?.(bytesRead);
      let records: RawRecord[];
      try {
        records = bytesRead === 0 ? scanner.end() : scanner.push(chunk);
      } catch (error) {
        // Half of a file that is being written is mostly no JSON.
        throw (await isSame(file, handle, before)) ? error : changed(file);
      }
      if (records.length > 0) yield records;
      if (bytesRead === 0) break;
    }
    if (!(await isSame(file, handle, before))) throw changed(file);
    events.digest({ name: file.name, bytes, sha256: hash.digest("hex") });
  } finally {
    await handle.close();
  }
}

export const changed = ({ name }: { readonly name: string }): Failure =>
  new Failure("source-changed", 1, `${name} changed while it was read. Stop what writes it, or copy the files first.`);

/** Also if a new file replaced it. */
async function isSame({ path }: SourceFile, handle: FileHandle, before: string): Promise<boolean> {
  if ((await identify(handle)) !== before) return false;
  const named = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  return (await identify(named).finally(() => named.close())) === before;
}

async function identify(handle: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs } = await handle.stat({ bigint: true });
  return [dev, ino, size, mtimeNs].join(":");
}

type Layout = "array" | "lines" | "one";

class Scanner {
  readonly #file: SourceFile;
  readonly #parser = new JsonParser();
  #layout: Layout | undefined;
  #state: "start" | "first" | "value" | "separator" | "end" = "start";
  #index = 0;
  /** Bytes before the parser's text. */
  #before = 0;
  /** The rest of the text, from the start of a record that was incomplete. */
  #rest = "";
  #waiting: string[] = [];
  #waitingLength = 0;
  /** Bytes of a character that the chunk cut. */
  #cut: Buffer = Buffer.alloc(0);
  #isFirstChunk = true;
  #sawNewline = true;

  constructor(file: SourceFile) {
    this.#file = file;
  }

  push(chunk: Buffer): RawRecord[] {
    const bytes = this.#cut.length === 0 ? chunk : Buffer.concat([this.#cut, chunk]);
    const end = lastCharacterEnd(bytes);
    this.#cut = Buffer.from(bytes.subarray(end));
    const text = this.#decode(bytes.subarray(0, end));
    this.#waiting.push(text);
    this.#waitingLength += text.length;
    // An incomplete record starts again, so it waits until the text has doubled: otherwise a large one would be parsed once for each chunk.
    const isWaiting = this.#waitingLength < this.#rest.length && this.#rest.length + this.#waitingLength <= MAX_RECORD;
    return isWaiting ? [] : this.#scan(false);
  }

  end(): RawRecord[] {
    if (this.#cut.length > 0) this.#decode(this.#cut);
    const records = this.#scan(true);
    if (this.#state !== "end" && !(this.#layout === "lines" && this.#state !== "start")) {
      if (this.#state === "start" && /\.(nd|l)?json$|\.jsonl$/.test(this.#file.name) && !this.#file.name.endsWith(".json")) return records;
      throw this.#failureAt(this.#state === "start" ? "it is empty. A file without records is []" : "the array does not end", this.#before);
    }
    return records;
  }

  #decode(bytes: Buffer): string {
    const start = this.#isFirstChunk && bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    if (this.#isFirstChunk) {
      this.#before += start;
      this.#isFirstChunk = bytes.length === 0;
      if (bytes.length >= 2 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)))
        throw this.#failureAt("it is UTF-16. JSON is UTF-8", 0);
    }
    const body = bytes.subarray(start);
    if (!isUtf8(body))
      throw this.#failureAt("it is not UTF-8", this.#before + Buffer.byteLength(this.#rest + this.#waiting.join("")) + firstInvalid(body));
    return body.toString("utf8");
  }

  #scan(isLast: boolean): RawRecord[] {
    const parser = this.#parser;
    parser.text = this.#rest + this.#waiting.join("");
    parser.position = 0;
    parser.isLast = isLast;
    this.#waiting = [];
    this.#waitingLength = 0;
    const records: RawRecord[] = [];
    let done = 0;
    try {
      for (;;) {
        const code = this.#peek();
        if (code === -1) {
          done = parser.text.length;
          break;
        }
        done = parser.position;
        if (this.#step(code)) continue;
        records.push({ index: this.#index, value: parser.parseRecord(), flaws: parser.flaws });
        this.#index++;
        this.#state = this.#layout === "one" ? "end" : "separator";
        this.#sawNewline = false;
        done = parser.position;
      }
    } catch (error) {
      if (error instanceof JsonSyntaxError) throw this.#failure(error.message, error.position);
      if (error !== INCOMPLETE) throw error;
      if (parser.text.length - done > MAX_RECORD) throw this.#failure(`a record is longer than ${MAX_RECORD / 2 ** 20} MiB`, done);
    }
    this.#before += Buffer.byteLength(done === parser.text.length ? parser.text : parser.text.slice(0, done));
    this.#rest = parser.text.slice(done);
    return records;
  }

  /** Notes whether the white space has the newline that lines of records need. */
  #peek(): number {
    const { position: from } = this.#parser;
    const code = this.#parser.peek();
    if (this.#layout === "lines" && !this.#sawNewline)
      this.#sawNewline = this.#parser.text.slice(from, this.#parser.position).includes("\n");
    return code;
  }

  /** @returns false where a record begins */
  #step(code: number): boolean {
    const parser = this.#parser;
    switch (this.#state) {
      case "start":
        this.#layout = code === 0x5b && !this.#file.isRecord ? "array" : this.#file.isRecord ? "one" : "lines";
        if (this.#layout !== "array" && code !== 0x7b)
          throw this.#failure(this.#file.isRecord ? "it is not an object" : "it begins with neither [ nor {", parser.position);
        this.#state = this.#layout === "array" ? "first" : "value";
        if (this.#layout === "array") parser.position++;
        return this.#layout === "array";
      case "first":
        if (code !== 0x5d) return false;
        parser.position++;
        this.#state = "end";
        return true;
      case "value":
        return false;
      case "separator":
        if (this.#layout === "lines") {
          if (!this.#sawNewline || code !== 0x7b)
            throw this.#failure("after a record follows something else than a line with an object", parser.position);
          return false;
        }
        if (code !== 0x2c && code !== 0x5d) throw this.#failure(`after a record of an array follows neither "," nor "]"`, parser.position);
        parser.position++;
        this.#state = code === 0x2c ? "value" : "end";
        return true;
      default:
        throw this.#failure("text follows the end of the JSON", parser.position);
    }
  }

  #failure(problem: string, position: number): Failure {
    const place = this.#index === 0 && this.#state === "start" ? "" : `, record ${this.#index}`;
    return this.#failureAt(problem, this.#before + Buffer.byteLength(this.#parser.text.slice(0, position)), place);
  }

  #failureAt(problem: string, byte: number, place = ""): Failure {
    return new Failure("bad-json", 1, `${this.#file.name}: byte ${byte}${place}: ${problem}. Nothing was changed.`);
  }
}

/** Where the last complete character ends. */
function lastCharacterEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function firstInvalid(bytes: Buffer): number {
  let [low, high] = [0, bytes.length];
  // The longest prefix that is UTF-8, apart from a character at its end that it cuts.
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (isUtf8(bytes.subarray(0, lastCharacterEnd(bytes.subarray(0, middle))))) low = middle;
    else high = middle - 1;
  }
  return lastCharacterEnd(bytes.subarray(0, low));
}
