/** Reads the files that declare keyspaces: store and database, allowed keys, seeds and scripts. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar, visit } from "yaml";
import { z } from "zod";
import { type Declaration, declarationError, escapeControlCharacters, type FileLocation, POLICIES, TYPES } from "./entry.ts";
import { checkFile, decodeUtf8 } from "./files.ts";
import type { KeyRules } from "./parse.ts";
import { createMatcher, type Pattern, parseDuration } from "./pattern.ts";

/**
 * guarded  keeps a digest per key in the store and does not overwrite keys that another client changed
 * bulk     owns every declared key under its prefix and keeps a digest per chunk of a file, which is several times faster
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
  /** Unparsed entries in the file itself, with their lines. */
  readonly seeds: readonly Declaration[];
  /** JSON lines files, relative to the folder. */
  readonly data: readonly string[];
  readonly scripts: Scripts | undefined;
}

export interface Needs {
  readonly memoryMiB?: number | undefined;
  readonly maxClients?: number | undefined;
  readonly databases?: number | undefined;
}

export interface Scripts {
  /** The hash that maps script names to digests. */
  readonly registry: string;
  readonly files: readonly {
    readonly name: string;
    readonly file: string;
    readonly needs: readonly string[];
    readonly location: FileLocation;
  }[];
}

const text = z.string().min(1);

const schema = z.strictObject({
  keyspace: z.string().regex(/^[a-z][A-Za-z0-9]*$/, "letters and digits, the same name as in the definition of the system"),
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

/** Reads every keyspace of a folder, sorted by file name. A folder that does not exist has none. */
export function readKeyspaces(folder: string, system: string): Keyspace[] {
  const keyspaces = readKeyspaceFiles(folder, system).map((read) => read());
  const taken = new Map<string, Keyspace>();
  for (const keyspace of keyspaces) {
    for (const id of [keyspace.keyspace, `${keyspace.store} ${keyspace.database}`]) {
      const other = taken.get(id);
      if (other !== undefined) {
        const what = id === keyspace.keyspace ? `the keyspace ${id}` : `database ${keyspace.database} of the store ${keyspace.store}`;
        throw declarationError(
          { file: keyspace.file },
          `${what} is already declared in ${other.file}. Declare one keyspace per file and per database.`,
        );
      }
      taken.set(id, keyspace);
    }
  }
  return keyspaces;
}

/** A reader for each file, sorted by file name. */
export function readKeyspaceFiles(folder: string, system: string): (() => Keyspace)[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name) && !name.startsWith("."));
  return files.sort().map((name) => () => readKeyspace(folder, name, system));
}

/**
 * Whether a seed writes anything. In a durable keyspace without seeds, that is the record of the seed, by which `verify` notices a flush. A cache may
 * evict the record, and its keys can be computed again.
 */
export const isSeeded = ({ durable, seeds, data, scripts }: Keyspace): boolean =>
  durable || seeds.length + data.length > 0 || scripts !== undefined;

