import { expect, it } from "vitest";
import { findDatabaseTargets } from "./database-targets.ts";

it("lists each database in an app's URLs once, without logins", () => {
  const env = {
    SQLALCHEMY_URL: "postgresql+asyncpg://app:AVNS_x@localhost:25060/shop?ssl=verify-full",
    DATABASE_URL: "postgresql://app:AVNS_x@localhost:25060/shop?sslmode=verify-full",
    REDIS_URL: "rediss://default:AVNS_y@localhost:25062/0",
    REDIS_CACHE_URL: "rediss://default:AVNS_y@localhost:25062/1",
    APP_URL: "http://127.0.0.1:4100",
    DB_PASSWORD: "rediss://:::",
  };
  expect(findDatabaseTargets(Object.values(env))).toEqual([
    { port: 25060, database: "shop" },
    { port: 25062, database: "0" },
    { port: 25062, database: "1" },
  ]);
});
