/**
 * What reaches the file descriptors of stdout and stderr, whatever code writes it: a native module, a child process, `fs.writeSync`.
 *
 * They can be read only where they are files, as in the process in which the CLI runs an audited program.
 */
import fs from "node:fs";

const NAMES = { 1: "stdout", 2: "stderr" } as const;
const MOST_BYTES = 1_000_000;

/** @returns a function that returns what was written since */
export function readDescriptors(): () => readonly { readonly name: string; readonly text: string }[] {
  const before = ([1, 2] as const).flatMap((descriptor) => {
    const size = sizeOf(descriptor);
    return size === undefined ? [] : [{ descriptor, size }];
  });
  return () =>
    before.flatMap(({ descriptor, size }) => {
      const length = Math.min((sizeOf(descriptor) ?? size) - size, MOST_BYTES);
      if (length <= 0) return [];
      const bytes = Buffer.alloc(length);
      try {
        const read = fs.readSync(descriptor, bytes, 0, length, size);
        return [{ name: NAMES[descriptor], text: bytes.toString("utf8", 0, read) }];
      } catch {
        // A file that is open for writing only, such as that of a shell: `slipway audit > report`.
        return [];
      }
    });
}

function sizeOf(descriptor: number): number | undefined {
  try {
    const stat = fs.fstatSync(descriptor);
    return stat.isFile() ? stat.size : undefined;
  } catch {
    return undefined;
  }
}
