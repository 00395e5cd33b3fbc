import type { Page } from "puppeteer-core";
import { describe, expect, it } from "vitest";
import { describePages, faultsOf } from "../../tests/browser.ts";
import { dangerous, exchanged, quiet } from "../testing/samples.ts";
import { reviewHtml } from "./review.ts";

const HOSTILE = `</style></title><script>document.title = "gone"</script><img src=https://evil.example/x onerror=alert(1)>" autofocus onfocus="alert(1)\u202e${"x".repeat(300)}`;

describe("the page of a review", () => {
  it("is the same file for the same review", async () => {
    expect(await reviewHtml(dangerous)).toBe(await reviewHtml(structuredClone(dangerous)));
  });

  it("contains everything that a comment may omit", async () => {
    const html = await reviewHtml(dangerous);
    for (const text of [
      "components/postgres.ts:146",
      "spec.service paintbox.env LOG_LEVEL.value",
      "<ins>changed secret</ins>",
      "rewrites the table",
      "its size was changed by hand",
      "slipway:fluxstudioGoogleClientSecret",
      "nyc9",
    ])
      expect(html).toContain(text);
  });

  it("says in the heading that nothing changes, without filters", async () => {
    const html = await reviewHtml(quiet);
    expect(html).toContain("<h1>No changes</h1>");
    expect(html).not.toContain("<fieldset>");
  });

  it("escapes every text of the change", async () => {
    const html = await reviewHtml(exchanged(dangerous, HOSTILE));
    expect(html).not.toMatch(/<(script|img|iframe|object|link)|\u202e/i);
    const names = (source: string) =>
      new Set(
        (source.match(/<[a-z][^>]*>/gi) ?? []).flatMap((tag) =>
          [...tag.replace(/"[^"]*"/g, "").matchAll(/\s([\w-]+)/g)].map(([, name]) => name),
        ),
      );
    expect(names(html)).toEqual(names(await reviewHtml(exchanged(dangerous, "word"))));
  });
});

const PAGES = {
  dangerous: () => reviewHtml(dangerous),
  quiet: () => reviewHtml(quiet),
  hostile: () => reviewHtml(exchanged(dangerous, HOSTILE)),
  systems: () => reviewHtml(twoSystems()),
};

await describePages("the page of a review in a browser", PAGES, (open) => {
  it.each([
    { name: "dangerous", width: 1280, colours: "light" },
    { name: "dangerous", width: 360, colours: "dark" },
    { name: "quiet", width: 360, colours: "light" },
    { name: "hostile", width: 360, colours: "dark" },
  ] as const)(
    "sends no request, logs no error, fits $width pixels and is accessible in $colours colours: $name",
    async ({ name, ...look }) => {
      const visit = await open(name, look);
      expect(await visit.page.evaluate("document.scripts.length")).toBe(0);
      expect(await faultsOf(visit)).toEqual([]);
    },
  );

  const shown = (page: Page) =>
    page.$$eval(".item", (items) => items.filter((item) => item.checkVisibility()).map(({ className }) => className));

  it("filters by keyboard, without JavaScript", async () => {
    const { page } = await open("systems", { javaScript: false });
    const all = (await shown(page)).length;
    await page.focus("#risk-all");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    const dangers = await shown(page);
    expect(dangers.length).toBeGreaterThan(0);
    expect(dangers.length).toBeLessThan(all);
    for (const item of dangers) expect(item).toContain("danger");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowRight");
    for (const item of await shown(page)) expect(item).toMatch(/danger.*system-0/);
    // A part in which nothing is left goes with its title.
    const titles = await page.$$eval(".part h3", (all) =>
      all.filter((title) => title.checkVisibility()).map(({ textContent }) => textContent),
    );
    expect(titles.length).toBeGreaterThan(0);
    expect(titles.join()).not.toContain("Restarts");
    await page.close();
  });

  it("prints folded sections, without the filters", async () => {
    const { page } = await open("dangerous");
    const folded = "details:not([open]) .fields";
    const height = () =>
      page.$eval(folded, (fields) => (fields.checkVisibility({ contentVisibilityAuto: true }) ? fields.getBoundingClientRect().height : 0));
    expect(await height()).toBe(0);
    await page.emulateMediaType("print");
    // Chromium lays out for paper when it comes to it.
    await expect.poll(height).toBeGreaterThan(0);
    expect(await page.$eval(".filters", (filters) => filters.checkVisibility())).toBe(false);
    await page.close();
  });
});

/** With a second system, so that there is a filter by system, and one stack only. */
function twoSystems() {
  const prod = dangerous.stacks.at(-1)!;
  const lost = prod.resources[0]!;
  return {
    ...dangerous,
    stacks: [dangerous.stacks[0]!, { ...prod, resources: [...prod.resources, { ...lost, urn: `${lost.urn}-devx`, system: "devx" }] }],
  };
}
