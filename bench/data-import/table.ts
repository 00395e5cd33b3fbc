/** The table of the benchmark, its mapping, and a file with its rows. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { type DataMapping, field, optional } from "../../systems/data/mapping.ts";

export const TABLE = `CREATE TABLE events (
  id bigint PRIMARY KEY, person uuid NOT NULL, title text NOT NULL, body text, tag text,
  at timestamptz NOT NULL, price numeric(12, 2), amount int, active boolean NOT NULL, data jsonb NOT NULL)`;

export const COLUMNS = ["id", "person", "title", "body", "tag", "at", "price", "amount", "active", "data"] as const;

export const MAPPING: DataMapping = {
  entities: [
    {
      name: "events",
      table: "public.events",
      from: { file: "events" },
      key: ["id"],
      conflict: "replace",
      fields: {
        id: field.bigint("id"),
        person: field.uuid("person"),
        title: field.text("title"),
        body: field.text("body", optional),
        tag: field.text("tag", optional),
        at: field.timestamp("at"),
        price: field.numeric("price", 10, 2, optional),
        amount: field.integer("amount", optional),
        active: field.boolean("active"),
        data: field.json("data"),
      },
    },
  ],
};

/** With the characters that COPY escapes, and null. */
export async function writeRows(file: string, rows: number): Promise<void> {
  const stream = createWriteStream(file);
  let text = "[\n";
  for (let n = 0; n < rows; n++) {
    const row = {
      id: n + 1,
      person: `6d66c879-d871-41bb-8da5-${n.toString(16).padStart(12, "0")}`,
      title: `Title number ${n} of the "events"`,
      body: n % 10 === 0 ? null : `A line with a tab\tand a newline\nand a back\\slash, and then some more plain text of ${n}`,
      tag: ["red", "green", null, "bleu clair é"][n % 4],
      at: new Date(1_767_225_600_000 + n * 1000).toISOString(),
      price: n % 7 === 0 ? null : (n % 100_000) / 100,
      amount: n % 1000,
      active: n % 2 === 0,
      data: { n, list: [1, 2.5, "x"], nested: { deep: true } },
    };
    text += `${n === 0 ? "" : ",\n"}${JSON.stringify(row)}`;
    if (text.length > 2 ** 20) {
      if (!stream.write(text)) await once(stream, "drain");
      text = "";
    }
  }
  stream.end(`${text}\n]\n`);
  await once(stream, "finish");
}
