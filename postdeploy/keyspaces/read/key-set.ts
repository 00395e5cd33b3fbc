/** A set of keys by their 64-bit hashes. Takes 16 bytes per key, where strings would take about a hundred. */
export class KeySet {
  #table = new Int32Array(2 * 1024);
  #mask = 1023;
  size = 0;
  /** The two halves of the last key's hash. `high` is never 0, which marks a free slot. */
  high = 0;
  low = 0;

  /** @returns false if the set already contains the key. */
  add(key: string): boolean {
    this.#hash(key);
    return this.#insert(this.high, this.low);
  }

  has(key: string): boolean {
    this.#hash(key);
    return this.#table[2 * this.#slot(this.high, this.low)] !== 0;
  }

  /** `add` for an ASCII key. */
  addAscii(bytes: Buffer, from: number, end: number): boolean {
    let high = HIGH ^ (end - from);
    let low = LOW ^ (end - from);
    for (let at = from; at < end; at++) {
      const unit = bytes[at] as number;
      high = Math.imul(high ^ unit, MIX_HIGH);
      high ^= high >>> 15;
      low = Math.imul(low ^ unit, MIX_LOW);
      low ^= low >>> 13;
    }
    this.#finish(high, low);
    return this.#insert(this.high, this.low);
  }

  /** Adds hashes from a ledger: two 32-bit integers per key. */
  addHashes(bytes: Buffer): void {
    for (let at = 0; at + 8 <= bytes.length; at += 8) this.#insert(bytes.readInt32LE(at), bytes.readInt32LE(at + 4));
  }

  /** Two MurmurHash-style hashes with different seeds, over UTF-16 units. */
  #hash(key: string): void {
    let high = HIGH ^ key.length;
    let low = LOW ^ key.length;
    for (let at = 0; at < key.length; at++) {
      const unit = key.charCodeAt(at);
      high = Math.imul(high ^ unit, MIX_HIGH);
      high ^= high >>> 15;
      low = Math.imul(low ^ unit, MIX_LOW);
      low ^= low >>> 13;
    }
    this.#finish(high, low);
  }

  #finish(high: number, low: number): void {
    const a = Math.imul(high ^ (high >>> 16), 0x85ebca6b);
    const b = Math.imul(low ^ (low >>> 16), 0xc2b2ae35);
    this.high = a ^ (a >>> 13) || 1;
    this.low = b ^ (b >>> 16);
  }

  #insert(high: number, low: number): boolean {
    const slot = this.#slot(high, low);
    if (this.#table[2 * slot] !== 0) return false;
    this.#table[2 * slot] = high;
    this.#table[2 * slot + 1] = low;
    if (++this.size * 2 > this.#mask) this.#grow();
    return true;
  }

  #slot(high: number, low: number): number {
    let slot = low & this.#mask;
    while (this.#table[2 * slot] !== 0 && (this.#table[2 * slot] !== high || this.#table[2 * slot + 1] !== low))
      slot = (slot + 1) & this.#mask;
    return slot;
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Int32Array(before.length * 2);
    this.#mask = before.length - 1;
    this.size = 0;
    for (let at = 0; at < before.length; at += 2) if (before[at] !== 0) this.#insert(before[at] as number, before[at + 1] as number);
  }
}

// Constants below 2^31 stay small integers in V8; larger numbers would allocate for every key.
const HIGH = 0x1747b28c;
const LOW = 0x3c6ef372;
const MIX_HIGH = 0x5bd1e995;
const MIX_LOW = 0x45ebca6b;
