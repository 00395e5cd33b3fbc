/** RESP, the protocol of Redis and Valkey: encodes commands, decodes replies. Lengths are in bytes, not in characters. */

/** UTF-8 text, or binary data. */
export type Bytes = string | Buffer;

/** A status reply is a string, a bulk reply a buffer. */
export type Reply = string | number | Buffer | null | ErrorReply | readonly Reply[];

/** An error reply. The connection remains usable. */
export class ErrorReply {
  /** "WRONGTYPE", "OOM", "NOSCRIPT"; "ERR" if the server sends no specific code. */
  readonly code: string;
  readonly message: string;

  constructor(text: string) {
    this.message = text;
    this.code = /^[A-Z][A-Z0-9]*(?=[ :]|$)/.exec(text)?.[0] ?? "ERR";
  }
}

/** Collects commands and encodes them into one buffer. */
export class Commands {
  count = 0;
  #text = "";
  #parts: Buffer[] = [];
  #bytes = 0;

  /** Approximate number of bytes collected. */
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

/** Parses replies incrementally, at any packet boundary. */
export class ReplyParser {
  /** The reply that `parse` completed last. */
  value: Reply = null;
  #complete = false;
  #line: Buffer | undefined;
  #bulk: { readonly length: number; read: number; readonly parts: Buffer[] } | undefined;
  #open: { readonly items: Reply[]; readonly length: number }[] = [];

  /** @returns the offset of the next reply, or -1 if this reply is incomplete and all of `bytes` is consumed. */
  parse(bytes: Buffer, from: number): number {
    let at = from;
    for (;;) {
      at = this.#bulk === undefined ? this.#readLine(bytes, at) : this.#readBulk(bytes, at);
      if (at === -1 || this.#complete) return at;
    }
  }

  #readLine(bytes: Buffer, from: number): number {
    this.#complete = false;
    if (from === bytes.length) return -1;
    // Fast path for the most common reply.
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
    else if (kind === DOLLAR && number >= 0) this.#bulk = { length: number + 2, read: 0, parts: [] };
    else if (kind === STAR && number > 0) this.#open.push({ items: [], length: number });
    else if (kind === STAR && number === 0) this.#done([]);
    else if (kind === DOLLAR || kind === STAR) this.#done(null);
    else throw new Error("The server does not speak Redis's protocol.");
  }

  #readBulk(bytes: Buffer, from: number): number {
    this.#complete = false;
    const bulk = this.#bulk!;
    const missing = bulk.length - bulk.read;
    const end = Math.min(from + missing, bytes.length);
    if (bulk.read === 0 && end - from === missing) {
      this.#bulk = undefined;
      // Copy: a view of a few bytes would keep the whole packet in memory.
      this.#done(Buffer.from(bytes.subarray(from, end - 2)));
      return end;
    }
    bulk.parts.push(Buffer.from(bytes.subarray(from, end)));
    bulk.read += end - from;
    if (bulk.read < bulk.length) return -1;
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
