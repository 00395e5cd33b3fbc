/** What a stand-in answers at the addresses that the three products are known by. */
import type { Health } from "./health.ts";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface PlaceholderRequest {
  readonly path: string;
  readonly authorized: boolean;
  /** Where the component's own health checks ask. */
  readonly healthPaths: readonly string[];
  health(): Promise<Health>;
  /** Rows of one query. @throws where the database does not answer */
  rows(sql: string): Promise<readonly object[]>;
}

/** Said in each answer, so that nobody takes this for the product. */
export const PLACEHOLDER_NOTE = "slipway runs a stand-in here: the real application is not deployed on a laptop";

const QUERIES: Readonly<Record<string, string>> = {
  "/api/templates": "SELECT * FROM templates.templates LIMIT 50",
  "/api/templates/categories": "SELECT * FROM templates.categories ORDER BY 1 LIMIT 200",
};
const HEALTH = ["/", "/health", "/api/health", "/api/database/status"];
/** What belongs to somebody, and is shown to nobody without a token. */
const PRIVATE = ["/api/projects", "/api/database/status"];

export async function answerRequest(asked: PlaceholderRequest): Promise<Answer> {
  const { path } = asked;
  if (PRIVATE.includes(path) && !asked.authorized) return said(401, { error: "authentication required" });
  const sql = QUERIES[path];
  if (sql !== undefined) {
    try {
      return said(200, { items: await asked.rows(sql) });
    } catch (error) {
      return said(503, { error: (error as Error).message });
    }
  }
  const health = await asked.health();
  const status = health.status === "ok" ? 200 : 503;
  if ([...HEALTH, ...asked.healthPaths].includes(path)) return said(status, health);
  return said(404, { error: `the stand-in knows no ${path}` });
}

const said = (status: number, body: object): Answer => ({ status, body: { ...body, standIn: PLACEHOLDER_NOTE } });
