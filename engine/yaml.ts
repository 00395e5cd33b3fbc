/** Reads YAML as Pulumi does, and gives every error its file and line. */
import { existsSync, readFileSync } from "node:fs";
import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from "yaml";
import { ProjectError } from "./projecterror.ts";
import { type Scalar, scalarOf } from "./yaml-scalar.ts";

export type Data = Scalar | readonly Data[] | { readonly [key: string]: Data };

export interface YamlFile {
  /** The file's name in messages: Pulumi.prod.yaml. */
  readonly name: string;
  /** The value of a top-level key. */
  get(key: string): Data | undefined;
  node(key: string): Node | undefined;
  /** The target of an alias, or the node itself. */
  resolved(node: Node | undefined): Node | undefined;
  /** Keys and values of a mapping, including merged ones; undefined for other nodes. */
  entries(node: Node | undefined): Entries | undefined;
  data(node: Node | undefined): Data;
  /** @param at A top-level key, or a node. */
  error(message: string, at?: string | Node): ProjectError;
}

/** A key without a value has no node. */
export type Entries = ReadonlyMap<string, Node | undefined>;

/** Limits expansion: a few lines of aliases to aliases can exceed the memory of any machine. */
const MAX_NODES = 100_000;

export function readYaml(path: string, name: string): YamlFile {
  const lines = new LineCounter();
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  // The failsafe schema keeps every scalar as text; yaml-scalar.ts interprets it as Go does.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: "failsafe" });
  const syntaxError = document.errors[0];
  if (syntaxError) {
    // The message can quote a secret that is in plain text in the file.
    const message = syntaxError.message.replace(/(["'])(?:(?!\1)[^\\]|\\.)+\1/g, "$1…$1");
    throw new ProjectError(`${name}:${lines.linePos(syntaxError.pos[0]).line}: this is not YAML: ${message}`);
  }
  const targets = resolveAliases(document);
  let nodes = 0;
  const root = entries(document.contents ?? undefined);
  if (document.contents && !root) throw error("expected keys and values", document.contents);
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
    if (!target) throw error(`no anchor &${node.source} is defined before this alias`, node);
    return target;
  }

  function entries(given: Node | undefined, inside: ReadonlySet<Node> = new Set()): Entries | undefined {
    const node = resolved(given);
    if (!isMap<Node, Node | null>(node)) return undefined;
    rejectTag(node);
    const within = descend(node, given ?? node, inside);
    const merged = new Map<string, Node | undefined>();
    const own = new Map<string, Node | undefined>();
    for (const { key, value } of node.items) {
      const name = keyOf(key);
      if (name === "<<") for (const [inner, its] of mergedBy(value ?? key, within)) merged.set(inner, its);
      else if (own.has(name)) throw error(`the key "${name}" is a duplicate`, key);
      else own.set(name, value ?? undefined);
    }
    return new Map([...merged, ...own]);
  }

  function mergedBy(node: Node, inside: ReadonlySet<Node>): readonly (readonly [string, Node | undefined])[] {
    // The first source with a key wins. Go does not accept an alias of a list here.
    const sources = isSeq<Node>(node) ? node.items : [node];
    return sources.toReversed().flatMap((source) => {
      const pairs = entries(source, inside);
      if (!pairs) throw error(`"<<" must be a mapping or a list of mappings`, source);
      return [...pairs];
    });
  }

  function keyOf(key: Node): string {
    const node = resolved(key);
    const name = isScalar(node) ? scalarAt(node) : null;
    if (name === null) throw error("a key must be a text", key);
    return String(name);
  }

  function data(given: Node | undefined, inside: ReadonlySet<Node> = new Set()): Data {
    const node = resolved(given);
    if (isScalar(node)) return scalarAt(node);
    if (isSeq<Node>(node)) {
      rejectTag(node);
      const within = descend(node, given ?? node, inside);
      return node.items.map((item) => data(item, within));
    }
    const pairs = entries(given, inside);
    if (!pairs || !node) return null;
    const within = descend(node, given ?? node, inside);
    return Object.fromEntries([...pairs].map(([key, value]) => [key, data(value, within)]));
  }

  function scalarAt(node: Node): Scalar {
    if (!isScalar(node)) return null;
    rejectTag(node);
    const text = typeof node.value === "string" ? node.value : "";
    const value = node.type === "PLAIN" && node.tag === undefined ? scalarOf(text) : text;
    if (typeof value === "number" && !Number.isFinite(value)) throw error(`${text} is not a JSON number; quote it if it is a text`, node);
    return value;
  }

  function rejectTag(node: Node): void {
    const { tag } = node as { tag?: string };
    if (tag === undefined || /^tag:yaml\.org,2002:(?:str|seq|map)$/.test(tag)) return;
    throw error(`the tag ${tag.replace("tag:yaml.org,2002:", "!!")} is not supported; write the value without it`, node);
  }

  function descend(node: Node, at: Node, inside: ReadonlySet<Node>): ReadonlySet<Node> {
    if (inside.has(node)) throw error("this contains itself", at);
    if (++nodes > MAX_NODES) throw error(`the aliases expand to more than ${MAX_NODES} values`, at);
    return new Set([...inside, node]);
  }
}

/**
 * The target of every alias, in one pass. The library's `alias.resolve` walks the whole document for each alias: a file of a few lines took most
 * of a minute to reject.
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
