/** One import as a process of its own: prints how long it took, without the start of Node, with its processor time and its peak of memory. */
import { createReadStream, readFileSync } from "node:fs";
import path from "node:path";
import { importData } from "../../data/import.ts";
import { openSource } from "../../data/source.ts";
import { type Session, withSession } from "../../postdeploy/connect/session.ts";
import { COLUMNS, MAPPING } from "./table.ts";

const [way = "", url = "", file = "", limit = "0"] = process.argv.slice(2);
const BATCH = 5000;
type Row = Readonly<Record<string, unknown>>;

const WAYS: Readonly<Record<string, () => Promise<void>>> = {
  async slipway() {
    const source = await openSource(MAPPING, { from: file });
    const { outcome } = await importData({
      connection: { url },
      system: "bench",
      mapping: MAPPING,
      source,
      rejectedFile: path.join(path.dirname(file), "rejected"),
    });
    if (outcome !== "imported") throw new Error(outcome);
  },
  copy: () => inSession(async (session) => void (await session.copyIn("COPY events FROM STDIN", lines(streamRows())))),
  "parse-and-copy": () => inSession(async (session) => void (await session.copyIn("COPY events FROM STDIN", lines(parseWhole())))),
  encoded: () =>
    inSession(async (session) => void (await session.copyIn("COPY events FROM STDIN", createReadStream(file, { highWaterMark: 2 ** 16 })))),
  unnest: () =>
    inSession(async (session) => {
      let batch: Row[] = [];
      const types = ["bigint", "uuid", "text", "text", "text", "timestamptz", "numeric", "int", "boolean", "jsonb"];
      const text = `INSERT INTO events SELECT * FROM unnest(${types.map((type, index) => `$${index + 1}::${type}[]`).join(", ")})`;
      const flush = async () => {
        await session.query(
          text,
          COLUMNS.map((column) => batch.map((row) => textOf(row, column))),
        );
        batch = [];
      };
      for await (const row of streamRows()) if (batch.push(row) === BATCH) await flush();
      if (batch.length > 0) await flush();
    }),
  single: () =>
    inSession(async (session) => {
      const text = `INSERT INTO events VALUES (${COLUMNS.map((_, index) => `$${index + 1}`).join(", ")})`;
      let rows = 0;
      for await (const row of streamRows()) {
        await session.query(
          text,
          COLUMNS.map((column) => textOf(row, column)),
        );
        if (++rows === Number(limit)) break;
      }
    }),
};

const inSession = (work: (session: Session) => Promise<void>) => withSession({ url }, { application: "bench" }, work);
const textOf = (row: Row, column: string): unknown => (column === "data" ? JSON.stringify(row[column]) : row[column]);

/** Splits an array of objects at their braces, and parses each. It knows no other layout, and checks nothing. */
async function* streamRows(): AsyncGenerator<Row> {
  let [depth, isString] = [0, false];
  // The bytes of a record that the chunk before has cut, and how many bytes of an escape are still to be skipped.
  let [rest, skip] = [Buffer.alloc(0), 0];
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 16 }) as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    let at = rest.length + skip;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (isString) {
        if (byte === 0x5c) at++;
        else if (byte === 0x22) isString = false;
      } else if (byte === 0x22) isString = true;
      else if (byte === 0x7b) {
        if (depth++ === 0) start = at;
      } else if (byte === 0x7d && --depth === 0) yield JSON.parse(bytes.toString("utf8", start, at + 1)) as Row;
    }
    skip = at - bytes.length;
    rest = depth > 0 ? Buffer.from(bytes.subarray(start)) : Buffer.alloc(0);
  }
}

async function* parseWhole(): AsyncGenerator<Row> {
  yield* JSON.parse(readFileSync(file, "utf8")) as Row[];
}

const SPECIAL = /[\\\n\r\t]/g;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const encode = (value: unknown): string => {
  if (value === null || value === undefined) return "\\N";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.replace(SPECIAL, (one) => ESCAPES[one]!);
};

async function* lines(rows: AsyncIterable<Row>): AsyncGenerator<Buffer> {
  let text = "";
  for await (const row of rows) {
    text += `${COLUMNS.map((column) => encode(row[column])).join("\t")}\n`;
    if (text.length >= 2 ** 16) {
      yield Buffer.from(text);
      text = "";
    }
  }
  yield Buffer.from(text);
}

const start = performance.now();
await WAYS[way]!();
const ms = performance.now() - start;
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
console.log(JSON.stringify({ ms, processorMs: (userCPUTime + systemCPUTime) / 1000, peakMiB: maxRSS / 1024 }));
