/** A keyspace as its file declares it: where it lives, what may live in it, what it is seeded with. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar, visit } from "yaml";
import { z } from "zod";
import { Failure } from "../../connect/failure.ts";
import { parseDuration } from "./duration.ts";
import { declarationError, escapeControlCharacters, type FileLocation, POLICIES, TYPES } from "./entry.ts";
import { checkFile } from "./files.ts";
import type { KeyRules } from "./parse.ts";
import { createMatcher, type Pattern } from "./pattern.ts";

/**
 * guarded  a digest for each key in the store, and nothing overwritten that somebody else has changed
 * bulk     the prefix is ours: a digest for each chunk of the file, and the speed of the connection
 */
export type Mode = "guarded" | "bulk";

export interface Keyspace extends KeyRules {
  readonly system: string;
  readonly file: string;
  readonly folder: string;
  readonly store: string;
  readonly database: number;
  readonly durable: boolean;
  readonly purpose: string;
  readonly mode: Mode;
  readonly needs: Needs;
  /** Seeds that stand in the file itself, not yet read, each with its line. */
  readonly seeds: readonly { readonly given: unknown; readonly place: FileLocation }[];
  /** Files of JSON lines, from the folder. */
  readonly data: readonly string[];
  readonly scripts: Scripts | undefined;
}

export interface Needs {
  readonly memoryMiB?: number | undefined;
  readonly maxClients?: number | undefined;
  readonly databases?: number | undefined;
}

export interface Scripts {
  /** The hash that tells a script's digest by its name. */
  readonly registry: string;
  readonly files: readonly {
    readonly name: string;
    readonly file: string;
    readonly needs: readonly string[];
    readonly place: FileLocation;
  }[];
}

const text = z.string().min(1);

const schema = z.strictObject({
  keyspace: z.string().regex(/^[a-z][A-Za-z0-9]*$/, "a name in letters and digits, as the system's definition has it"),
  store: text,
  database: z.int().min(0).max(127),
  durable: z.boolean(),
  purpose: text,
  mode: z.enum(["guarded", "bulk"]).default("guarded"),
  prefix: z.string().default(""),
  policy: z.enum(POLICIES).default("ensure"),
  needs: z
    .strictObject({
      memoryMiB: z.int().positive().optional(),
      maxClients: z.int().positive().optional(),
      databases: z.int().min(1).max(128).optional(),
    })
    .default({}),
  keys: z
    .array(
      z.strictObject({ pattern: text, type: z.enum(TYPES), ttl: text, owner: text, purpose: text, secret: z.boolean().default(false) }),
    )
    .default([]),
  scripts: z
    .strictObject({ registry: text, files: z.record(text, z.strictObject({ file: text, needs: z.array(text).default([]) })) })
    .optional(),
  data: z.array(text).default([]),
  seed: z.array(z.unknown()).default([]),
});

/** Every keyspace of a folder, by name. A folder that is not there has none. */
export function readKeyspaces(folder: string, system: string): Keyspace[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name) && !name.startsWith("."));
  const keyspaces = files.sort().map((name) => readKeyspace(folder, name, system));
  const places = new Map<string, Keyspace>();
  for (const keyspace of keyspaces) {
    for (const place of [keyspace.keyspace, `${keyspace.store} ${keyspace.database}`]) {
      const other = places.get(place);
      if (other !== undefined) {
        const what = place === keyspace.keyspace ? `the keyspace ${place}` : `database ${keyspace.database} of the store ${keyspace.store}`;
        throw declarationError(
          { file: keyspace.file },
          `${what} is declared already, in ${other.file}. One file a keyspace, one keyspace a database.`,
        );
      }
      places.set(place, keyspace);
    }
  }
  return keyspaces;
}

/** Whether there is anything to write: a keyspace may be declared only to say what lives there. */
export const isSeeded = ({ seeds, data, scripts }: Keyspace): boolean => seeds.length + data.length > 0 || scripts !== undefined;

