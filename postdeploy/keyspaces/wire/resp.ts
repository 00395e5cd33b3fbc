/** The protocol: commands to bytes, bytes to replies. Lengths are bytes, never characters. */
import type { Bytes } from "../read/entry.ts";

/** What a server answers: a status is text, a bulk is bytes. */
export type Reply = string | number | Buffer | null | ErrorReply | readonly Reply[];

/** An error that the server gave as an answer; the connection is in order. */
export class ErrorReply {
  /** "WRONGTYPE", "OOM", "NOSCRIPT"; "ERR" where there is nothing more exact. */
  readonly code: string;
  readonly message: string;

  constructor(text: string) {
    this.message = text;
    this.code = /^[A-Z][A-Z0-9]*(?=[ :]|$)/.exec(text)?.[0] ?? "ERR";
  }
}

/** Collects commands into one run of bytes. */
export class Commands {
  count = 0;
  #text = "";
  #parts: Buffer[] = [];
  #bytes = 0;

  /** About how many bytes there are by now. */
  get size(): number {
    return this.#bytes + this.#text.length;
  }

  add(...args: readonly Bytes[]): this {
    return this.addAll(args);
  }

  addAll(args: readonly Bytes[]): this {
    let text = `*${args.length}\r\n`;
    for (let index = 0; index < args.length; index++) {
      const arg = args[index] as Bytes;
      if (typeof arg === "string") text += `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`;
      else {
        this.#text += `${text}$${arg.length}\r\n`;
        this.#cut();
        this.#parts.push(arg);
        this.#bytes += arg.length;
        text = "\r\n";
      }
    }
    this.#text += text;
    this.count++;
    return this;
  }

  take(): Buffer {
    this.#cut();
    const [only] = this.#parts;
    const all = this.#parts.length === 1 ? (only as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.count = 0;
    return all;
  }

  #cut(): void {
    if (this.#text === "") return;
    const part = Buffer.from(this.#text);
    this.#parts.push(part);
    this.#bytes += part.length;
    this.#text = "";
  }
}

const CR = 13;
const LF = 10;
const [PLUS, MINUS, COLON, DOLLAR, STAR] = [43, 45, 58, 36, 42];
const OK = Buffer.from("+OK\r\n");

/** Reads replies as their bytes arrive, however they are cut. */
export class ReplyParser {
  /** The reply that `read` has just completed. */
  value: Reply = null;
  #complete = false;
  #line: Buffer | undefined;
  #bulk: { readonly length: number; parse: number; readonly parts: Buffer[] } | undefined;
  #open: { readonly items: Reply[]; readonly length: number }[] = [];

  /** @returns where the next reply begins, or -1 where this one is not complete: all of `bytes` was taken. */
  read(bytes: Buffer, from: number): number {
    let at = from;
    for (;;) {
      at = this.#bulk === undefined ? this.#readLine(bytes, at) : this.#readBulk(bytes, at);
      if (at === -1 || this.#complete) return at;
    }
  }

  #readLine(bytes: Buffer, from: number): number {
    this.#complete = false;
    if (from === bytes.length) return -1;
    // By far the most common answer, known by its bytes.
    if (this.#line === undefined && this.#open.length === 0 && bytes.length - from >= 5 && bytes.compare(OK, 0, 5, from, from + 5) === 0) {
      this.value = "OK";
      this.#complete = true;
      return from + 5;
    }
    const end = bytes.indexOf(LF, from);
    if (end === -1) {
      const rest = Buffer.from(bytes.subarray(from));
      this.#line = this.#line === undefined ? rest : Buffer.concat([this.#line, rest]);
      return -1;
    }
    let line = bytes.subarray(from, end + 1);
    if (this.#line !== undefined) {
      line = Buffer.concat([this.#line, line]);
      this.#line = undefined;
    }
    if (line.length < 3 || line[line.length - 2] !== CR) throw new Error("The server does not speak Redis's protocol.");
    this.#take(line[0] as number, line);
    return end + 1;
  }

  #take(kind: number, line: Buffer): void {
    if (kind === PLUS || kind === MINUS) {
      const text = line.toString("utf8", 1, line.length - 2);
      this.#done(kind === PLUS ? text : new ErrorReply(text));
      return;
    }
    const number = parseInteger(line);
    if (kind === COLON) this.#done(number);
    else if (kind === DOLLAR && number >= 0) this.#bulk = { length: number + 2, parse: 0, parts: [] };
    else if (kind === STAR && number > 0) this.#open.push({ items: [], length: number });
    else if (kind === STAR && number === 0) this.#done([]);
    else if (kind === DOLLAR || kind === STAR) this.#done(null);
    else throw new Error("The server does not speak Redis's protocol.");
  }

  #readBulk(bytes: Buffer, from: number): number {
    this.#complete = false;
    const bulk = this.#bulk!;
    const missing = bulk.length - bulk.parse;
    const end = Math.min(from + missing, bytes.length);
    if (bulk.parse === 0 && end - from === missing) {
      this.#bulk = undefined;
      // A copy: a view would keep the whole packet alive for a few bytes of it.
      this.#done(Buffer.from(bytes.subarray(from, end - 2)));
      return end;
    }
    bulk.parts.push(Buffer.from(bytes.subarray(from, end)));
    bulk.parse += end - from;
    if (bulk.parse < bulk.length) return -1;
    this.#bulk = undefined;
    this.#done(Buffer.concat(bulk.parts).subarray(0, bulk.length - 2));
    return end;
  }

  #done(reply: Reply): void {
    let value = reply;
    for (;;) {
      const open = this.#open.at(-1);
      if (open === undefined) {
        this.value = value;
        this.#complete = true;
        return;
      }
      open.items.push(value);
      if (open.items.length < open.length) return;
      this.#open.pop();
      value = open.items;
    }
  }
}

function parseInteger(line: Buffer): number {
  const negative = line[1] === 0x2d;
  let number = 0;
  for (let at = negative ? 2 : 1; at < line.length - 2; at++) number = number * 10 + ((line[at] as number) - 0x30);
  return negative ? -number : number;
}
