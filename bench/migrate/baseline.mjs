// The minimum of a migration tool: read the files, take a lock, send all files in one message, each with a transaction and a ledger row.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";

const [folder, url] = process.argv.slice(2);
const client = new pg.Client(url);
await client.connect();
const [, , done] = await client.query(
  "SELECT pg_try_advisory_lock(1); CREATE TABLE IF NOT EXISTS baseline_ledger (file text PRIMARY KEY, checksum text NOT NULL, at timestamptz DEFAULT clock_timestamp()); SELECT file, checksum FROM baseline_ledger",
);
const applied = new Map(done.rows.map(({ file, checksum }) => [file, checksum]));
const script = [];
for (const file of readdirSync(folder).sort()) {
  const sql = readFileSync(join(folder, file), "utf8");
  const checksum = createHash("sha256").update(sql).digest("hex");
  if (applied.get(file) !== checksum)
    script.push(`BEGIN; ${sql}\n; INSERT INTO baseline_ledger (file, checksum) VALUES ('${file}', '${checksum}'); COMMIT;`);
}
if (script.length > 0) await client.query(script.join("\n"));
await client.query("SELECT pg_advisory_unlock(1)");
await client.end();
