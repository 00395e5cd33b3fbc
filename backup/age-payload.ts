/**
 * The payload of an age file (https://age-encryption.org/v1): a nonce, and chunks of 64 KiB that are sealed one by one. age-encryption is pure JavaScript
 * and seals 170 MB of chunks a second; Node's cipher seals 1,000 to 1,700 MB. Headers and keys stay with age-encryption.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { Transform, type TransformCallback } from "node:stream";

const CIPHER = "chacha20-poly1305";
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const SEALED_BYTES = CHUNK_BYTES + TAG_BYTES;
const NONCE_BYTES = 16;
/** The nonce, and a chunk that is only its tag. */
export const EMPTY_PAYLOAD_BYTES = NONCE_BYTES + TAG_BYTES;

/** @param header text before the payload, which comes out first */
export function createPayloadSealer(header: Uint8Array, fileKey: Uint8Array): Transform {
  const nonce = randomBytes(NONCE_BYTES);
  const seal = createChunkSealer(fileKey, nonce);
  const chunks = createSplitter(CHUNK_BYTES);
  const push = (chunk: Buffer, isLast: boolean): void => {
    for (const part of seal(chunk, isLast)) sealer.push(part);
  };
  const sealer = new Transform({
    transform(data: Buffer, _, done) {
      chunks.split(data, (chunk) => push(chunk, false));
      done();
    },
    flush(done) {
      push(chunks.rest(), true);
      done();
    },
  });
  sealer.push(Buffer.concat([header, nonce]));
  return sealer;
}

/**
 * Opens what follows the header. Only verified data comes out, and the end only if the payload is complete.
 * @param start of the payload, which was read together with the header
 */
export function createPayloadOpener(fileKey: Uint8Array, start: Buffer): Transform {
  let head = start;
  let open: ChunkOpener | undefined;
  const chunks = createSplitter(SEALED_BYTES);
  const openAll = (data: Buffer, isEnd: boolean): void => {
    let payload = data;
    if (open === undefined) {
      head = Buffer.concat([head, data]);
      if (head.length < NONCE_BYTES) {
        if (isEnd) throw new Error("it ends before its first chunk");
        return;
      }
      open = createChunkOpener(fileKey, head.subarray(0, NONCE_BYTES));
      payload = head.subarray(NONCE_BYTES);
    }
    const openChunk = open;
    chunks.split(payload, (chunk) => opener.push(openChunk(chunk, false)));
    if (isEnd) opener.push(openChunk(chunks.rest(), true));
  };
  const attempt = (data: Buffer, isEnd: boolean, done: TransformCallback) => {
    try {
      openAll(data, isEnd);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
  const opener = new Transform({
    transform: (data: Buffer, _, done) => attempt(data, false, done),
    flush: (done) => attempt(Buffer.alloc(0), true, done),
  });
  return opener;
}

function createChunkSealer(fileKey: Uint8Array, payloadNonce: Uint8Array): (chunk: Buffer, isLast: boolean) => Buffer[] {
  const key = payloadKey(fileKey, payloadNonce);
  const nextNonce = createNonces();
  return (chunk, isLast) => {
    const cipher = createCipheriv(CIPHER, key, nextNonce(isLast), { authTagLength: TAG_BYTES });
    const sealed = cipher.update(chunk);
    cipher.final();
    return [sealed, cipher.getAuthTag()];
  };
}

type ChunkOpener = (sealed: Buffer, isLast: boolean) => Buffer;

function createChunkOpener(fileKey: Uint8Array, payloadNonce: Uint8Array): ChunkOpener {
  const key = payloadKey(fileKey, payloadNonce);
  const nextNonce = createNonces();
  let opened = 0;
  return (sealed, isLast) => {
    if (sealed.length < TAG_BYTES) throw new Error("it ends in the middle of a chunk");
    const decipher = createDecipheriv(CIPHER, key, nextNonce(isLast), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const chunk = decipher.update(sealed.subarray(0, -TAG_BYTES));
    try {
      decipher.final();
    } catch (cause) {
      throw new Error(`chunk ${opened + 1} was changed, or the rest is missing`, { cause });
    }
    // Only an empty file ends with an empty chunk. A second way to write a file would hide a cut at the end of a chunk.
    if (isLast && chunk.length === 0 && opened > 0) throw new Error("its last chunk is empty");
    opened++;
    return chunk;
  };
}

const payloadKey = (fileKey: Uint8Array, nonce: Uint8Array): Buffer => Buffer.from(hkdfSync("sha256", fileKey, nonce, "payload", 32));

/** 11 bytes of a counter, and a byte that says whether the chunk is the last. The counter of the low 48 bits is enough for 16 exabytes. */
function createNonces(): (isLast: boolean) => Buffer {
  let counter = 0;
  return (isLast) => {
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(counter++, 5, 6);
    nonce[11] = isLast ? 1 : 0;
    return nonce;
  };
}

/** Splits data into chunks of one size. It keeps the last one, complete or not, because only the end of the data shows which that is. */
function createSplitter(bytes: number): { split(data: Buffer, onChunk: (chunk: Buffer) => void): void; rest(): Buffer } {
  // A new buffer for each chunk would make the garbage collector run all the time.
  const buffer = Buffer.allocUnsafeSlow(bytes);
  let used = 0;
  return {
    /** The chunk is valid only during the call. */
    split(data, onChunk) {
      for (let at = 0; at < data.length; ) {
        if (used === bytes) {
          onChunk(buffer);
          used = 0;
        }
        const copied = data.copy(buffer, used, at);
        used += copied;
        at += copied;
      }
    },
    rest: () => buffer.subarray(0, used),
  };
}
