// Starts Node, connects and runs one query: the minimum for a run without pending migrations.
import pg from "pg";

const client = new pg.Client(process.argv[3]);
await client.connect();
await client.query("SELECT 1");
await client.end();
