/** What a stand-in does; see stand-in.ts. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { answerRequest } from "./answers.ts";
import { openDependencies } from "./health.ts";

/** For how long a job tries to reach what its variables name. */
const PATIENCE_MS = 15_000;

const { values: given } = parseArgs({ options: { job: { type: "boolean" }, health: { type: "string", multiple: true, default: [] } } });
const { PORT, NODE_EXTRA_CA_CERTS: caFile = "", PGSSLROOTCERT = caFile } = process.env;
const ca = [caFile, PGSSLROOTCERT].find((file) => file !== "" && existsSync(file));
const depends = openDependencies(process.env, ca === undefined ? "" : readFileSync(ca, "utf8"));

process.stdin.resume().once("end", () => process.exit(given.job ? 1 : 0));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(given.job ? 1 : 0));

if (given.job) {
  process.exitCode = await runJob();
  process.stdin.destroy();
} else if (PORT === undefined) {
  // A worker serves nobody; it says once whether it could work.
  const health = await depends.health();
  console.log(JSON.stringify(health));
  process.stdout.write("ready\n");
} else {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://stand-in").pathname;
    const asked = { path, authorized: request.headers.authorization !== undefined, healthPaths: given.health, ...depends };
    answerRequest(asked)
      .catch((error: Error) => ({ status: 500, body: { error: error.message } }))
      .then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(`${JSON.stringify(body)}\n`);
        console.log(`${request.method} ${path} ${status}`);
      });
  });
  server.listen(Number(PORT), "127.0.0.1", () => process.stdout.write("ready\n"));
}

/** Succeeds once everything that the variables name answers; prints what it found last. */
async function runJob(): Promise<number> {
  for (const until = Date.now() + PATIENCE_MS; ; await sleep(200)) {
    const health = await depends.health();
    if (health.status !== "ok" && Date.now() < until) continue;
    console.log(JSON.stringify(health));
    return health.status === "ok" ? 0 : 1;
  }
}
