import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { get as getSecurely } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PAGE_PATH } from "../../catalog/local-api.ts";
import { openAuthority } from "../servers/certificates.ts";
import { type LogEntry, startApi } from "./server.ts";
import { POSTGRES, send, startTestApi, TOKEN, temporaryDirectory } from "./testing/api.ts";

describe("a request", () => {
  it("without the right token is rejected on every route", async () => {
    const { api } = await startTestApi();
    for (const [token, path] of [
      ["", "/v2/account"],
      ["wrong", "/v2/account"],
      [`${TOKEN}!`, "/v2/nowhere"],
      ["wrong", "/_slipway/faults"],
    ] as const) {
      const { status, body } = await send(api.url, "GET", path, undefined, token);
      expect([status, body.id, body.message]).toEqual([401, "Unauthorized", "Unable to authenticate you"]);
    }
  });

  it("for an unknown path gets 404, and for an unsupported method 405 with the supported ones", async () => {
    const { api } = await startTestApi();
    for (const path of ["/", "/v2", "/v2/droplets", "/v2/databases/x/y/z", "/v3/account"]) {
      const { status, body } = await send(api.url, "GET", path);
      expect([status, body.id]).toEqual([404, "not_found"]);
    }
    const { status, body, headers } = await send(api.url, "DELETE", "/v2/vpcs");
    expect([status, body.id, headers.get("allow")]).toEqual([405, "method_not_allowed", "GET, POST"]);
  });

  it("gets an id in its reply and its error, and rate limit headers", async () => {
    const { api } = await startTestApi();
    const { headers, body } = await send(api.url, "GET", "/v2/vpcs/nope");
    expect(body.request_id).toBe(headers.get("x-request-id"));
    expect([headers.get("ratelimit-limit"), headers.get("ratelimit-remaining")]).toEqual(["5000", "4999"]);
    expect(Number(headers.get("ratelimit-reset"))).toBeGreaterThan(Date.now() / 1000);
  });

  it("with an invalid, too large or mistyped body is rejected, and the next request succeeds", async () => {
    const { api, call } = await startTestApi();
    const rejection = async (body: unknown) => {
      const reply = await send(api.url, "POST", "/v2/vpcs", body);
      return [reply.status, reply.body.id, reply.body.message];
    };
    expect(await rejection("{")).toEqual([400, "bad_request", "The request body is not valid JSON."]);
    expect(await rejection(`{"name":"${"x".repeat(1_100_000)}"}`)).toEqual([
      413,
      "request_entity_too_large",
      "The request body is larger than 1048576 bytes.",
    ]);
    expect(await rejection("[]")).toEqual([422, "unprocessable_entity", "body: Invalid input: expected object, received array"]);
    expect(await rejection({ name: 1, region: "nyc3" })).toEqual([
      422,
      "unprocessable_entity",
      "name: Invalid input: expected string, received number",
    ]);
    expect((await call("GET", "/v2/account")).body.account.status).toBe("active");
  });

  it("for the status page leads there without a token, and gets 404 if the API runs alone", async () => {
    const { api } = await startTestApi();
    const open = () => fetch(new URL(PAGE_PATH, api.url), { redirect: "manual" });
    expect([(await open()).status, (await (await open()).json()) as object]).toMatchObject([404, { id: "not_found" }]);
    api.page = "http://127.0.0.1:4020";
    const { status, headers } = await open();
    expect([status, headers.get("location")]).toEqual([302, "http://127.0.0.1:4020"]);
  });

  it("that is not HTTP closes only its own connection", async () => {
    const { api, call } = await startTestApi();
    const reply = await new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(api.url).port), "127.0.0.1", () => socket.write("gibberish\r\n\r\n"));
      socket.on("data", (data) => resolve(String(data)));
    });
    expect(reply).toMatch(/^HTTP\/1\.1 400 /);
    expect((await call("GET", "/v2/account")).status).toBe(200);
  });

  it("through a proxy is routed by its path, with any host", async () => {
    const { api } = await startTestApi();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const { port } = new URL(api.url);
      const options = { port, path: "http://[odd/v2/account", headers: { authorization: `Bearer ${TOKEN}` } };
      request(options, (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end();
    });
    expect(status).toBe(200);
  });

  it("with a path, a query or Unicode as an id gets 404", async () => {
    const { api } = await startTestApi();
    for (const id of ["..%2F..%2Fetc%2Fpasswd", "%00", "%E0%A4%A", "a%3Fb", "constructor", "__proto__", "ünknown"]) {
      for (const path of [`/v2/databases/${id}`, `/v2/apps/${id}`, `/v2/domains/${id}`, `/v2/projects/${id}`]) {
        expect((await send(api.url, "GET", path)).status).toBe(404);
      }
    }
  });
});

