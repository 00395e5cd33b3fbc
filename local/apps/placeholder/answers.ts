/** The answers of a placeholder service at the paths that the products document. */
import type { Health } from "./health.ts";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface PlaceholderRequest {
  readonly path: string;
  readonly authorized: boolean;
  /** The paths of the component's health checks. */
  readonly healthPaths: readonly string[];
  health(): Promise<Health>;
  /** Rows of one query. @throws if the database does not answer */
  rows(sql: string): Promise<readonly object[]>;
}

/** Part of every answer, so that a placeholder is not mistaken for the product. */
export const PLACEHOLDER_NOTE = "slipway runs a placeholder service here: the real application is not deployed on this machine";

const QUERIES: Readonly<Record<string, string>> = {
  "/api/templates": "SELECT * FROM templates.templates LIMIT 50",
  "/api/templates/categories": "SELECT * FROM templates.categories ORDER BY 1 LIMIT 200",
};
const HEALTH = ["/", "/health", "/api/health", "/api/database/status"];
/** Paths that need a token. */
const PRIVATE = ["/api/projects", "/api/database/status"];

export async function answerRequest(request: PlaceholderRequest): Promise<Answer> {
  const { path } = request;
  if (PRIVATE.includes(path) && !request.authorized) return json(401, { error: "authentication required" });
  const sql = QUERIES[path];
  if (sql !== undefined) {
    try {
      return json(200, { items: await request.rows(sql) });
    } catch (error) {
      return json(503, { error: (error as Error).message });
    }
  }
  const health = await request.health();
  const status = health.status === "ok" ? 200 : 503;
  if ([...HEALTH, ...request.healthPaths].includes(path)) return json(status, health);
  return json(404, { error: `the placeholder service has no path ${path}` });
}

const json = (status: number, body: object): Answer => ({ status, body: { ...body, placeholder: PLACEHOLDER_NOTE } });
