/** Every text in the arguments of a call: what could leave the process with it. */
import { isAnyArrayBuffer, isTypedArray } from "node:util/types";

/** Of a longer text, only so much is read. */
export const MOST_CHARACTERS = 1_000_000;
/** Arguments can hold whole object graphs, such as an agent with its sockets. */
const MAX_DEPTH = 6;
const MOST_VALUES = 500;

export interface TextOptions {
  /** File descriptors and time limits vary by themselves. */
  readonly numbers: boolean;
}

export function textsIn(value: unknown, options: TextOptions): readonly string[] {
  const texts: string[] = [];
  const seen = new Set<object>();
  visit(value, 0);
  return texts;

  function visit(inner: unknown, depth: number): void {
    if (texts.length >= MOST_VALUES || depth > MAX_DEPTH) return;
    if (typeof inner === "string") texts.push(inner.slice(0, MOST_CHARACTERS));
    else if (typeof inner === "number" || typeof inner === "bigint") {
      if (options.numbers) texts.push(String(inner));
    } else if (inner !== null && typeof inner === "object" && !seen.has(inner)) {
      seen.add(inner);
      visitObject(inner, depth);
    }
  }

  function visitObject(inner: object, depth: number): void {
    if (isTypedArray(inner) || inner instanceof DataView || isAnyArrayBuffer(inner)) texts.push(bytesText(inner));
    else if (inner instanceof URL || inner instanceof URLSearchParams) texts.push(inner.toString());
    else if (inner instanceof Error) visit(inner.message, depth + 1);
    else if (inner instanceof Request) for (const part of [inner.url, inner.method, inner.headers]) visit(part, depth + 1);
    else if (Array.isArray(inner) || inner instanceof Set) for (const item of inner) visit(item, depth + 1);
    else if (inner instanceof Map || inner instanceof Headers || inner instanceof FormData)
      for (const entry of inner as Iterable<unknown>) visit(entry, depth + 1);
    else if (isPlain(inner))
      for (const [key, item] of Object.entries(inner)) {
        texts.push(key);
        visit(item, depth + 1);
      }
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype as object) === null;
}

export function bytesText(value: NodeJS.ArrayBufferView | ArrayBuffer | SharedArrayBuffer): string {
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value as ArrayBuffer);
  const part = bytes.subarray(0, MOST_CHARACTERS);
  const text = part.toString();
  // Compressed or encrypted bytes are not text: each byte must count when two runs are compared.
  return text.includes("\ufffd") ? part.toString("latin1") : text;
}