describe("a list", () => {
  it("has pages with links to each other and a total", async () => {
    const { call } = await startTestApi();
    for (let index = 1; index <= 5; index++) await call("POST", "/v2/tags", { name: `tag-${index}` });
    const look = async (query: string) => {
      const { tags, links, meta } = (await call("GET", `/v2/tags?${query}`)).body;
      const pages = Object.entries(links.pages ?? {}).map(([name, url]) => `${name} ${new URL(String(url)).searchParams.get("page")}`);
      return [tags.map(({ name }: { name: string }) => name.slice(4)).join(""), pages.join(", "), meta.total];
    };
    expect(await look("per_page=2")).toEqual(["12", "next 2, last 3", 5]);
    expect(await look("per_page=2&page=2")).toEqual(["34", "first 1, prev 1, next 3, last 3", 5]);
    expect(await look("per_page=2&page=3")).toEqual(["5", "first 1, prev 2", 5]);
    expect(await look("per_page=2&page=9")).toEqual(["", "first 1, prev 3", 5]);
    expect(await look("")).toEqual(["12345", "", 5]);
  });

  it("can be read to the end by its links, which keep other query parameters", async () => {
    const { call, api } = await startTestApi();
    await call("POST", "/v2/domains", { name: "shop.example" });
    for (let index = 0; index < 5; index++)
      await call("POST", "/v2/domains/shop.example/records", { type: "TXT", name: "@", data: `v${index}` });
    const found: string[] = [];
    for (let next: string | undefined = `${api.url}/v2/domains/shop.example/records?type=TXT&per_page=2`; next; ) {
      const { body } = await send("", "GET", next);
      found.push(...body.domain_records.map(({ data }: { data: string }) => data));
      next = body.links.pages?.next;
    }
    expect(found).toEqual(["v0", "v1", "v2", "v3", "v4"]);
  });

  it("rejects an invalid page number and a page size above the maximum", async () => {
    const { callInvalid } = await startTestApi();
    expect((await callInvalid("GET", "/v2/tags?page=0")).body.message).toBe("page must be a positive number");
    expect((await callInvalid("GET", "/v2/tags?per_page=ten")).body.message).toBe("per_page must be a positive number");
    expect((await callInvalid("GET", "/v2/tags?per_page=201")).body.message).toBe("per_page must not exceed 200");
  });

  it("of clusters is complete for a client without page parameters", async () => {
    const { call } = await startTestApi();
    for (let index = 0; index < 25; index++) await call("POST", "/v2/databases", { ...POSTGRES, name: `pg-${index}` });
    expect((await call("GET", "/v2/databases")).body.databases).toHaveLength(25);
    expect((await call("GET", "/v2/databases?page=2&per_page=20")).body.databases).toHaveLength(5);
  });
});

