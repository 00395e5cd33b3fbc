/** What a program makes of a secret before it leaks: an expression of `it`. */
import type { CorpusOrigin } from "./origins.ts";

export interface CorpusTransformation {
  readonly name: string;
  readonly code: string;
  /** The secret, or a large part of it, can be read in the result: the sink's own rule reports it. Otherwise `secret-derived` does. */
  readonly readable: boolean;
  /** @default every origin */
  readonly applies?: (origin: CorpusOrigin) => boolean;
}

export const TRANSFORMATIONS: readonly CorpusTransformation[] = [
  { name: "plain", readable: true, code: "it" },
  { name: "in base64", readable: true, code: `Buffer.from(it).toString("base64")` },
  { name: "in base64 for URLs", readable: true, code: `Buffer.from("user:" + it).toString("base64url")` },
  { name: "in hex", readable: true, code: `Buffer.from(it).toString("hex")` },
  { name: "in percent-encoding", readable: true, code: `[...Buffer.from(it)].map((byte) => "%" + byte.toString(16)).join("")` },
  { name: "in JSON", readable: true, code: "JSON.stringify({ login: { password: it } })" },
  { name: "reversed", readable: true, code: `[...it].reverse().join("")` },
  { name: "cut in half", readable: true, code: "it.slice(0, Math.ceil(it.length / 2))" },
  { name: "in capitals", readable: true, code: "it.toUpperCase()" },
  { name: "in a template", readable: true, code: "`the key is ${it}, keep it`" },
  { name: "joined with dashes", readable: true, code: `[...it].join("-")` },
  { name: "as character codes", readable: true, code: `[...it].map((letter) => letter.charCodeAt(0)).join(",")` },
  { name: "compressed", readable: true, code: `gzipSync(it).toString("base64")` },
  { name: "hashed", readable: false, code: `createHash("sha256").update(it).digest("hex")` },
  { name: "its first four characters", readable: false, code: "it.slice(0, 4)", applies: ({ isUrl }) => !isUrl },
  { name: "its length", readable: false, code: "`length ${it.length}`", applies: ({ knownLength }) => !knownLength },
  { name: "each byte changed", readable: false, code: `Buffer.from([...Buffer.from(it)].map((byte) => byte ^ 0x5a)).toString("base64")` },
];
