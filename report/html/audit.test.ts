import { describe, expect, it } from "vitest";
import { describePages, faultsOf } from "../../tests/browser.ts";
import { cleanAudit, exchanged, leakyAudit } from "../testing/samples.ts";
import { auditHtml } from "./audit.ts";

describe("the page of an audit", () => {
  it("lists the worst finding first, with the path of the secret and the fix", async () => {
    const html = await auditHtml(leakyAudit);
    expect(html).toContain("<h1>2 findings</h1>");
    expect(html.indexOf("secret-in-output")).toBeLessThan(html.indexOf("build-scope"));
    expect(html).toMatch(/<ol class="way leak"><li>random password jwtSecret.*?<li>the stack output jwt, in clear/s);
    expect(html).toContain("<b>Fix:</b> Leave it out of the outputs.");
  });

  it("says that every secret is proved only if none is missing", async () => {
    expect(await auditHtml(cleanAudit)).toContain("<h1>Every secret is proved</h1>");
    expect(await auditHtml({ ...cleanAudit, declared: [...cleanAudit.declared, "shop.forgotten"] })).toContain(
      "<h1>1 secret not proved</h1>",
    );
    expect(await auditHtml({ ...cleanAudit, failure: "slipway:region: it is missing." })).toContain("<h1>Program failed</h1>");
  });

  it("draws the readers of each secret, and which of them were verified at run time", async () => {
    const html = await auditHtml(cleanAudit);
    expect(html).toMatch(/<g class="good"><rect[^>]*\/><text[^>]*class="name">shop\.jwtSecret</);
    expect(html).toMatch(/<g class="routine"><rect[^>]*\/><text[^>]*class="name">shop\.postgres\.owner</);
    expect(html.match(/<text[^>]*class="name">api in shop</g)).toHaveLength(1);
  });

  it("escapes every text of the program", async () => {
    expect(await auditHtml(exchanged(leakyAudit, "</pre><script>alert(1)</script>\u202e"))).not.toMatch(/<script|\u202e/);
  });
});

const PAGES = {
  clean: () => auditHtml(cleanAudit),
  leaky: () => auditHtml(leakyAudit),
  hostile: () => auditHtml(exchanged(leakyAudit, "<b>".repeat(200))),
};

await describePages("the page of an audit in a browser", PAGES, (open) => {
  it.each([
    { name: "clean", width: 1280, colours: "light" },
    { name: "leaky", width: 360, colours: "dark" },
    { name: "hostile", width: 360, colours: "light" },
  ] as const)(
    "sends no request, logs no error, fits $width pixels and is accessible in $colours colours: $name",
    async ({ name, ...look }) => {
      expect(await faultsOf(await open(name, look))).toEqual([]);
    },
  );

  it("filters findings by keyboard, without JavaScript", async () => {
    const { page } = await open("leaky", { javaScript: false });
    await page.focus("#show-all");
    await page.keyboard.press("ArrowRight");
    const shown = await page.$$eval(".item", (items) => items.filter((item) => item.checkVisibility()).map(({ className }) => className));
    expect(shown.length).toBeGreaterThan(0);
    for (const item of shown) expect(item).toContain("finding");
    await page.close();
  });
});
