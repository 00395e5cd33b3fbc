import { describe, expect, it } from "vitest";
import { createCluster, send, startTestApi } from "./testing/api.ts";

describe("a fault", () => {
  it("replies 429 with retry headers as often as configured, and does not execute the request", async () => {
    const { api, call } = await startTestApi();
    api.faults.add({ match: "POST /v2/tags", times: 2, fault: { answer: 429, retryAfterSeconds: 7 } });
    for (let round = 0; round < 2; round++) {
      const { status, body, headers } = await send(api.url, "POST", "/v2/tags", { name: "prod" });
      expect([status, body.id, headers.get("retry-after"), headers.get("ratelimit-remaining")]).toEqual([
        429,
        "too_many_requests",
        "7",
        "0",
      ]);
    }
    expect((await call("GET", "/v2/tags")).body.meta.total).toBe(0);
    expect((await call("POST", "/v2/tags", { name: "prod" })).status).toBe(201);
  });

  it("affects only matching paths, until it is cleared", async () => {
    const { api, callInvalid, call } = await startTestApi();
    api.faults.add({ match: "GET /v2/databases/*", fault: { answer: 500 } });
    expect((await callInvalid("GET", "/v2/databases/options")).body).toMatchObject({
      id: "server_error",
      message: "Unexpected server-side error",
    });
    expect((await call("GET", "/v2/databases")).status).toBe(200);
    expect((await callInvalid("GET", "/v2/databases/options")).status).toBe(500);
    api.faults.clear();
    expect((await call("GET", "/v2/databases/options")).status).toBe(200);
  });

  it("can reply 404 for an existing resource, as the real API does shortly after creation", async () => {
    const api = await startTestApi();
    const path = `/v2/databases/${await createCluster(api)}/users/doadmin`;
    api.api.faults.add({ match: "GET /v2/databases/*/users/*", times: 1, fault: { answer: 404 } });
    expect((await api.callInvalid("GET", path)).status).toBe(404);
    expect((await api.call("GET", path)).status).toBe(200);
  });

  it("can close the connection after executing the request", async () => {
    const { api, call } = await startTestApi();
    api.faults.add({ match: "POST /v2/vpcs", times: 1, fault: { drop: "after-commit" } });
    await expect(send(api.url, "POST", "/v2/vpcs", { name: "net", region: "nyc3" })).rejects.toThrow();
    expect((await call("GET", "/v2/vpcs")).body.vpcs).toMatchObject([{ name: "net" }]);
  });

  it("can close the connection before executing the request", async () => {
    const { api, call } = await startTestApi();
    api.faults.add({ match: "POST /v2/vpcs", times: 1, fault: { drop: "before-commit" } });
    await expect(send(api.url, "POST", "/v2/vpcs", { name: "net", region: "nyc3" })).rejects.toThrow();
    expect((await call("GET", "/v2/vpcs")).body.vpcs).toEqual([]);
  });

  it("can send no body, or half of it, after executing the request", async () => {
    const { api, call } = await startTestApi();
    api.faults.add({ match: "POST /v2/tags", times: 1, fault: { reply: "empty" } });
    expect(await send(api.url, "POST", "/v2/tags", { name: "one" })).toMatchObject({ status: 201, body: undefined });
    api.faults.add({ match: "POST /v2/tags", times: 1, fault: { reply: "half" } });
    await expect(send(api.url, "POST", "/v2/tags", { name: "two" })).rejects.toThrow();
    expect((await call("GET", "/v2/tags")).body.tags.map(({ name }: { name: string }) => name)).toEqual(["one", "two"]);
  });

  it("can let the first matching requests pass", async () => {
    const { api } = await startTestApi();
    api.faults.add({ match: "GET /v2/*", after: 2, times: 1, fault: { answer: 500 } });
    const statuses: number[] = [];
    for (let round = 0; round < 5; round++) statuses.push((await send(api.url, "GET", "/v2/account")).status);
    expect(statuses).toEqual([200, 200, 500, 200, 200]);
  });

  it("can keep a cluster, a replica and a deployment unfinished", async () => {
    const api = await startTestApi();
    const id = await createCluster(api);
    await api.call("POST", `/v2/databases/${id}/replicas`, { name: "read-1", size: "db-s-1vcpu-2gb" });
    const spec = { name: "shop", services: [{ name: "api", github: { repo: "a/b", branch: "main" } }] };
    const app = (await api.call("POST", "/v2/apps", { spec })).body.app;
    const deployment = `/v2/apps/${app.id}/deployments/${app.pending_deployment.id}`;
    api.api.faults.add({ match: "GET *", fault: { stuck: true } });
    expect((await api.call("GET", `/v2/databases/${id}`)).body.database.status).toBe("creating");
    expect((await api.call("GET", `/v2/databases/${id}/replicas/read-1`)).body.replica.status).toBe("creating");
    const stuck = (await api.call("GET", deployment)).body.deployment;
    expect([stuck.phase, stuck.progress.success_steps, stuck.progress.steps[1].status]).toEqual(["BUILDING", 0, "PENDING"]);
    api.api.faults.clear();
    expect((await api.call("GET", `/v2/databases/${id}`)).body.database.status).toBe("online");
    expect((await api.call("GET", deployment)).body.deployment.phase).toBe("ACTIVE");
  });

  it("can be added, listed and cleared over HTTP, and is rejected if it is invalid", async () => {
    const { api } = await startTestApi();
    const faults = "/_slipway/faults";
    const fault = { match: "GET /v2/account", fault: { answer: 503 } };
    expect((await send(api.url, "POST", faults, fault)).body.faults).toEqual([fault]);
    expect((await send(api.url, "GET", "/v2/account")).status).toBe(503);
    expect((await send(api.url, "DELETE", faults)).status).toBe(204);
    expect((await send(api.url, "GET", faults)).body.faults).toEqual([]);
    expect((await send(api.url, "POST", faults, { match: "*", fault: { answer: 200 } })).status).toBe(422);
    expect((await send(api.url, "PATCH", faults, {})).status).toBe(405);
    expect((await send(api.url, "GET", "/_slipway/other")).status).toBe(404);
  });
});
