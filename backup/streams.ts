/** Streams that count, hash and copy what passes. */
import { createHash } from "node:crypto";
import { type Duplex, PassThrough, Readable, Transform } from "node:stream";

export interface Digest {
  update(chunk: Buffer): void;
  /** Of all data so far; called once. */
  result(): { readonly bytes: number; readonly sha256: string };
}

export function createDigest(): Digest {
  const hash = createHash("sha256");
  let bytes = 0;
  return {
    update(chunk) {
      hash.update(chunk);
      bytes += chunk.length;
    },
    result: () => ({ bytes, sha256: hash.digest("hex") }),
  };
}

export interface Meter {
  readonly stream: Duplex;
  /** Valid when the stream has ended. */
  readonly result: Digest["result"];
}

export function createMeter(): Meter {
  const { update, result } = createDigest();
  return {
    stream: new Transform({
      transform(chunk: Buffer, _, done) {
        update(chunk);
        done(null, chunk);
      },
    }),
    result,
  };
}

/** Connects streams so that the failure of each is the failure of the last, which its reader gets. @returns the last */
export function connectStreams(first: Readable, ...rest: readonly Duplex[]): Readable {
  return rest.reduce<Readable>((source, next) => {
    source.on("error", (error) => next.destroy(error));
    next.on("close", () => {
      if (!source.destroyed && !next.writableFinished) source.destroy();
    });
    source.pipe(next);
    return next;
  }, first);
}

/**
 * One stream for each reader. The slowest sets the pace, so that no more than a few buffers are in memory. A reader that fails is left out; the
 * source goes on for the others.
 */
export function splitStream(source: Readable, count: number): Readable[] {
  const branches = Array.from({ length: count }, () => new PassThrough({ highWaterMark: 2 ** 20 }));
  const isOpen = (branch: PassThrough) => !branch.destroyed && branch.writable;
  for (const branch of branches) branch.on("error", () => {});
  void (async () => {
    try {
      for await (const chunk of source) {
        const open = branches.filter(isOpen);
        if (open.length === 0) throw new Error("no reader is left");
        await Promise.all(
          open.map((branch) => {
            if (branch.write(chunk)) return undefined;
            return new Promise<void>((resolve) => {
              const done = () => {
                branch.off("drain", done).off("close", done);
                resolve();
              };
              branch.once("drain", done).once("close", done);
            });
          }),
        );
      }
      for (const branch of branches.filter(isOpen)) branch.end();
    } catch (error) {
      for (const branch of branches) branch.destroy(error as Error);
    }
  })();
  return branches;
}

export const toStream = (lines: AsyncIterable<string | Buffer>): Readable => Readable.from(lines, { objectMode: false });
