/** What a program prints while it runs in this process: held back until it is known what of it is secret. */
import { AsyncLocalStorage } from "node:async_hooks";

/** Enough for what a person reads; a program that prints for ever fills no memory. */
const MOST = 256 * 1024;

export class Spoken {
  readonly #chunks: string[] = [];
  readonly #masked: (text: string) => string;
  #length = 0;
  #ended = false;

  /** @param masked A text without the secrets that are known when it is called. */
  constructor(masked: (text: string) => string) {
    this.#masked = masked;
  }

  /** Holds back what `body` prints to stdout and stderr until it has ended. It comes on stderr then, and so does what comes later. */
  async during<T>(body: () => Promise<T>): Promise<T> {
    listen();
    const atExit = () => this.#cutShort();
    process.once("exit", atExit);
    try {
      return await speaking.run(this, body);
    } finally {
      process.removeListener("exit", atExit);
      this.#end();
    }
  }

  take(text: string): void {
    if (this.#ended) {
      onItsBehalf(() => process.stderr.write(this.#masked(text)));
      return;
    }
    const room = Math.max(0, MOST - this.#length);
    this.#length += text.length;
    if (room > 0) this.#chunks.push(text.slice(0, room));
  }

  #cutShort(): void {
    if (this.#length === 0) return;
    const said = "The process ended while the program ran. What it printed is not shown: what of it is secret was not known yet.\n";
    onItsBehalf(() => process.stderr.write(said));
  }

  #end(): void {
    this.#ended = true;
    const dropped = Math.max(0, this.#length - MOST);
    const more = dropped > 0 ? `\n(${dropped} more characters that the program printed are left out)\n` : "";
    if (this.#length > 0) onItsBehalf(() => process.stderr.write(this.#masked(this.#chunks.join("")) + more));
  }
}

/** What is done on behalf of the program, and not by it, may print for itself. */
export function onItsBehalf<T>(work: () => T): T {
  return speaking.run(undefined, work);
}

const speaking = new AsyncLocalStorage<Spoken | undefined>();
type Write = typeof process.stdout.write;
const ours = new WeakSet<Write>();

/** Once and for good: what a program left behind may print long after it has ended. */
function listen(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (ours.has(stream.write)) continue;
    const { write } = stream;
    const overheard = ((...args: Parameters<Write>) => {
      const spoken = speaking.getStore();
      if (!spoken) return write.apply(stream, args);
      const [chunk, encoding, done] = args as unknown as [string | Uint8Array, unknown, unknown];
      spoken.take(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
      const callback = [encoding, done].find((it) => typeof it === "function");
      if (callback) process.nextTick(callback as () => void);
      return true;
    }) as Write;
    ours.add(overheard);
    stream.write = overheard;
  }
}
