import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithBrowser, faultsOf, visit } from "../../../tests/browser.ts";
import { pageData } from "../testing/page-data.ts";
import { openPage, type Page } from "./server.ts";

await describeWithBrowser("the status page in a browser", (browser) => {
  let page: Page;
  beforeAll(async () => {
    page = await openPage(0, async () => pageData);
  });
  afterAll(() => page.close());

  it.each([
    { width: 1280, colours: "light" },
    { width: 360, colours: "dark" },
  ] as const)("makes no other requests, has no errors, fits $width pixels and is accessible in $colours colours", async (look) => {
    expect(await faultsOf(await visit(browser(), page.url, look))).toEqual([]);
  });

  it("is the same without JavaScript", async () => {
    const { page: tab } = await visit(browser(), page.url, { javaScript: false });
    const html = await tab.content();
    for (const words of ["shared-postgres", "not running", "shop.orders", "GET /v2/apps/", "shop connects to shop"])
      expect(html).toContain(words);
    await tab.close();
  });
});
