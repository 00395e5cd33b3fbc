/** Tests the API with a client generated from DigitalOcean's API document alone. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { startTestApi, TOKEN } from "./testing/api.ts";

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: object;
}

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation & readonly Parameter[]>>>>;
}

type Arguments = Readonly<Record<string, unknown>>;
// biome-ignore lint/suspicious/noExplicitAny: the types of replies are in the API document, which is read at run time
type Client = Readonly<Record<string, (args?: Arguments) => Promise<any>>>;

const METHODS = ["get", "post", "put", "patch", "delete"];

function clientOf(apiDocument: ApiDocument, url: string): Client {
  const resolve = ({ $ref, ...parameter }: Parameter): Parameter =>
    $ref === undefined ? parameter : (follow(apiDocument, $ref) as Parameter);
  const operations = Object.entries(apiDocument.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      const shared: readonly Parameter[] = item.parameters ?? [];
      const parameters = [...shared, ...(operation.parameters ?? [])].map(resolve);
      return [[operation.operationId, { method, path, parameters, takesBody: operation.requestBody !== undefined }] as const];
    }),
  );
  return Object.fromEntries(
    operations.map(([id, { method, path, parameters, takesBody }]) => [
      id,
      async ({ body, ...args }: Arguments = {}) => {
        const known = new Set(parameters.map(({ name }) => name));
        for (const name of Object.keys(args)) if (!known.has(name)) throw new Error(`${id} takes no ${name}`);
        for (const { name, required } of parameters) if (required && args[name] === undefined) throw new Error(`${id} needs ${name}`);
        if (body !== undefined && !takesBody) throw new Error(`${id} takes no body`);
        const target = new URL(
          path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(args[name]))),
          url,
        );
        for (const { name, in: place } of parameters)
          if (place === "query" && args[name] !== undefined) target.searchParams.set(name, String(args[name]));
        const response = await fetch(target, {
          method: method.toUpperCase(),
          headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        if (!response.ok) throw new Error(`${id}: ${response.status} ${text}`);
        return text === "" ? undefined : JSON.parse(text);
      },
    ]),
  );
}

function follow(apiDocument: ApiDocument, reference: string): unknown {
  const parts = reference.slice(2).split("/");
  return parts.reduce<unknown>(
    (at, part) => (at as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")],
    apiDocument,
  );
}

const apiDocument = JSON.parse(readFileSync(new URL("./openapi/digitalocean.json", import.meta.url), "utf8")) as ApiDocument;

async function openClient(): Promise<Client> {
  const { api } = await startTestApi();
  return clientOf(apiDocument, api.url);
}

it("a generated client creates a cluster with its databases, users and pools, and deletes it", async () => {
  const client = await openClient();
  const { vpc } = await client.vpcs_create!({ body: { name: "net", region: "nyc3", ip_range: "10.50.0.0/24" } });
  const request = { name: "generated", engine: "pg", version: "17", region: "nyc3", size: "db-s-1vcpu-2gb", num_nodes: 1 };
  const { database } = await client.databases_create_cluster!({ body: { ...request, private_network_uuid: vpc.id } });
  const of = { database_cluster_uuid: database.id as string };
  await client.databases_add_user!({ ...of, body: { name: "app" } });
  await client.databases_add!({ ...of, body: { name: "shop" } });
  await client.databases_add_connectionPool!({ ...of, body: { name: "web", db: "shop", user: "app", size: 5, mode: "transaction" } });
  await client.databases_update_firewall_rules!({ ...of, body: { rules: [{ type: "ip_addr", value: "10.50.0.0/24" }] } });
  await client.databases_update_clusterSize!({ ...of, body: { size: "db-s-2vcpu-4gb", num_nodes: 2 } });
  await client.databases_patch_config!({ ...of, body: { config: { work_mem: 8 } } });
  expect((await client.databases_get_cluster!(of)).database).toMatchObject({ size: "db-s-2vcpu-4gb", num_nodes: 2 });
  expect((await client.databases_get_connectionPool!({ ...of, pool_name: "web" })).pool.connection.uri).toContain("app:");
  await client.databases_destroy_cluster!(of);
  await client.vpcs_delete!({ vpc_id: vpc.id });
  expect((await client.databases_list_clusters!()).databases).toEqual([]);
});

it("a generated client deploys an app, reads its deployment, and assigns it to a project", async () => {
  const client = await openClient();
  const envs = [{ key: "TOKEN", value: "s3cret", type: "SECRET", scope: "RUN_TIME" }];
  const spec = { name: "generated", region: "nyc", services: [{ name: "api", github: { repo: "a/b", branch: "main" }, envs }] };
  const { app } = await client.apps_create!({ body: { spec } });
  const { deployments } = await client.apps_list_deployments!({ app_id: app.id });
  expect((await client.apps_get_deployment!({ app_id: app.id, deployment_id: deployments[0].id })).deployment.phase).toBe("ACTIVE");
  const { project } = await client.projects_create!({ body: { name: "generated", purpose: "Web Application" } });
  await client.projects_assign_resources!({ project_id: project.id, body: { resources: [`do:app:${app.id}`] } });
  expect((await client.projects_list_resources!({ project_id: project.id })).resources).toMatchObject([{ urn: `do:app:${app.id}` }]);
  await client.apps_delete!({ id: app.id });
  await client.projects_delete!({ project_id: project.id });
});

it("a generated client creates a domain, an uptime check and a Spaces key, and reads a list page by page", async () => {
  const client = await openClient();
  await client.domains_create!({ body: { name: "shop.example" } });
  const { domain_record } = await client.domains_create_record!({
    domain_name: "shop.example",
    body: { type: "A", name: "www", data: "192.0.2.1", ttl: 60 },
  });
  const record = { domain_name: "shop.example", domain_record_id: domain_record.id };
  await client.domains_patch_record!({ ...record, body: { type: "A", data: "192.0.2.2" } });
  expect((await client.domains_get_record!(record)).domain_record.data).toBe("192.0.2.2");
  const { check } = await client.uptime_create_check!({
    body: { name: "www", type: "https", target: "https://shop.example", regions: ["us_east"], enabled: true },
  });
  expect((await client.uptime_get_checkState!({ check_id: check.id })).state.regions).toBeDefined();
  const { key } = await client.spacesKey_create!({ body: { name: "ci", grants: [{ bucket: "", permission: "fullaccess" }] } });
  expect((await client.spacesKey_get!({ access_key: key.access_key })).key.name).toBe("ci");
  for (const name of ["a", "b", "c"]) await client.tags_create!({ body: { name } });
  const pages = [await client.tags_list!({ per_page: 2, page: 1 }), await client.tags_list!({ per_page: 2, page: 2 })];
  expect(pages.flatMap(({ tags }) => tags.map(({ name }: { name: string }) => name))).toEqual(["a", "b", "c"]);
});
