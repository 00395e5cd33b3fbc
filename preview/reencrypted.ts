/** Finds rotated secrets in a stack's file by their ciphertext: the recorder sees placeholders only. */
import { isMap, isScalar, isSeq, parseDocument } from "yaml";

/** @returns whole keys whose ciphertext differs. The plans show added and removed keys. */
export function reencrypted(base: string, head: string, project: string): readonly string[] {
  const [before, after] = [ciphertexts(base, project), ciphertexts(head, project)];
  return [...after].flatMap(([key, text]) => (before.has(key) && before.get(key) !== text ? [key] : [])).sort();
}

function ciphertexts(text: string, project: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const config = parseDocument(text, { logLevel: "silent" }).get("config", true);
  if (isMap(config)) for (const { key, value } of config.items) visit(value, keyOf(nameOf(key), project));
  return found;

  function visit(node: unknown, at: string): void {
    if (isMap(node)) {
      const secure = node.items.length === 1 ? node.get("secure") : undefined;
      if (typeof secure === "string") found.set(at, secure);
      else for (const { key, value } of node.items) visit(value, `${at}.${nameOf(key)}`);
    } else if (isSeq(node)) for (const [index, item] of node.items.entries()) visit(item, `${at}[${index}]`);
  }
}

const nameOf = (key: unknown): string => String(isScalar(key) ? key.value : key);
const keyOf = (key: string, project: string): string => (key.includes(":") ? key : `${project}:${key}`);
