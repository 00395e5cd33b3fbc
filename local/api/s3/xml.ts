import { ApiError } from "../../cloud/core/api-error.ts";

/** An XML element as in S3 requests: child elements and text. Attributes are ignored, document types are rejected. */
export interface Element {
  readonly name: string;
  readonly children: readonly Element[];
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const TOKEN = /<\?[^>]*\?>|<!--[\s\S]*?-->|<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)/y;
const MAX_DEPTH = 16;

export function parseXml(source: string, root: string): Element {
  const malformed = () =>
    new ApiError(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema");
  interface Open {
    readonly name: string;
    readonly children: Element[];
    text: string;
  }
  const top: Open = { name: "", children: [], text: "" };
  const open: Open[] = [top];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const [match, closing, name, , empty, text] = TOKEN.exec(source) ?? [];
    if (match === undefined) throw malformed();
    const current = open.at(-1)!;
    if (text !== undefined) current.text += decodeText(text);
    else if (name && closing) {
      if (current.name !== name || open.length === 1) throw malformed();
      open.pop();
      open.at(-1)!.children.push(current);
    } else if (name) {
      if (open.length > MAX_DEPTH) throw malformed();
      if (empty) current.children.push({ name, children: [], text: "" });
      else open.push({ name, children: [], text: "" });
    }
  }
  const [element] = top.children;
  if (open.length !== 1 || top.children.length !== 1 || element?.name !== root) throw malformed();
  return element;
}

const decodeText = (text: string): string =>
  text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex: string, decimal: string, name: string) => {
    if (name) return ENTITIES[name] ?? whole;
    const code = hex ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10_ffff ? String.fromCodePoint(code) : whole;
  });

export const child = (element: Element, name: string): Element | undefined => element.children.find((other) => other.name === name);
export const children = (element: Element, name: string): Element[] => element.children.filter((other) => other.name === name);
export const textOf = (element: Element, name: string): string | undefined => child(element, name)?.text.trim();

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Content = string | number | boolean | undefined | Element | readonly Content[];

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

/** Builds an element: `tag("Bucket", tag("Name", "media"))`. Undefined content is omitted. */
export const tag = (name: string, ...content: readonly Content[]): Element => {
  const flat = content.flat(9) as Exclude<Content, readonly Content[]>[];
  const text = flat.filter((item) => typeof item !== "object" && item !== undefined).join("");
  return { name, children: flat.filter((item): item is Element => typeof item === "object"), text };
};

export const writeXml = (root: Element): string => `<?xml version="1.0" encoding="UTF-8"?>\n${write(root, ` xmlns="${NAMESPACE}"`)}`;

function write({ name, children, text }: Element, attributes = ""): string {
  return `<${name}${attributes}>${children.length > 0 ? children.map((item) => write(item)).join("") : escapeText(text)}</${name}>`;
}

const escapeText = (text: string): string =>
  // XML cannot contain control characters; clients that expect them send encoding-type=url.
  text
    .replace(/[^\P{Cc}\t\n\r]/gu, "\ufffd")
    .replace(/[&<>"]/g, (character) => `&${{ "&": "amp", "<": "lt", ">": "gt", '"': "quot" }[character]};`);
