import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nameIn, startServer, type TestServer } from "../migrate/testing/server.ts";
import { type Session, withSession } from "./session.ts";
import type { Connection } from "./target.ts";

let server: TestServer;
let connection: Connection;
beforeAll(async () => {
  server = await startServer();
  connection = await server.database();
  await server.sql("CREATE TABLE numbers (n int)", nameIn(connection));
});
afterAll(() => server.stop());

const COPY = "COPY numbers FROM STDIN";

async function* chunks(...texts: readonly (string | Error)[]): AsyncGenerator<Buffer> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield Buffer.from(text);
  }
}

const inSession = <T>(work: (session: Session) => Promise<T>) => withSession(connection, { application: "copy test" }, work);
const count = async () => (await server.sql("SELECT count(*)::int AS n FROM numbers", nameIn(connection)))[0]?.n;

describe("COPY from a stream of rows", () => {
  it("returns the number of rows, whatever the chunks", async () => {
    await inSession(async (session) => {
      expect(await session.copyIn(COPY, chunks("1\n2", "\n", "3\n"))).toBe(3);
      expect(await session.copyIn(COPY, chunks())).toBe(0);
    });
    expect(await count()).toBe(3);
  });

  it.each<[string, AsyncIterable<Buffer>, string]>([
    ["the server refuses a row", chunks("7\nx\n", "8\n"), 'invalid input syntax for type integer: "x"'],
    ["the server refuses the statement", chunks("7\n"), 'relation "none" does not exist'],
    ["the source fails", chunks("7\n", new Error("the source is broken")), "the source is broken"],
  ])("writes nothing where %s, and the session goes on", async (what, rows, message) => {
    const before = await count();
    await inSession(async (session) => {
      const text = what === "the server refuses the statement" ? "COPY none FROM STDIN" : COPY;
      await expect(session.copyIn(text, rows)).rejects.toThrow(message);
      expect(await session.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    });
    expect(await count()).toBe(before);
  });

  it("ends where the connection is lost", async () => {
    await inSession(async (session) => {
      async function* endless() {
        yield Buffer.from("1\n");
        await server.sql(`SELECT pg_terminate_backend(${session.pid})`);
        for (;;) {
          yield Buffer.from("1\n".repeat(1000));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
      await expect(session.copyIn(COPY, endless())).rejects.toThrow(/terminat/);
    });
  });

  it("sends no faster than the server takes rows", async () => {
    await inSession(async (session) => {
      const rows = Buffer.from("1\n".repeat(2 ** 15));
      async function* many() {
        for (let n = 0; n < 200; n++) yield rows;
      }
      const before = process.memoryUsage().arrayBuffers;
      expect(await session.copyIn(COPY, many())).toBe(200 * 2 ** 15);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
    });
  });
});
