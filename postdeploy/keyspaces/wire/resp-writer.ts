/** Bytes of the protocol, written one after the other from bytes that are there already: no string in between. */
const [CR, LF, STAR, DOLLAR, ZERO] = [13, 10, 42, 36, 48];

/** Below it a loop is faster than a call of the copying function. */
const SHORT = 64;

export class RespWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(room: number) {
    this.#bytes = Buffer.allocUnsafe(room);
  }

  /** The beginning of a command with so many parts. */
  beginCommand(parts: number): this {
    this.#room(16);
    this.#bytes[this.#at++] = STAR;
    this.#decimal(parts);
    this.#end();
    return this;
  }

  /** What is in the form of the protocol already. */
  writeRaw(writeArgument: Buffer): this {
    this.#room(writeArgument.length);
    this.#copy(writeArgument, 0, writeArgument.length);
    return this;
  }

  /** A part of a command. */
  part(bytes: Buffer, from = 0, end = bytes.length): this {
    this.#room(end - from + 24);
    this.#bytes[this.#at++] = DOLLAR;
    this.#decimal(end - from);
    this.#end();
    this.#copy(bytes, from, end);
    this.#end();
    return this;
  }

  writeText(text: string): this {
    return this.part(Buffer.from(text));
  }

  /** Begins anew, over what was taken. */
  reset(): this {
    this.#at = 0;
    return this;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #copy(bytes: Buffer, from: number, end: number): void {
    const length = end - from;
    if (length > SHORT) bytes.copy(this.#bytes, this.#at, from, end);
    else for (let index = 0; index < length; index++) this.#bytes[this.#at + index] = bytes[from + index] as number;
    this.#at += length;
  }

  #decimal(value: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    let rest = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      this.#bytes[at] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#at += digits;
  }

  #end(): void {
    this.#bytes[this.#at++] = CR;
    this.#bytes[this.#at++] = LF;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
