/** What a program prints while it runs in this process: held back until it is known what of it is secret. */
import { AsyncLocalStorage } from "node:async_hooks";

/** Enough for what a person reads; a program that prints for ever fills no memory. */
const MOST = 256 * 1024;

export class Spoken {
  readonly #chunks: string[] = [];
  #length = 0;
  #dropped = 0;

  /** Holds back what `body` prints to stdout and stderr, and what it starts. */
  async during<T>(body: () => Promise<T>): Promise<T> {
    listen();
    try {
      return await speaking.run(this, body);
    } finally {
      stopListening();
    }
  }

  take(text: string): void {
    const room = Math.max(0, MOST - this.#length);
    this.#length += text.length;
    this.#dropped += Math.max(0, text.length - room);
    if (room > 0) this.#chunks.push(text.slice(0, room));
  }

  get text(): string {
    const more = this.#dropped > 0 ? `\n(${this.#dropped} more characters that the program printed are left out)\n` : "";
    return this.#chunks.join("") + more;
  }
}

/** What is done on behalf of the program, and not by it, may print for itself. */
export function onItsBehalf<T>(work: () => T): T {
  return speaking.run(undefined, work);
}

const speaking = new AsyncLocalStorage<Spoken | undefined>();
type Write = typeof process.stdout.write;
const ours: { readonly stream: NodeJS.WriteStream; readonly own: Write | undefined }[] = [];
let listeners = 0;

function listen(): void {
  if (++listeners > 1) return;
  for (const stream of [process.stdout, process.stderr]) {
    const { write } = stream;
    ours.push({ stream, own: Object.hasOwn(stream, "write") ? write : undefined });
    stream.write = ((...args: Parameters<Write>) => {
      const spoken = speaking.getStore();
      if (!spoken) return write.apply(stream, args);
      const [chunk, encoding, done] = args as unknown as [string | Uint8Array, unknown, unknown];
      spoken.take(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
      const callback = [encoding, done].find((it) => typeof it === "function");
      if (callback) process.nextTick(callback as () => void);
      return true;
    }) as Write;
  }
}

function stopListening(): void {
  if (--listeners > 0) return;
  for (const { stream, own } of ours.splice(0)) {
    if (own) stream.write = own;
    else Reflect.deleteProperty(stream, "write");
  }
}
