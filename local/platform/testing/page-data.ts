import type { PageData } from "../page/html.ts";

/** A platform with failures, and with names that try to inject HTML. */
export const pageData: PageData = {
  status: {
    daemon: { pid: 1, api: "http://127.0.0.1:4010", page: "" },
    servers: [
      { cluster: "shared-postgres", kind: "postgres", port: 25060, pid: 2, log: "" },
      { cluster: "cache", kind: "valkey", log: "" },
    ],
    apps: [
      {
        app: "shop",
        url: "http://127.0.0.1:4100",
        leads: [{ port: 25060, database: "shop" }],
        components: [
          { name: "api", kind: "service", health: "503 <script>alert(1)</script>" },
          { name: "web", kind: "static_site" },
        ],
      },
    ],
  },
  contents: [{ cluster: "shared-postgres", database: "shop", counts: [{ name: "shop.orders", count: 12 }] }],
  calls: [{ at: "2026-11-21T00:00:00.000Z", method: "GET", path: '/v2/apps/"><b>', status: 404, milliseconds: 3, unknown: true }],
};
