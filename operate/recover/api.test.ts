import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApi, type TestApi, TOKEN } from "../../local/api/testing/api.ts";
import { createProject } from "../../local/cloud/account/projects.ts";
import { openApi } from "./api.ts";

let api: TestApi;
let pauses: number[];
const open = (token = TOKEN, endpoint = api.api.url) =>
  openApi({ endpoint, token, pause: async (milliseconds) => pauses.push(milliseconds) });

beforeEach(async () => {
  api = await startTestApi();
  pauses = [];
});
afterEach(() => api.api.faults.clear());

describe("the client of DigitalOcean's API", () => {
  it("reads every page of a list", async () => {
    for (let number = 0; number < 405; number++) createProject(api.cloud, { name: `project-${number}`, purpose: "Web Application" });
    const projects = await open().list("/v2/projects", "projects");
    expect(new Set(projects.map(({ name }) => name)).size).toBe(406);
  });

  it("returns nothing for a 404", async () => {
    expect(await open().get("/v2/apps/none")).toBeUndefined();
    expect(await open().list("/v2/databases/none/users", "users")).toEqual([]);
  });

  it("returns an empty list where the engine of a cluster has none, and an error for any other list", async () => {
    api.api.faults.add({ match: "GET /v2/databases/c1/users", fault: { answer: 422 } });
    expect(await open().listIfSupported("/v2/databases/c1/users", "users")).toEqual([]);
    await expect(open().list("/v2/databases/c1/users", "users")).rejects.toThrow("answered 422");
    api.api.faults.add({ match: "GET /v2/databases/c1/dbs", fault: { answer: 403 } });
    await expect(open().listIfSupported("/v2/databases/c1/dbs", "dbs")).rejects.toThrow("answered 403");
  });

  it("tries again after a 429 as long as the API asks for, and after a 503 with growing pauses", async () => {
    api.api.faults.add({ match: "GET /v2/apps", times: 1, fault: { answer: 429, retryAfterSeconds: 7 } });
    api.api.faults.add({ match: "GET /v2/vpcs", times: 3, fault: { answer: 503 } });
    expect(await open().list("/v2/apps", "apps")).toEqual([]);
    expect(await open().list("/v2/vpcs", "vpcs")).toEqual([]);
    expect(pauses).toEqual([7000, 500, 1000, 2000]);
  });

  it("gives up after five attempts, and pauses for 15 seconds at most", async () => {
    api.api.faults.add({ match: "GET /v2/apps", fault: { answer: 429, retryAfterSeconds: 3600 } });
    await expect(open().list("/v2/apps", "apps")).rejects.toThrow(
      "answered 429 to GET /v2/apps?page=1&per_page=200 5 times: the rate limit of the account is used up",
    );
    expect(pauses).toEqual([15_000, 15_000, 15_000, 15_000]);
  });

  it("does not repeat a request that is refused, and names the fix", async () => {
    await expect(open("wrong").list("/v2/apps", "apps")).rejects.toThrow(
      /answered 401 .* the token is not valid\. .* pulumi config set --secret digitalocean:token$/,
    );
    api.api.faults.add({ match: "GET /v2/apps", fault: { answer: 403 } });
    await expect(open().list("/v2/apps", "apps")).rejects.toThrow(/answered 403 .* the token lacks a scope .* docs\/deploy\.md/);
    expect(pauses).toEqual([]);
  });

  it("tries again where the connection ends in the middle of a body, and not where a whole body is no JSON", async () => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      if (requests > 2) return void response.end(requests === 3 ? '{"apps":[]}' : "<html>");
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"apps":[', () => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const client = open(TOKEN, `http://127.0.0.1:${port}`);
    expect(await client.get("/v2/apps")).toEqual({ apps: [] });
    expect(pauses).toEqual([500, 1000]);
    await expect(client.get("/v2/apps")).rejects.toThrow("did not return JSON");
    expect(requests).toBe(4);
    server.close();
  });

  it("names the settings of the address where no API replies", async () => {
    await expect(open(TOKEN, "http://127.0.0.1:1").get("/v2/apps")).rejects.toThrow(
      /^No reply from http:\/\/127\.0\.0\.1:1 after 5 attempts \(.+\)\. Check digitalocean:apiEndpoint of the stack/,
    );
    api.api.faults.add({ match: "GET /v2/apps", times: 1, fault: { drop: "after-commit" } });
    expect(await open().get("/v2/apps")).toMatchObject({ apps: [] });
  });
});
