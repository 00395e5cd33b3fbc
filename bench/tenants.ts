/**
 * Candlefish's queries with row-level security, against the same queries with the organization in WHERE on the same schema without policies.
 * Compares the plans as well: only what the policies add may differ.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { startServer, type TestServer } from "../postdeploy/migrate/testing/server.ts";
import { up } from "../postdeploy/migrate/up.ts";
import { applyRoles } from "../postdeploy/roles/index.ts";
import { candlefish } from "../systems/candlefish.ts";
import type { Benchmark, Comparison, Runner } from "./benchmark.ts";

const ORGANIZATIONS = 100;
const REQUESTS = 20;
/** Many short runs in turn, so that other work on the machine affects all of them. */
const RUNS = 101;

const ROWS = `
  INSERT INTO organizations (id, name, slug) SELECT md5('o' || n)::uuid, 'o' || n, 'o' || n FROM generate_series(1, ${ORGANIZATIONS}) n;
  INSERT INTO users (id, email, name) SELECT md5('u' || n)::uuid, n || '@example.com', 'User ' || n FROM generate_series(1, 5000) n;
  INSERT INTO organization_members (organization_id, user_id) SELECT md5('o' || 1 + n % ${ORGANIZATIONS})::uuid, md5('u' || n)::uuid FROM generate_series(1, 5000) n;
  INSERT INTO documents (id, organization_id, title, content, updated_at, crdt_clock)
    SELECT md5('d' || n)::uuid, md5('o' || 1 + n % ${ORGANIZATIONS})::uuid, 'Document ' || n,
           repeat('Plain text number ' || n || '. ', 40) || CASE WHEN n % 1000 < ${ORGANIZATIONS} THEN 'The lighthouse keeper' ELSE '' END, now() - n * interval '1 min', 20
      FROM generate_series(1, 30000) n;
  INSERT INTO crdt_operations (organization_id, document_id, sequence, user_id, site_id, operation)
    SELECT organization_id, id, n, NULL, 's', repeat('x', 60)::bytea FROM documents, generate_series(1, 20) n;
  INSERT INTO comments (organization_id, document_id, author_id, body)
    SELECT d.organization_id, d.id, m.user_id, 'Well said' FROM documents d
      CROSS JOIN LATERAL (SELECT user_id FROM organization_members m WHERE m.organization_id = d.organization_id LIMIT 10) m WHERE d.crdt_clock = 20;
  SELECT gin_clean_pending_list('documents_search_idx');`;

interface Query {
  readonly name: string;
  /** $1: the document. */
  readonly withPolicies: string;
  /** $1: the document, $2: the organization. */
  readonly withoutPolicies: string;
}

/** Both kinds of every query have the same parameters, so that the messages are alike. */
const unused = (sql: string) => sql.replace("WHERE", "WHERE $1::uuid IS NOT NULL AND $2::uuid IS NOT NULL AND");
const QUERIES: readonly Query[] = [
  {
    name: "list documents by updated_at",
    withPolicies: unused(
      "SELECT id, title, created_by, updated_at FROM documents WHERE archived_at IS NULL ORDER BY updated_at DESC LIMIT 20",
    ),
    withoutPolicies: unused(
      "SELECT id, title, created_by, updated_at FROM documents WHERE archived_at IS NULL AND organization_id = $2 ORDER BY updated_at DESC LIMIT 20",
    ),
  },
  {
    name: "fetch a document",
    withPolicies: "SELECT id, title, content, crdt_state, crdt_clock FROM documents WHERE id = $1 AND $2::uuid IS NOT NULL",
    withoutPolicies: "SELECT id, title, content, crdt_state, crdt_clock FROM documents WHERE id = $1 AND organization_id = $2",
  },
  {
    name: "fetch its operations",
    withPolicies:
      "SELECT sequence, site_id, operation, vector_clock FROM crdt_operations WHERE document_id = $1 AND $2::uuid IS NOT NULL ORDER BY sequence",
    withoutPolicies:
      "SELECT sequence, site_id, operation, vector_clock FROM crdt_operations WHERE document_id = $1 AND organization_id = $2 ORDER BY sequence",
  },
  {
    name: "fetch its comments",
    withPolicies:
      "SELECT id, parent_id, author_id, body, reactions FROM comments WHERE document_id = $1 AND $2::uuid IS NOT NULL ORDER BY created_at",
    withoutPolicies:
      "SELECT id, parent_id, author_id, body, reactions FROM comments WHERE document_id = $1 AND organization_id = $2 ORDER BY created_at",
  },
  {
    name: "search",
    withPolicies: "SELECT id, title FROM search_documents('lighthouse keeper') WHERE $1::uuid IS NOT NULL AND $2::uuid IS NOT NULL",
    withoutPolicies: "SELECT id, title FROM search_documents_of($2, 'lighthouse keeper') WHERE $1::uuid IS NOT NULL",
  },
];

