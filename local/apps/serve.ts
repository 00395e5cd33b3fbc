/** What a stand-in does; see stand-in.ts. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { answer } from "./answers.ts";
import { dependencies } from "./health.ts";

const { PORT, NODE_EXTRA_CA_CERTS: caFile = "", PGSSLROOTCERT = caFile } = process.env;
const ca = [caFile, PGSSLROOTCERT].find((file) => file !== "" && existsSync(file));
const depends = dependencies(process.env, ca === undefined ? "" : readFileSync(ca, "utf8"));

process.stdin.resume().once("end", () => process.exit(0));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));

if (PORT === undefined) {
  // A worker serves nobody; it says once whether it could work.
  const health = await depends.health();
  console.log(JSON.stringify(health));
  process.stdout.write("ready\n");
} else {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://stand-in").pathname;
    const asked = { path, authorized: request.headers.authorization !== undefined, ...depends };
    answer(asked)
      .catch((error: Error) => ({ status: 500, body: { error: error.message } }))
      .then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(`${JSON.stringify(body)}\n`);
        console.log(`${request.method} ${path} ${status}`);
      });
  });
  server.listen(Number(PORT), "127.0.0.1", () => process.stdout.write("ready\n"));
}
