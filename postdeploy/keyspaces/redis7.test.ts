/** The same tests once more, on Redis 7: for who still runs one, and because both speak for themselves only. */
import { describe, expect, it } from "vitest";
import { fetchRedis7 } from "./testing/home.ts";
import { startStore } from "./testing/store.ts";

process.env.SLIPWAY_TEST_STORE = "redis7";
const missing = await fetchRedis7();
if (missing !== undefined) console.warn(`Redis 7 is missing here, so its tests are left out: ${missing.split("\n")[0]}`);

describe.skipIf(missing !== undefined)("on Redis 7", async () => {
  it("is the server that the tests below are answered by", async () => {
    const store = await startStore("redis7");
    try {
      const info = String(await store.ask(["INFO", "server"]));
      expect(info).toMatch(/^redis_version:7\./m);
      expect(info).not.toContain("valkey_version");
    } finally {
      await store.stop();
    }
  }, 60_000);

  if (missing === undefined) {
    await import("./seed.test.ts");
    await import("./bulk.test.ts");
    await import("./run.test.ts");
    await import("./kill.test.ts");
    await import("./trouble.test.ts");
  }
});