export const bench: Benchmark = {
  about: `Candlefish's queries with and without policies: ${REQUESTS} requests, each a transaction of ${QUERIES.length} prepared queries, Postgres 17`,
  unit: "ms",
  run,
};

async function run(): Promise<Comparison> {
  const unpin = pinToOneProcessor();
  try {
    return await compare();
  } finally {
    unpin();
  }
}

/**
 * Client and server take turns, and most queries are shorter than waking up another processor. Where the scheduler places them then decides by a
 * factor of two which is faster, so all of them run on one.
 */
function pinToOneProcessor(): () => void {
  const taskset = (...args: readonly string[]) => spawnSync("taskset", [...args, String(process.pid)], { encoding: "utf8" });
  const before = /: (\S+)$/m.exec(taskset("-c", "-p").stdout ?? "")?.[1];
  if (before === undefined) return () => {};
  taskset("-a", "-c", "-p", before.split(/[,-]/)[0]!);
  return () => taskset("-a", "-c", "-p", before);
}

async function compare(): Promise<Comparison> {
  const server = await startServer();
  try {
    for (const role of Object.values(candlefish.postgres.roles)) await server.sql(`CREATE ROLE ${role} LOGIN`);
    const [policies, plain] = [await createDatabase(server, "policies"), await createDatabase(server, "plain")];
    await server.sql(await removePolicies(server), plain);
    const withPolicies = await connect(server, policies);
    const withoutPolicies = await connect(server, plain);
    await comparePlans(withPolicies, withoutPolicies);
    await compareSearchPlans(server);
    const contenders: Readonly<Record<string, () => Promise<void>>> = {
      "whole request, no policies": () => sendRequests(withoutPolicies, QUERIES, "withoutPolicies"),
      "whole request, policies": () => sendRequests(withPolicies, QUERIES, "withPolicies"),
      ...Object.fromEntries(
        QUERIES.flatMap((query) => [
          [`${query.name}, no policies`, () => sendQuery(withoutPolicies, query, "withoutPolicies")],
          [`${query.name}, policies`, () => sendQuery(withPolicies, query, "withPolicies")],
        ]),
      ),
    };
    const samples = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
    for (let run = -2; run < RUNS; run++)
      for (const [name, contend] of Object.entries(contenders)) {
        const start = performance.now();
        await contend();
        if (run >= 0) samples.get(name)!.push(performance.now() - start);
      }
    await Promise.all([withPolicies.end(), withoutPolicies.end()]);
    const runners = [...samples].map(([name, list]): Runner => ({ name, samples: list }));
    const target = (name: string, atMost: number) => ({ runner: `${name}, policies`, comparedTo: `${name}, no policies`, atMost });
    // A whole request also enters the organization, which costs about 0.2 ms each time: most, relative to queries this short.
    return { runners, targets: [target("whole request", 1.25), ...QUERIES.map(({ name }) => target(name, 1.1))] };
  } finally {
    await server.stop();
  }
}

async function createDatabase(server: TestServer, database: string): Promise<string> {
  const { roles, schemas, statementTimeoutSeconds } = candlefish.postgres;
  await server.sql(`CREATE DATABASE ${database}`);
  await applyRoles({ roles, schemas, statementTimeoutSeconds, extensions: [], database, connection: { url: server.url(database) } });
  const folder = fileURLToPath(new URL("../sql/candlefish", import.meta.url));
  await up({ folder, connection: { url: server.url(database, roles.owner) }, system: "candlefish", schemas });
  await server.sql(ROWS, database);
  await server.sql("VACUUM (ANALYZE)", database);
  return database;
}

const ORGANIZATION = "(SELECT public.current_organization())";

async function searchFunction(server: TestServer): Promise<string> {
  const [row] = await server.sql("SELECT pg_get_functiondef('search_documents(text, integer)'::regprocedure) AS text", "plain");
  return String(row?.text);
}

/** The same tables, keys and indexes. The search function takes the organization as an argument, and belongs to the owner as well. */
async function removePolicies(server: TestServer): Promise<string> {
  const tables = await server.sql("SELECT oid::regclass::text AS name FROM pg_class WHERE relrowsecurity", "plain");
  const search = (await searchFunction(server))
    .replace("search_documents(", "search_documents_of(organization uuid, ")
    .replace(ORGANIZATION, "organization");
  const { runtime } = candlefish.postgres.roles;
  return [
    ...tables.map(({ name }) => `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY`),
    search,
    `ALTER FUNCTION search_documents_of(uuid, text, integer) OWNER TO ${candlefish.postgres.roles.owner}`,
    `GRANT EXECUTE ON FUNCTION search_documents_of(uuid, text, integer) TO ${runtime}`,
  ].join(";\n");
}

