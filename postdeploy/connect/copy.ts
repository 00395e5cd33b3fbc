/** COPY … FROM STDIN, over the protocol of pg: a package for it would add a stream and a buffer between the rows and the socket. */
import type { Socket } from "node:net";

interface CopyConnection {
  readonly stream: Socket;
  on(event: "readyForQuery" | "end", listener: () => void): void;
  off(event: "readyForQuery" | "end", listener: () => void): void;
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(why: string): void;
}

/** Implements pg's Submittable interface. */
export class CopyIn {
  readonly #text: string;
  readonly #chunks: AsyncIterable<Buffer>;
  readonly #done: (error: unknown, rows: number) => void;
  #rows = 0;
  /** What the source of the rows threw. The server's reply to it only repeats that the client gave up. */
  #failure: { readonly error: unknown } | undefined;
  #error: Error | undefined;
  #pump: Promise<void> | undefined;

  constructor(text: string, chunks: AsyncIterable<Buffer>, done: (error: unknown, rows: number) => void) {
    this.#text = text;
    this.#chunks = chunks;
    this.#done = done;
  }

  submit(connection: CopyConnection): void {
    connection.query(this.#text);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    this.#pump = this.#send(connection).catch((error: unknown) => {
      this.#failure = { error };
      if (!connection.stream.destroyed) connection.sendCopyFail("the source failed");
    });
  }

  async #send(connection: CopyConnection): Promise<void> {
    const { stream } = connection;
    for await (const chunk of this.#chunks) {
      if (this.#error !== undefined || stream.destroyed) return;
      connection.sendCopyFromChunk(chunk);
      if (stream.writableNeedDrain) await drained(stream);
    }
    if (this.#error === undefined && !stream.destroyed) connection.endCopyFrom();
  }

  #finish(): void {
    void (this.#pump ?? Promise.resolve()).then(() => this.#done(this.#failure?.error ?? this.#error, this.#rows));
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#rows = Number(/^COPY (\d+)$/.exec(text)?.[1] ?? 0);
  }
  /** After an error, pg reports readiness only as an event. */
  handleError(error: Error, connection: CopyConnection): void {
    this.#error = error;
    if (connection.stream.destroyed) {
      this.#finish();
      return;
    }
    const done = () => {
      connection.off("readyForQuery", done);
      connection.off("end", done);
      this.#finish();
    };
    connection.on("readyForQuery", done);
    connection.on("end", done);
  }
  handleReadyForQuery(): void {
    this.#finish();
  }
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}
}

function drained(stream: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.once("drain", done).once("close", done);
  });
}
