/** Reads the project's YAML as Pulumi does, and so that every complaint can say its file and line. */
import { existsSync, readFileSync } from "node:fs";
import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from "yaml";
import { ProjectError } from "./projecterror.ts";
import { type Scalar, scalarOf } from "./scalar.ts";

export type Data = Scalar | readonly Data[] | { readonly [key: string]: Data };

export interface YamlFile {
  /** As a reader calls it: Pulumi.prod.yaml. */
  readonly name: string;
  /** What stands under a key at the top. */
  get(key: string): Data | undefined;
  node(key: string): Node | undefined;
  /** What an alias stands for, or the node itself. */
  resolved(node: Node | undefined): Node | undefined;
  /** Keys and values of a mapping, those that it merges in among them; undefined for what is no mapping. */
  entries(node: Node | undefined): Entries | undefined;
  data(node: Node | undefined): Data;
  /** @param at A key at the top, or a node. */
  error(message: string, at?: string | Node): ProjectError;
}

/** A key may have nothing behind it. */
export type Entries = ReadonlyMap<string, Node | undefined>;

/** A few lines of aliases to aliases make more than a machine can hold. */
const MOST_NODES = 100_000;

export function readYaml(path: string, name: string): YamlFile {
  const lines = new LineCounter();
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  // Without a schema every scalar is the text that it is written as: what it means is Go's to say.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: "failsafe" });
  const mistake = document.errors[0];
  if (mistake) {
    // What it quotes may be a secret, in a file that has one in plain text.
    const said = mistake.message.replace(/(["'])(?:(?!\1)[^\\]|\\.)+\1/g, "$1…$1");
    throw new ProjectError(`${name}:${lines.linePos(mistake.pos[0]).line}: this is not YAML: ${said}`);
  }
  const targets = resolveAliases(document);
  let nodes = 0;
  const root = entries(document.contents ?? undefined);
  if (document.contents && !root) throw error("keys and values are expected here", document.contents);
  return {
    name,
    get: (key) => (root?.has(key) ? data(root.get(key)) : undefined),
    node: (key) => root?.get(key),
    resolved,
    entries,
    data,
    error,
  };

  function error(message: string, at?: string | Node): ProjectError {
    const node = typeof at === "string" ? root?.get(at) : at;
    const line = node?.range ? `:${lines.linePos(node.range[0]).line}` : "";
    return new ProjectError(`${name}${line}: ${message}.`);
  }

  function resolved(node: Node | undefined): Node | undefined {
    if (!isAlias(node)) return node;
    const target = targets.get(node);
    if (!target) throw error(`there is no anchor &${node.source} above this alias`, node);
    return target;
  }

  function entries(given: Node | undefined, inside: ReadonlySet<Node> = new Set()): Entries | undefined {
    const node = resolved(given);
    if (!isMap<Node, Node | null>(node)) return undefined;
    refuseTag(node);
    const within = entered(node, given ?? node, inside);
    const merged = new Map<string, Node | undefined>();
    const own = new Map<string, Node | undefined>();
    for (const { key, value } of node.items) {
      const name = keyOf(key);
      if (name === "<<") for (const [inner, its] of mergedBy(value ?? key, within)) merged.set(inner, its);
      else if (own.has(name)) throw error(`"${name}" is there already`, key);
      else own.set(name, value ?? undefined);
    }
    return new Map([...merged, ...own]);
  }

  function mergedBy(node: Node, inside: ReadonlySet<Node>): readonly (readonly [string, Node | undefined])[] {
    // The first of several that have a key is the one that counts. An alias of a list is none to Go.
    const sources = isSeq<Node>(node) ? node.items : [node];
    return sources.toReversed().flatMap((source) => {
      const pairs = entries(source, inside);
      if (!pairs) throw error(`"<<" takes a mapping, or a list of mappings`, source);
      return [...pairs];
    });
  }

  function keyOf(key: Node): string {
    const node = resolved(key);
    const name = isScalar(node) ? scalarAt(node) : null;
    if (name === null) throw error("a key is a text here", key);
    return String(name);
  }

  function data(given: Node | undefined, inside: ReadonlySet<Node> = new Set()): Data {
    const node = resolved(given);
    if (isScalar(node)) return scalarAt(node);
    if (isSeq<Node>(node)) {
      refuseTag(node);
      const within = entered(node, given ?? node, inside);
      return node.items.map((item) => data(item, within));
    }
    const pairs = entries(given, inside);
    if (!pairs || !node) return null;
    const within = entered(node, given ?? node, inside);
    return Object.fromEntries([...pairs].map(([key, value]) => [key, data(value, within)]));
  }

  function scalarAt(node: Node): Scalar {
    if (!isScalar(node)) return null;
    refuseTag(node);
    const text = typeof node.value === "string" ? node.value : "";
    const value = node.type === "PLAIN" && node.tag === undefined ? scalarOf(text) : text;
    if (typeof value === "number" && !Number.isFinite(value))
      throw error(`${text} is no number that JSON has; quote it if it is a text`, node);
    return value;
  }

  function refuseTag(node: Node): void {
    const { tag } = node as { tag?: string };
    if (tag === undefined || /^tag:yaml\.org,2002:(?:str|seq|map)$/.test(tag)) return;
    throw error(`the tag ${tag.replace("tag:yaml.org,2002:", "!!")} is not read here; write the value without it`, node);
  }

  function entered(node: Node, at: Node, inside: ReadonlySet<Node>): ReadonlySet<Node> {
    if (inside.has(node)) throw error("this contains itself", at);
    if (++nodes > MOST_NODES) throw error("so many aliases are more than anybody wrote", at);
    return new Set([...inside, node]);
  }
}

/**
 * The node behind every alias, found in one pass. The library's `alias.resolve` walks the whole document for each alias, which made a file of a
 * few lines take most of a minute to refuse.
 */
function resolveAliases(document: Document): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target) targets.set(node, target);
      } else if (node.anchor) anchors.set(node.anchor, node);
    },
  });
  return targets;
}
