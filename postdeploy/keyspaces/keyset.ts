/** The keys of a keyspace by 64 bits of each: 16 bytes a key, where the texts would need a hundred. */
export class KeySet {
  #table = new Uint32Array(2 * 1024);
  #mask = 1023;
  size = 0;
  /** The two halves of the last key's hash. `high` is never 0, which marks a free slot. */
  high = 0;
  low = 0;

  /** @returns false where it was in there. */
  add(key: string): boolean {
    this.#begin(key.length);
    for (let at = 0; at < key.length; at++) this.#mix(key.charCodeAt(at));
    this.#end();
    return this.#insert(this.high, this.low);
  }

  /** The same for a key whose characters are bytes. */
  addAscii(bytes: Buffer, from: number, end: number): boolean {
    this.#begin(end - from);
    for (let at = from; at < end; at++) this.#mix(bytes[at] as number);
    this.#end();
    return this.#insert(this.high, this.low);
  }

  has(key: string): boolean {
    this.#begin(key.length);
    for (let at = 0; at < key.length; at++) this.#mix(key.charCodeAt(at));
    this.#end();
    return this.#table[2 * this.#slot(this.high, this.low)] !== 0;
  }

  /** Two runs of MurmurHash's mixing with different seeds, over UTF-16 units. */
  #begin(length: number): void {
    this.high = 0x9747b28c ^ length;
    this.low = 0x3c6ef372 ^ length;
  }

  #mix(unit: number): void {
    const high = Math.imul(this.high ^ unit, 0x5bd1e995);
    const low = Math.imul(this.low ^ unit, 0x85ebca6b);
    this.high = high ^ (high >>> 15);
    this.low = low ^ (low >>> 13);
  }

  #end(): void {
    const high = Math.imul(this.high ^ (this.high >>> 16), 0x85ebca6b);
    const low = Math.imul(this.low ^ (this.low >>> 16), 0xc2b2ae35);
    this.high = (high ^ (high >>> 13)) >>> 0 || 1;
    this.low = (low ^ (low >>> 16)) >>> 0;
  }

  /** Hashes as two 32-bit numbers a key, which is how a ledger keeps them. */
  addHashes(bytes: Buffer): void {
    for (let at = 0; at + 8 <= bytes.length; at += 8) this.#insert(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
  }

  #insert(a: number, b: number): boolean {
    const slot = this.#slot(a, b);
    if (this.#table[2 * slot] !== 0) return false;
    this.#table[2 * slot] = a;
    this.#table[2 * slot + 1] = b;
    if (++this.size * 2 > this.#mask) this.#grow();
    return true;
  }

  #slot(a: number, b: number): number {
    let slot = b & this.#mask;
    while (this.#table[2 * slot] !== 0 && (this.#table[2 * slot] !== a || this.#table[2 * slot + 1] !== b)) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Uint32Array(before.length * 2);
    this.#mask = before.length - 1;
    this.size = 0;
    for (let at = 0; at < before.length; at += 2) if (before[at] !== 0) this.#insert(before[at] as number, before[at + 1] as number);
  }
}
