/**
 * A service that moves its data from JSON files to Postgres in the four phases of FluxStudio, for tests and docs of `slipway phase`. Start it with
 * `slipway local up --program fluxstudio-local/api=local/apps/reference/main.ts`. The files are in the folder `data` of
 * the component.
 */
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import pg from "pg";
import { postgresTargets } from "../placeholder/connections.ts";
import { type Change, openProjects, type Projects } from "./projects.ts";

interface Answer {
  readonly status: number;
  readonly body?: object;
}

const { PORT, USE_POSTGRES, USE_DATABASE, DUAL_WRITE_ENABLED, DB_POOL_MAX = "5" } = process.env;
if (USE_POSTGRES !== USE_DATABASE) throw new Error("USE_POSTGRES and USE_DATABASE are two names of one flag, and differ");
const phase = { usePostgres: USE_POSTGRES === "true", dualWrite: DUAL_WRITE_ENABLED === "true" };

const [target] = postgresTargets(process.env);
if (target === undefined) throw new Error("DATABASE_URL required");
const pool = new pg.Pool({ connectionString: target.url, max: Number(DB_POOL_MAX), connectionTimeoutMillis: 5_000, query_timeout: 10_000 });
// The next query reports a lost connection.
pool.on("error", () => {});
console.log("Database adapters loaded");

for (const folder of ["data", "work"]) mkdirSync(folder, { recursive: true, mode: 0o700 });
const projects: Projects = openProjects({ ...phase, folder: "data", work: "work", pool });

const server = createServer((request, response) => {
  answer(request)
    .catch((error: Error): Answer => ({ status: 503, body: { error: error.message } }))
    .then(({ status, body }) =>
      response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(body && JSON.stringify(body)),
    );
});
server.listen(Number(PORT), "127.0.0.1", () => console.log("ready"));

const stop = () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
};
process.stdin.resume().once("end", stop);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);

async function answer(request: IncomingMessage): Promise<Answer> {
  const { pathname } = new URL(request.url ?? "/", "http://reference");
  if (pathname === "/api/health") return await health();
  const [, id] = /^\/api\/projects(?:\/([0-9a-f-]{36}))?$/.exec(pathname) ?? [undefined, undefined];
  if (!pathname.startsWith("/api/projects")) return { status: 404, body: { error: "there is no such path" } };
  if (request.headers.authorization === undefined) return { status: 401, body: { error: "authentication required" } };
  switch (request.method) {
    case "POST":
      return { status: 201, body: (await projects.create(await readChange(request)))! };
    case "GET":
      if (id === undefined) return { status: 200, body: { projects: await projects.list() } };
      return found(await projects.find(id));
    case "PUT":
      return found(id === undefined ? undefined : await projects.update(id, await readChange(request)));
    case "DELETE":
      return id !== undefined && (await projects.remove(id)) ? { status: 204 } : found(undefined);
    default:
      return { status: 405, body: { error: "the method is not allowed" } };
  }
}

const found = (row: object | undefined): Answer =>
  row === undefined ? { status: 404, body: { error: "there is no such project" } } : { status: 200, body: row };

async function readChange(request: IncomingMessage): Promise<Change> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { name, description } = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}") as Partial<Change>;
  return { name: String(name ?? ""), description: String(description ?? "") };
}

/** A database that does not answer is unhealthy in each phase that uses it. Nothing falls back to the files. */
async function health(): Promise<Answer> {
  const isConnected = await pool.query("SELECT 1").then(
    () => true,
    () => false,
  );
  const needsDatabase = phase.usePostgres || phase.dualWrite;
  const isHealthy = isConnected || !needsDatabase;
  const { totalCount, idleCount, waitingCount } = pool;
  return {
    status: isHealthy ? 200 : 503,
    body: {
      status: isHealthy ? "ok" : "degraded",
      phase,
      database: { connected: isConnected, pool: { totalCount, idleCount, waitingCount } },
    },
  };
}
