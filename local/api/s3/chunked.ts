import { Transform } from "node:stream";
import { ApiError } from "../../cloud/core/api-error.ts";

/**
 * Takes the content out of an `aws-chunked` body: each piece comes after a line with its length in hex, and after the last one, of no
 * length, trailers may follow.
 */
export function unchunk(): Transform {
  let rest: Buffer = Buffer.alloc(0);
  let left = 0;
  let ended = false;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      while (rest.length > 0 && !ended) {
        if (left > 0) {
          const piece = rest.subarray(0, left);
          this.push(piece);
          rest = rest.subarray(piece.length);
          left -= piece.length;
          continue;
        }
        const end = rest.indexOf("\r\n");
        if (end < 0) break;
        const line = rest.toString("latin1", 0, end);
        rest = rest.subarray(end + 2);
        if (line === "") continue;
        const length = /^([0-9a-fA-F]{1,8})(;|$)/.exec(line)?.[1];
        if (length === undefined) return done(incomplete());
        left = Number.parseInt(length, 16);
        ended = left === 0;
      }
      done();
    },
    flush: (done) => done(ended ? null : incomplete()),
  });
}

const incomplete = () => new ApiError(400, "IncompleteBody", "The request body ended before its last chunk");
