// What starting Node, connecting and asking one question costs: a run with nothing to do cannot be much less.
import pg from "pg";

const client = new pg.Client(process.argv[3]);
await client.connect();
await client.query("SELECT 1");
await client.end();
