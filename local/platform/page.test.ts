import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPage, type Page } from "./page.ts";
import { document } from "./page-html.ts";
import { shown } from "./testing.ts";

describe("the page", () => {
  let page: Page;
  beforeAll(async () => {
    page = await openPage(0, async () => shown);
  });
  afterAll(() => page.close());

  it("shows what runs, what does not, what is in it and what was asked of the API, without a script", () => {
    const html = document(shown);
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
