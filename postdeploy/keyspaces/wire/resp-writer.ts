/** Writes RESP commands from existing buffers without intermediate strings. */
const [CR, LF, STAR, DOLLAR, ZERO] = [13, 10, 42, 36, 48];

/** Up to this length a loop is faster than Buffer.copy. */
const MAX_LOOP_COPY = 64;

export class RespWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  beginCommand(argumentCount: number): this {
    this.#reserve(16);
    this.#bytes[this.#at++] = STAR;
    this.#writeInteger(argumentCount);
    this.#writeCrlf();
    return this;
  }

  /** Appends commands that are already encoded. */
  writeRaw(encoded: Buffer): this {
    this.#reserve(encoded.length);
    this.#copy(encoded, 0, encoded.length);
    return this;
  }

  writeArgument(bytes: Buffer, from = 0, end = bytes.length): this {
    this.#reserve(end - from + 24);
    this.#bytes[this.#at++] = DOLLAR;
    this.#writeInteger(end - from);
    this.#writeCrlf();
    this.#copy(bytes, from, end);
    this.#writeCrlf();
    return this;
  }

  writeText(text: string): this {
    return this.writeArgument(Buffer.from(text));
  }

  /** Starts over in the same buffer. Results of `bytes` become invalid. */
  reset(): this {
    this.#at = 0;
    return this;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #copy(bytes: Buffer, from: number, end: number): void {
    const length = end - from;
    if (length > MAX_LOOP_COPY) bytes.copy(this.#bytes, this.#at, from, end);
    else for (let index = 0; index < length; index++) this.#bytes[this.#at + index] = bytes[from + index] as number;
    this.#at += length;
  }

  #writeInteger(value: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    let rest = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      this.#bytes[at] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#at += digits;
  }

  #writeCrlf(): void {
    this.#bytes[this.#at++] = CR;
    this.#bytes[this.#at++] = LF;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
