/** The keys of a keyspace by 64 bits of each: 16 bytes a key, where the texts would need a hundred. */
export class KeySet {
  #table = new Uint32Array(2 * 1024);
  #mask = 1023;
  size = 0;

  /** @returns false where it was in there. */
  add(key: string): boolean {
    hash(key);
    return this.#insert(high, low);
  }

  has(key: string): boolean {
    hash(key);
    return this.#table[2 * this.#slot(high, low)] !== 0;
  }

  /** Eight bytes a key, as `bytesOfKeys` wrote them. */
  addBytes(bytes: Buffer): void {
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

export function bytesOfKeys(keys: readonly string[]): Buffer {
  const bytes = Buffer.allocUnsafe(8 * keys.length);
  keys.forEach((key, index) => {
    hash(key);
    bytes.writeUInt32LE(high, 8 * index);
    bytes.writeUInt32LE(low, 8 * index + 4);
  });
  return bytes;
}

let high = 0;
let low = 0;

/** Two runs of MurmurHash's mixing with different seeds, over UTF-16 units. `high` is never 0, which marks a free slot. */
function hash(key: string): void {
  let a = 0x9747b28c ^ key.length;
  let b = 0x3c6ef372 ^ key.length;
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x5bd1e995);
    a ^= a >>> 15;
    b = Math.imul(b ^ unit, 0x85ebca6b);
    b ^= b >>> 13;
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
  b = Math.imul(b ^ (b >>> 16), 0xc2b2ae35);
  high = (a ^ (a >>> 13)) >>> 0 || 1;
  low = (b ^ (b >>> 16)) >>> 0;
}
