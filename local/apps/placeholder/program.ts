/** What a placeholder service does; see main.ts. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { answerRequest } from "./answers.ts";
import { openDependencies } from "./health.ts";

/** How long a job waits for the databases in its variables. */
const JOB_TIMEOUT_MS = 15_000;

const { values: options } = parseArgs({ options: { job: { type: "boolean" }, health: { type: "string", multiple: true, default: [] } } });
const { PORT, NODE_EXTRA_CA_CERTS: caFile = "", PGSSLROOTCERT = caFile } = process.env;
const ca = [caFile, PGSSLROOTCERT].find((file) => file !== "" && existsSync(file));
const dependencies = openDependencies(process.env, ca === undefined ? "" : readFileSync(ca, "utf8"));

process.stdin.resume().once("end", () => process.exit(options.job ? 1 : 0));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(options.job ? 1 : 0));

if (options.job) {
  process.exitCode = await runJob();
  process.stdin.destroy();
} else if (PORT === undefined) {
  // A worker has no port; it logs its health once.
  const health = await dependencies.health();
  console.log(JSON.stringify(health));
  process.stdout.write("ready\n");
} else {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://placeholder").pathname;
    const incoming = { path, authorized: request.headers.authorization !== undefined, healthPaths: options.health, ...dependencies };
    answerRequest(incoming)
      .catch((error: Error) => ({ status: 500, body: { error: error.message } }))
      .then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(`${JSON.stringify(body)}\n`);
        console.log(`${request.method} ${path} ${status}`);
      });
  });
  server.listen(Number(PORT), "127.0.0.1", () => process.stdout.write("ready\n"));
}

/** Succeeds once every database in the variables answers. Prints the last health. */
async function runJob(): Promise<number> {
  for (const until = Date.now() + JOB_TIMEOUT_MS; ; await sleep(200)) {
    const health = await dependencies.health();
    if (health.status !== "ok" && Date.now() < until) continue;
    console.log(JSON.stringify(health));
    return health.status === "ok" ? 0 : 1;
  }
}
