/** The encrypted settings of a stack's file. */
import { isMap, isScalar, isSeq, parseDocument } from "yaml";

/** @returns ciphertexts by whole key */
export function ciphertextsIn(text: string, project: string): ReadonlyMap<string, string> {
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
