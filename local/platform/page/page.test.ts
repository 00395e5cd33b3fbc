import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageData } from "../testing/page-data.ts";
import { renderPage } from "./html.ts";
import { openPage, type Page } from "./server.ts";

describe("the page", () => {
  let page: Page;
  beforeAll(async () => {
    page = await openPage(0, async () => pageData);
  });
  afterAll(() => page.close());

  it("shows what runs, what does not, what is in it and what was asked of the API, without a script", () => {
    const html = renderPage(pageData);
    for (const words of [
      "127.0.0.1:25060",
      "does not run",
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

  it("is for this machine's own addresses: a name that leads here from elsewhere gets nothing", async () => {
    const ask = (host: string, path = "/") =>
      new Promise<number | undefined>((resolve, reject) => {
        const { port } = new URL(page.url);
        request({ host: "127.0.0.1", port, path, headers: { host } }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .once("error", reject)
          .end();
      });
    expect([await ask("127.0.0.1:4009"), await ask("localhost"), await ask("evil.example"), await ask("127.0.0.1", "/x")]).toEqual([
      200, 200, 403, 404,
    ]);
  });
});
