/** The little of DER (X.690) that a certificate needs: every value is a tag, a length and its contents. */

export function tagged(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body), body]);
}

function lengthOf(body: Buffer): Buffer {
  if (body.length < 0x80) return Buffer.from([body.length]);
  const bytes = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

export const sequence = (...items: readonly Uint8Array[]) => tagged(0x30, ...items);
export const set = (...items: readonly Uint8Array[]) => tagged(0x31, ...items);
export const octets = (contents: Uint8Array) => tagged(0x04, contents);
/** The leading byte says how many bits of the last one are not used. */
export const bits = (contents: Uint8Array, unused = 0) => tagged(0x03, Buffer.from([unused]), contents);
export const text = (value: string) => tagged(0x0c, Buffer.from(value, "utf8"));
export const truth = () => tagged(0x01, Buffer.from([0xff]));
/** A positive number; one whose first bit is set would read as negative without the zero in front. */
export const integer = (value: Uint8Array) => tagged(0x02, (value[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), value]) : value);

/** 20500101000000Z and later need GeneralizedTime; before that X.509 demands UTCTime. */
export function time(date: Date): Buffer {
  const stamp = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(stamp.slice(2))) : tagged(0x18, Buffer.from(stamp));
}

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}