describe("the server", () => {
  it("logs requests and replies without secrets", async () => {
    const { cloud } = await startTestApi();
    const entries: LogEntry[] = [];
    const api = await startApi({ cloud, token: TOKEN, log: (entry) => entries.push(entry) });
    await send(api.url, "POST", "/v2/tags?token=hunter2", { name: "prod" });
    await send(api.url, "GET", "/v2/droplets");
    await api.close();
    expect(entries).toEqual([
      { method: "POST", path: "/v2/tags", status: 201, milliseconds: expect.any(Number), unknown: false },
      { method: "GET", path: "/v2/droplets", status: 404, milliseconds: expect.any(Number), unknown: true },
    ]);
  });

  it("serves https with the given certificate", async () => {
    const directory = temporaryDirectory();
    const authority = openAuthority(directory);
    const { key, certificate } = authority.issue(join(directory, "api"), {});
    const { api } = await startTestApi({ tls: { key: readFileSync(key, "utf8"), cert: readFileSync(certificate, "utf8") } });
    expect(api.url).toMatch(/^https:/);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const options = { ca: authority.pem, headers: { authorization: `Bearer ${TOKEN}` } };
      getSecurely(`${api.url.replace("127.0.0.1", "localhost")}/v2/account`, options, (response) =>
        resolve(response.resume().statusCode),
      ).on("error", reject);
    });
    expect(status).toBe(200);
  });

  it("reports a port in use, and waits for running requests before it closes", async () => {
    const { cloud, api } = await startTestApi();
    await expect(startApi({ cloud, token: TOKEN, port: Number(new URL(api.url).port) })).rejects.toThrow(/EADDRINUSE/);
    api.faults.add({ match: "GET /v2/account", fault: { delayMs: 100 }, times: 1 });
    const slow = send(api.url, "GET", "/v2/account");
    // Until the request has arrived.
    await expect.poll(() => api.faults.list(), { interval: 5 }).toEqual([]);
    await api.close();
    expect((await slow).status).toBe(200);
    await expect(send(api.url, "GET", "/v2/account")).rejects.toThrow();
  });

  it("may come over a connection that was idle for longer than Go's clients keep one", async () => {
    const { api } = await startTestApi();
    const response = await fetch(`${api.url}/v2/account`, { headers: { authorization: `Bearer ${TOKEN}` } });
    await response.body?.cancel();
    expect(Number(/timeout=(\d+)/.exec(response.headers.get("keep-alive") ?? "")?.[1])).toBeGreaterThan(90);
  });

  it("answers a POST over a connection that was idle for longer than Node keeps one by default", async () => {
    const { api } = await startTestApi();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const post = (name: string) =>
      new Promise<{ status: number | undefined; reused: boolean }>((resolve, reject) => {
        const options = { agent, method: "POST", headers: { authorization: `Bearer ${TOKEN}` } };
        const sent = request(`${api.url}/v2/tags`, options, (response) =>
          response.resume().on("end", () => resolve({ status: response.statusCode, reused: sent.reusedSocket })),
        );
        sent.on("error", reject).end(JSON.stringify({ name }));
      });
    expect(await post("one")).toEqual({ status: 201, reused: false });
    await new Promise((resolve) => setTimeout(resolve, 6500));
    expect(await post("two")).toEqual({ status: 201, reused: true });
    agent.destroy();
  });

  it("refuses headers that are too long", async () => {
    const { api } = await startTestApi();
    const { status } = await fetch(`${api.url}/v2/account`, { headers: { authorization: `Bearer ${"x".repeat(20_000)}` } });
    expect(status).toBe(431);
  });

  it("answers a thousand concurrent requests", async () => {
    const { api, call } = await startTestApi();
    const port = Number(new URL(api.url).port);
    const requestTag = (index: number) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = { port, method: "POST", path: "/v2/tags", agent: false, headers: { authorization: `Bearer ${TOKEN}` } } as const;
        request(options, (response) => response.resume().on("end", () => resolve(response.statusCode)))
          .on("error", reject)
          .end(JSON.stringify({ name: `tag-${index}` }));
      });
    const replies = await Promise.all(Array.from({ length: 1000 }, (_, index) => requestTag(index)));
    expect(new Set(replies)).toEqual(new Set([201]));
    expect((await call("GET", "/v2/tags?per_page=1")).body.meta.total).toBe(1000);
  });
});
