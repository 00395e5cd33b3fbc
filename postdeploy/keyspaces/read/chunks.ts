/**
 * Splits data files into content-defined chunks: an added line moves one boundary, and every other chunk keeps its digest.
 */
import { hash } from "node:crypto";
import type { Declaration } from "./entry.ts";
import { dataFilePath } from "./files.ts";
import type { Keyspace } from "./keyspace.ts";
import { countLines, type FindBlockEnd, type LineBlock, parseLines, readBlocks } from "./lines.ts";

export interface Chunk {
  /** 132 bits of the SHA-1 of its bytes. */
  readonly digest: string;
  readonly bytes: number;
  /** One per key. */
  readonly lines: number;
  /** Set if the chunk comes from a data file. */
  readonly block?: LineBlock;
  declarations(): Iterable<Declaration>;
}

const LF = 10;
/** Results in about a quarter of a megabyte of commands, which is the fastest size on one TLS connection. */
const MIN_BYTES = 128 * 1024;
const MAX_BYTES = 512 * 1024;
/** After MIN_BYTES, one in this many lines ends a chunk. */
const LINES_PER_BOUNDARY = 256;

export async function* readChunks(keyspace: Keyspace): AsyncGenerator<Chunk> {
  if (keyspace.seeds.length > 0) {
    const bytes = Buffer.from(JSON.stringify(keyspace.seeds.map(({ raw }) => raw)));
    yield createChunk(bytes, keyspace.seeds.length, () => keyspace.seeds);
  }
  for (const name of keyspace.data) {
    const file = `${keyspace.folder}/${name}`;
    for await (const block of readBlocks(dataFilePath(keyspace, name), file, findContentBoundary))
      yield { ...createChunk(block.bytes, countChunkLines(block.bytes), () => parseLines(block)), block };
  }
}

/** The last line of a file may have no line feed. */
const countChunkLines = (bytes: Buffer): number => countLines(bytes) + (bytes.at(-1) === LF ? 0 : 1);

function createChunk(bytes: Buffer, lines: number, declarations: Chunk["declarations"]): Chunk {
  return { digest: hash("sha1", bytes, "base64").slice(0, 22), bytes: bytes.length, lines, declarations };
}

const findContentBoundary: FindBlockEnd = (bytes, from, last) => {
  let start = from + MIN_BYTES;
  for (let end = bytes.indexOf(LF, start); end !== -1; end = bytes.indexOf(LF, start)) {
    if (end + 1 - from >= MAX_BYTES || (start > from + MIN_BYTES && hashLine(bytes, start, end) % LINES_PER_BOUNDARY === 0)) return end + 1;
    start = end + 1;
  }
  return last ? bytes.length : from;
};

/** FNV-1a of one line. */
function hashLine(bytes: Buffer, from: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
