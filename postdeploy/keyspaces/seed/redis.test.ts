/** Runs the seeding tests on the distribution's Redis (7 on Debian 12, 8 on Debian 13), because Valkey and Redis have diverged. */
import { describeUnless } from "../../../tests/skip.ts";
import { useRedis } from "../testing/server.ts";

const redis = await useRedis();

describeUnless(redis.missing, `on ${redis.name}`, async () => {
  // Also imported when skipped, so that the report lists the tests as skipped.
  await import("./seed.test.ts");
  await import("./bulk.test.ts");
  await import("./string-runs.test.ts");
  await import("./kill.test.ts");
  await import("./store-states.test.ts");
});