function readKeyspace(folder: string, name: string, system: string): Keyspace {
  const file = join(folder, name).replaceAll("\\", "/");
  checkFile(folder, name, { file }, "keyspace file");
  const lines = new LineCounter();
  const document = parseDocument(decodeUtf8(readFileSync(join(folder, name)), file), { lineCounter: lines });
  // The parser only warns about an unknown tag and reads its value as text, so warnings count as errors.
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) {
    const isDuplicate = /Map keys must be unique/.test(mistake.message);
    throw declarationError(
      { file, line: lines.linePos(mistake.pos[0]).line },
      isDuplicate ? "this name occurs twice. Remove one." : `is not valid YAML: ${mistake.message.split("\n")[0]}`,
    );
  }
  const lineOf = (path: readonly (string | number)[]) => findLine(document, lines, path);
  rejectAmbiguousScalars(document, file, lines);
  const parsed = schema.safeParse(toPlainValue(document, file));
  if (!parsed.success) {
    const { issues } = parsed.error;
    // Report an unknown name before a missing one: a misspelled name causes both.
    const issue = (issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]) as z.core.$ZodIssue;
    const unknown = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
    const path = [...issue.path, ...unknown].filter((part) => typeof part !== "symbol");
    throw declarationError(
      { file, line: lineOf(path) },
      `${path.join(".") || "the file"}: ${issue.message}. See docs/keyspaces.md for the allowed fields.`,
    );
  }
  const { seed, keys, scripts, ...rest } = parsed.data;
  const patterns = keys.map((key, index) => parsePattern(key, { file, line: lineOf(["keys", index]) }, rest));
  if (rest.mode === "bulk" && rest.prefix === "")
    throw declarationError(
      { file, line: lineOf(["mode"]) },
      "mode bulk needs a prefix, which names the keys that slipway may replace. Add prefix: …, or use mode: guarded.",
    );
  if (rest.mode === "bulk" && rest.policy !== "own")
    throw declarationError(
      { file, line: lineOf(["mode"]) },
      "mode bulk supports only policy own, because it keeps no digest per key. Write policy: own, or use mode: guarded.",
    );
  for (const [index, data] of rest.data.entries()) checkFile(folder, data, { file, line: lineOf(["data", index]) }, "data file");
  return {
    ...rest,
    system,
    file,
    folder,
    patterns,
    seeds: seed.map((raw, index) => ({ raw, location: { file, line: lineOf(["seed", index]) } })),
    scripts:
      scripts === undefined
        ? undefined
        : {
            registry: scripts.registry,
            files: Object.entries(scripts.files).map(([script, it]) => ({
              name: script,
              file: it.file,
              needs: it.needs,
              location: { file, line: lineOf(["scripts", "files", script]) },
            })),
          },
  };
}

function parsePattern(
  key: z.output<typeof schema>["keys"][number],
  location: FileLocation,
  keyspace: { prefix: string; durable: boolean },
): Pattern {
  const ttl = key.ttl === "none" ? 0 : parseDuration(key.ttl);
  if (ttl === undefined)
    throw declarationError(
      location,
      `${key.pattern}: the ttl "${key.ttl}" is not a valid duration. Write none, or the longest ttl, such as 15m, 24h or 7d; at most ten years.`,
    );
  if (ttl === 0 && !keyspace.durable)
    throw declarationError(
      location,
      `${key.pattern} has no ttl, but the keyspace is not durable. Add a ttl, or move the pattern to a durable keyspace.`,
    );
  if (!key.pattern.startsWith(keyspace.prefix))
    throw declarationError(location, `${key.pattern} does not start with "${keyspace.prefix}", the prefix of the keyspace.`);
  if (key.pattern.startsWith("slipway:"))
    throw declarationError(location, `${key.pattern}: names that start with slipway: are reserved for the ledger. Choose another name.`);
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

/** Resolves aliases. The library limits them, because a few lines can expand to billions of values. */
function toPlainValue(document: Document, file: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw declarationError({ file }, `cannot be read: ${(error as Error).message}. Replace the aliases with their values.`);
  }
}

/** Rejects scalars whose text YAML changes silently: 1.10 and ~ as names, 012 and 1e3 as values. */
function rejectAmbiguousScalars(document: Document, file: string, lines: LineCounter): void {
  const reject = (node: { readonly range?: readonly number[] | null | undefined }, text: string, what: string) => {
    throw declarationError(
      { file, line: lines.linePos(node.range?.[0] ?? 0).line },
      `the ${what} ${escapeControlCharacters(text)} is ambiguous in YAML. Quote it.`,
    );
  };
  const keepsItsText = ({ value, source }: Scalar) => typeof value === "string" || String(value) === source;
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key)) reject((key ?? {}) as Node, String(key), "name");
      else if (!keepsItsText(key)) reject(key, key.source || "~", "name");
    },
    Scalar(location, node, path) {
      // A score is a number in any notation.
      const isScore = path.some((one) => isPair(one) && String(one.key) === "zset");
      if (location !== "key" && Number.isInteger(node.value) && !isScore && !keepsItsText(node)) reject(node, node.source ?? "", "number");
    },
  });
}

/** @returns the line of the nearest ancestor that exists in the file. */
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