function readKeyspace(folder: string, name: string, system: string): Keyspace {
  const file = join(folder, name).replaceAll("\\", "/");
  checkFile(folder, name, { file }, "keyspace's file");
  const lines = new LineCounter();
  const document = parseDocument(decodeUtf8(readFileSync(join(folder, name)), file), { lineCounter: lines });
  // A tag that nobody knows is only warned of, and its value taken for text.
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) {
    const again = /Map keys must be unique/.test(mistake.message);
    throw declarationError(
      { file, line: lines.linePos(mistake.pos[0]).line },
      again ? "this name stands twice in one place. Take one out." : `is no YAML: ${mistake.message.split("\n")[0]}`,
    );
  }
  const lineOf = (path: readonly (string | number)[]) => findLine(document, lines, path);
  rejectAmbiguousScalars(document, file, lines);
  const parsed = schema.safeParse(toPlainValue(document, file));
  if (!parsed.success) {
    const { issues } = parsed.error;
    // A name that is unknown is most often why another one is missing.
    const issue = (issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]) as z.core.$ZodIssue;
    const unknown = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
    const path = [...issue.path, ...unknown].filter((part) => typeof part !== "symbol");
    throw declarationError(
      { file, line: lineOf(path) },
      `${path.join(".") || "the file"}: ${issue.message}. See docs/keyspaces.md for what may stand there.`,
    );
  }
  const { seed, keys, scripts, ...rest } = parsed.data;
  const patterns = keys.map((key, index) => parsePattern(key, { file, line: lineOf(["keys", index]) }, rest));
  if (rest.mode === "bulk" && rest.prefix === "")
    throw declarationError(
      { file, line: lineOf(["mode"]) },
      "mode bulk needs a prefix: it says which keys are ours to replace. Write prefix: …, or take mode: guarded.",
    );
  if (rest.mode === "bulk" && rest.policy !== "own")
    throw declarationError(
      { file, line: lineOf(["mode"]) },
      "mode bulk keeps no digest of a key, so it can only own: write policy: own, or take mode: guarded.",
    );
  for (const [index, data] of rest.data.entries()) checkFile(folder, data, { file, line: lineOf(["data", index]) }, "data file");
  return {
    ...rest,
    system,
    file,
    folder,
    patterns,
    seeds: seed.map((given, index) => ({ given, place: { file, line: lineOf(["seed", index]) } })),
    scripts:
      scripts === undefined
        ? undefined
        : {
            registry: scripts.registry,
            files: Object.entries(scripts.files).map(([script, it]) => ({
              name: script,
              file: it.file,
              needs: it.needs,
              place: { file, line: lineOf(["scripts", "files", script]) },
            })),
          },
  };
}

function parsePattern(
  key: z.output<typeof schema>["keys"][number],
  place: FileLocation,
  keyspace: { prefix: string; durable: boolean },
): Pattern {
  const ttl = key.ttl === "none" ? 0 : parseDuration(key.ttl);
  if (ttl === undefined)
    throw declarationError(
      place,
      `${key.pattern}: the ttl "${key.ttl}" is none. Write none, or the longest one: 15m, 24h, 7d; ten years at most.`,
    );
  if (ttl === 0 && !keyspace.durable)
    throw declarationError(
      place,
      `${key.pattern} lives for ever in a keyspace that may lose its keys. Give it a ttl, or move it to a durable keyspace.`,
    );
  if (!key.pattern.startsWith(keyspace.prefix))
    throw declarationError(place, `${key.pattern} does not begin with the keyspace's prefix "${keyspace.prefix}".`);
  if (key.pattern.startsWith("slipway:"))
    throw declarationError(place, `${key.pattern}: names that begin with slipway: are the ledger's. Choose another.`);
  return {
    text: key.pattern,
    type: key.type,
    ttl,
    ttlText: key.ttl,
    owner: key.owner,
    purpose: key.purpose,
    secret: key.secret,
    matches: createMatcher(key.pattern),
  };
}

/** Aliases are resolved here, and a file of a few lines may mean a billion. */
function toPlainValue(document: Document, file: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw declarationError({ file }, `cannot be read: ${(error as Error).message}. Write out what its aliases stand for.`);
  }
}

/** 1.10 and ~ as names, 012 and 1e3 as values would become another text, without a word. */
function rejectAmbiguousScalars(document: Document, file: string, lines: LineCounter): void {
  const refuse = (node: { readonly range?: readonly number[] | null | undefined }, text: string, what: string) => {
    throw declarationError(
      { file, line: lines.linePos(node.range?.[0] ?? 0).line },
      `the ${what} ${escapeControlCharacters(text)} can be read in more than one way. Put it in quotes.`,
    );
  };
  const asWritten = ({ value, source }: Scalar) => typeof value === "string" || String(value) === source;
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key)) refuse((key ?? {}) as Node, String(key), "name");
      else if (!asWritten(key)) refuse(key, key.source || "~", "name");
    },
    Scalar(place, node, path) {
      // A score is a number however it is written.
      const isScore = path.some((one) => isPair(one) && String(one.key) === "zset");
      if (place !== "key" && Number.isInteger(node.value) && !isScore && !asWritten(node)) refuse(node, node.source ?? "", "number");
    },
  });
}

/** The line of the nearest thing that is there. */
function findLine(document: Document, lines: LineCounter, path: readonly (string | number)[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    const node = isMap(parent)
      ? parent.items.find(({ key }) => String(key) === String(last))?.key
      : isSeq(parent)
        ? parent.items[Number(last)]
        : undefined;
    const range = (node as { range?: readonly number[] } | undefined)?.range;
    if (range !== undefined) return lines.linePos(range[0] as number).line;
  }
  return undefined;
}

/** Text of a file: UTF-8, nothing else. */
export function decodeUtf8(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Failure("bad-seed", 2, `${file} is not UTF-8. Save it as UTF-8; bytes that are no text are written { base64: … }.`, {
      cause: error,
    });
  }
}
