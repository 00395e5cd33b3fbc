import { describe, expect, it } from "vitest";
import { describePages, faultsOf } from "../../tests/browser.ts";
import { barsOf, type ProbeReport } from "../probe.ts";
import { probeHtml, verdict } from "./probe.ts";

const REPORT: ProbeReport = {
  ...{ service: "shop-prod/api", startedAt: "2026-11-01T10:00:00.000Z", endedAt: "2026-11-01T10:10:00.000Z" },
  ...{ requests: 60_000, failed: 0, failures: {}, slowestMs: 213, longestGapMs: 350, acknowledged: 20_000, readBack: 40_000 },
  ...{ stale: [], lost: [], left: [] },
  seconds: Array.from({ length: 600 }, (_, second) => ({ second, reads: 66, writes: 34, failed: 0 })),
  events: [{ at: "2026-11-01T10:05:00.000Z", title: "the change from P1 to P2 began" }],
};
const finding = { at: "2026-11-01T10:05:01.000Z", row: "7", found: "a 404" };

describe("the page of a probe", () => {
  it("has the figures, a bar for each part of the time, and a line for each event", () => {
    const page = probeHtml(REPORT);
    expect(page).toContain("<h1>No request failed, no write was lost</h1>");
    expect(page).toContain("<strong>0</strong><p>of 60,000 requests failed</p>");
    expect(page).toContain("<strong>350 ms</strong><p>was the longest gap without a success</p>");
    expect(page.match(/<rect [^>]*class="ok"/g)).toHaveLength(200);
    expect(page).not.toContain('class="failed"/>');
    expect(page).toContain('<line x1="300.00" x2="300.00"');
    expect(page).toContain("300.0 s</span> the change from P1 to P2 began");
    expect(page).toContain('aria-label="Every request succeeded."');
  });

  it("shows a single failure among thousands of requests, with what was answered, and each lost and stale write", () => {
    const seconds = REPORT.seconds.map((one) => (one.second === 301 ? { ...one, failed: 1 } : one));
    const page = probeHtml({
      ...REPORT,
      seconds,
      failed: 1,
      failures: { "status 503": 1 },
      stale: [finding],
      lost: [{ ...finding, row: "8" }],
    });
    const [, height] = /<rect x="300"[^>]* height="([\d.]+)" class="failed"\/>/.exec(page) ?? [];
    expect(Number(height)).toBeGreaterThanOrEqual(6);
    expect(page).toContain('aria-label="Requests failed at 300 s."');
    expect(page).toContain("<h1>1 acknowledged write was lost</h1>");
    expect(page).toContain("<td>status 503</td><td>1</td>");
    expect(page).toContain("<td>2026-11-01 10:05:01</td><td>8</td><td>a 404</td>");
  });

  it("has no script, no remote content, and escapes what the app answered", () => {
    const page = probeHtml({
      ...REPORT,
      failed: 1,
      failures: { '<img src="https://x.example/a.png" onerror=alert(1)>': 1 },
      service: "<b>",
    });
    expect(page).not.toMatch(/<script|<img|<b>|src="|href="/);
    expect(page).toContain("default-src 'none'");
  });

  it("shows the first of many findings, and counts the others", () => {
    const lost = Array.from({ length: 1000 }, () => finding);
    const page = probeHtml({ ...REPORT, lost });
    expect(page.match(/<td>a 404<\/td>/g)).toHaveLength(200);
    expect(page).toContain("and 800 more");
  });

  it("of a probe that was ended at once has no bar", () => {
    expect(probeHtml({ ...REPORT, seconds: [], events: [] })).toContain("no second has passed");
  });

  it("says the worst first", () => {
    expect(verdict({ failed: 2, stale: [finding], lost: [finding, finding] })).toBe("2 acknowledged writes were lost");
    expect(verdict({ failed: 2, stale: [finding], lost: [] })).toBe("No write was lost, 1 stale answer");
    expect(verdict({ failed: 2, stale: [], lost: [] })).toBe("No write was lost, 2 requests failed");
  });

  it("has bars of whole seconds with every request in one of them", () => {
    const seconds = Array.from({ length: 1001 }, (_, second) => ({ second, reads: 2, writes: 1, failed: second % 2 }));
    const bars = barsOf(seconds, 240);
    expect(bars).toHaveLength(201);
    expect(bars.at(-1)).toEqual({ from: 1000, seconds: 1, reads: 2, writes: 1, failed: 0 });
    expect(bars.reduce((sum, { reads, writes, failed }) => sum + reads + writes + failed, 0)).toBe(3003 + 500);
    expect(barsOf([], 240)).toEqual([]);
  });
});

const SECONDS = REPORT.seconds.map((one) => (one.second > 300 && one.second < 308 ? { ...one, failed: 20 } : one));
const PAGES = {
  good: async () => probeHtml(REPORT),
  bad: async () =>
    probeHtml({ ...REPORT, seconds: SECONDS, failed: 140, failures: { "status 503": 140 }, stale: [finding], lost: [finding] }),
  hostile: async () => probeHtml({ ...REPORT, service: "<b>".repeat(200), failed: 1, failures: { ["x".repeat(5000)]: 1 } }),
};

await describePages("the page of a probe in a browser", PAGES, (open) => {
  it.each([
    { name: "good", width: 1280, colours: "light" },
    { name: "bad", width: 390, colours: "dark" },
    { name: "bad", width: 1280, colours: "light" },
    { name: "hostile", width: 390, colours: "light" },
  ] as const)(
    "sends no request, logs no error, fits $width pixels and is accessible in $colours colours: $name",
    async ({ name, ...look }) => {
      expect(await faultsOf(await open(name, look))).toEqual([]);
    },
  );
});