async function connect(server: TestServer, database: string): Promise<pg.Client> {
  const client = new pg.Client(server.url(database, candlefish.postgres.roles.runtime));
  await client.connect();
  return client;
}

type Kind = "withPolicies" | "withoutPolicies";

async function sendRequests(client: pg.Client, queries: readonly Query[], kind: Kind): Promise<void> {
  for (let n = 1; n <= REQUESTS; n++) {
    await begin(client, n, kind);
    for (const query of queries) await send(client, query, n, kind);
    await client.query("COMMIT");
  }
}

/** One transaction, which enters an organization with and without policies, so that the difference is that of the query. */
async function sendQuery(client: pg.Client, query: Query, kind: Kind): Promise<void> {
  await begin(client, 1, "withPolicies");
  for (let n = 0; n < REQUESTS; n++) await send(client, query, 1, kind);
  await client.query("COMMIT");
}

const organizationOf = (n: number) => `md5('o' || 1 + ${n} % ${ORGANIZATIONS})::uuid`;
const ids = new Map<number, { document: string; organization: string }>();

async function begin(client: pg.Client, n: number, kind: Kind): Promise<void> {
  if (!ids.has(n)) {
    const { rows } = await client.query(`SELECT md5('d' || ${n})::uuid AS document, ${organizationOf(n)} AS organization`);
    ids.set(n, rows[0]);
  }
  // One message, as the documents recommend.
  const enter = `; SELECT enter_organization(${client.escapeLiteral(ids.get(n)!.organization)})`;
  await client.query(`BEGIN${kind === "withPolicies" ? enter : ""}`);
}

const EXPECTED: Readonly<Record<string, number>> = {
  "list documents by updated_at": 20,
  "fetch a document": 1,
  "fetch its operations": 20,
  "fetch its comments": 10,
};

async function send(client: pg.Client, query: Query, n: number, kind: Kind): Promise<void> {
  const { document, organization } = ids.get(n)!;
  const { rowCount } = await client.query({ name: query.name, text: query[kind], values: [document, organization] });
  if (rowCount !== (EXPECTED[query.name] ?? rowCount) || !rowCount) throw new Error(`${query.name} returned ${rowCount} rows`);
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Index Name"?: string;
  readonly "Subplan Name"?: string;
  readonly Plans?: readonly PlanNode[];
}

async function comparePlans(withPolicies: pg.Client, withoutPolicies: pg.Client): Promise<void> {
  for (const query of QUERIES) {
    const plans = [];
    for (const [client, kind] of [
      [withPolicies, "withPolicies"],
      [withoutPolicies, "withoutPolicies"],
    ] as const) {
      await begin(client, 1, kind);
      const { document, organization } = ids.get(1)!;
      const text = query[kind].replaceAll("$1", `'${document}'`).replaceAll("$2", `'${organization}'`);
      const { rows } = await client.query(`EXPLAIN (FORMAT JSON, COSTS OFF) ${text}`);
      await client.query("COMMIT");
      plans.push(describePlan(rows[0]["QUERY PLAN"][0].Plan));
    }
    if (plans[0] !== plans[1]) throw new Error(`${query.name} has another plan with policies: ${plans[0]} instead of ${plans[1]}`);
  }
}

/** EXPLAIN does not show the query inside the function. */
async function compareSearchPlans(server: TestServer): Promise<void> {
  const [, query = ""] = /RETURN QUERY([^;]*);/.exec(await searchFunction(server)) ?? [];
  const parameters = query.replaceAll("'english', query", "'english', $1").replace("most", "$2::integer");
  const plans = [];
  for (const [database, text] of [
    ["policies", parameters],
    ["plain", parameters.replace(ORGANIZATION, "$3::uuid")],
  ] as const) {
    const owner = new pg.Client(server.url(database, candlefish.postgres.roles.owner));
    await owner.connect();
    const { rows } = await owner.query(`EXPLAIN (GENERIC_PLAN, FORMAT JSON, COSTS OFF) ${text}`);
    await owner.end();
    plans.push(describePlan(rows[0]["QUERY PLAN"][0].Plan));
  }
  if (plans[0] !== plans[1] || !plans[0]?.includes("documents_search_idx"))
    throw new Error(`search_documents() has another plan with policies: ${plans[0]} instead of ${plans[1]}`);
}

/** Node types and indexes. The organization is a sub-plan that runs once. */
function describePlan(node: PlanNode): string {
  const below = (node.Plans ?? []).filter((child) => child["Subplan Name"] === undefined).map(describePlan);
  return `${node["Node Type"]}${node["Index Name"] ? ` ${node["Index Name"]}` : ""}${below.length > 0 ? ` (${below.join(", ")})` : ""}`;
}
