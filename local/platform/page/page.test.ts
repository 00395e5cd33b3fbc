import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageData } from "../testing/page-data.ts";
import { renderPage } from "./html.ts";
import { openPage, type Page } from "./server.ts";

describe("the status page", () => {
  let page: Page;
  beforeAll(async () => {
    page = await openPage(0, async () => pageData);
  });
  afterAll(() => page.close());

  it("shows running and stopped servers, data and recent API requests, without a script", () => {
    const html = renderPage(pageData);
    for (const words of [
      "127.0.0.1:25060",
      "not running",
      "<dt>shop.orders</dt><dd>12</dd>",
      "404 unknown route",
      "GET /v2/apps/",
      "<h2",
      '<html lang="en">',
    ])
      expect(html).toContain(words);
    expect(html).not.toMatch(/<script|<b>|javascript:/);
  });

  it("answers HEAD as GET without a body, and no other method", async () => {
    const [got, head] = [await fetch(page.url), await fetch(page.url, { method: "HEAD" })];
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-type")).toBe(got.headers.get("content-type"));
    await got.text();
    const posted = await fetch(page.url, { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect((await fetch(`${page.url}/favicon.ico`, { method: "HEAD" })).status).toBe(404);
  });

  it("refuses host names other than this machine's own addresses", async () => {
    const get = (host: string, path = "/") =>
      new Promise<number | undefined>((resolve, reject) => {
        const { port } = new URL(page.url);
        request({ host: "127.0.0.1", port, path, headers: { host } }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .once("error", reject)
          .end();
      });
    expect([await get("127.0.0.1:4009"), await get("localhost"), await get("evil.example"), await get("127.0.0.1", "/x")]).toEqual([
      200, 200, 403, 404,
    ]);
  });
});
