/** Captures what a program prints while it runs in this process, until its secrets are known and can be masked. */
import { AsyncLocalStorage } from "node:async_hooks";

/** Enough for what a person reads; a program that prints without end must not fill the memory. */
const MAX_LENGTH = 256 * 1024;

export class OutputCapture {
  readonly #chunks: string[] = [];
  readonly #mask: (text: string) => string;
  #length = 0;
  #ended = false;

  /** @param mask Masks the secrets that are known when it is called. */
  constructor(mask: (text: string) => string) {
    this.#mask = mask;
  }

  /** Captures stdout and stderr of `body` and prints them on stderr when it has ended; what the program prints later follows at once. */
  async during<T>(body: () => Promise<T>): Promise<T> {
    interceptStreams();
    const onExit = () => this.#reportEarlyExit();
    process.once("exit", onExit);
    try {
      return await currentCapture.run(this, body);
    } finally {
      process.removeListener("exit", onExit);
      this.#end();
    }
  }

  write(text: string): void {
    if (this.#ended) {
      outsideCapture(() => process.stderr.write(this.#mask(text)));
      return;
    }
    const room = Math.max(0, MAX_LENGTH - this.#length);
    this.#length += text.length;
    if (room > 0) this.#chunks.push(text.slice(0, room));
  }

  #reportEarlyExit(): void {
    if (this.#length === 0) return;
    const message = "The process exited while the program ran. Its output is not shown, because its secrets were not known yet.\n";
    outsideCapture(() => process.stderr.write(message));
  }

  #end(): void {
    this.#ended = true;
    const omitted = Math.max(0, this.#length - MAX_LENGTH);
    const note = omitted > 0 ? `\n(${omitted} more characters of the program's output are omitted)\n` : "";
    if (this.#length > 0) outsideCapture(() => process.stderr.write(this.#mask(this.#chunks.join("")) + note));
  }
}

/** Runs work that may print for itself: it serves the program but is not part of it. */
export function outsideCapture<T>(work: () => T): T {
  return currentCapture.run(undefined, work);
}

const currentCapture = new AsyncLocalStorage<OutputCapture | undefined>();
type Write = typeof process.stdout.write;
const interceptors = new WeakSet<Write>();

/** Never undone: a program may print long after it has ended. */
function interceptStreams(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (interceptors.has(stream.write)) continue;
    const { write } = stream;
    const intercept = ((...args: Parameters<Write>) => {
      const capture = currentCapture.getStore();
      if (!capture) return write.apply(stream, args);
      const [chunk, encoding, callback] = args as unknown as [string | Uint8Array, unknown, unknown];
      capture.write(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
      const done = [encoding, callback].find((it) => typeof it === "function");
      if (done) process.nextTick(done as () => void);
      return true;
    }) as Write;
    interceptors.add(intercept);
    stream.write = intercept;
  }
}
