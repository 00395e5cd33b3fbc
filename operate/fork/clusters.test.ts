import { describe, expect, it } from "vitest";
import { NAMES } from "../../catalog/limits.ts";
import { type Cluster, checkName, defaultForkName, findSource, toCluster } from "./clusters.ts";

const cluster = (name: string, more: Partial<Cluster> = {}): Cluster => ({
  ...toCluster({ id: `id-of-${name}`, name, engine: "pg", status: "online" }),
  ...more,
});
const SHOP = cluster("shop");
const ACCOUNT = [SHOP, cluster("stock"), cluster("cache", { engine: "valkey" }), cluster("late", { status: "resizing" })];

describe("the cluster to fork", () => {
  it("is found by its name and by its id", () => {
    expect(findSource(ACCOUNT, "shop")).toBe(SHOP);
    expect(findSource(ACCOUNT, "id-of-shop")).toBe(SHOP);
  });

  it.each([
    ["shap", 2, /^The account of this token has no cluster shap\. Its Postgres clusters: late, shop, stock\. Name one: --cluster/],
    ["cache", 2, /^cache runs valkey, and DigitalOcean forks no such cluster.*slipway backup restore/],
    ["late", 1, /^Cluster late is resizing, not online\. Wait until it is/],
  ])("%s is refused with exit code %i and the reason", (wanted, exit, message) => {
    expect(() => findSource(ACCOUNT, wanted)).toThrow(message);
    expect(() => findSource(ACCOUNT, wanted)).toThrow(expect.objectContaining({ exit }));
  });

  it("is refused in an account without any", () => {
    expect(() => findSource([], "shop")).toThrow("The account has no Postgres cluster");
  });

  it("is refused if two match, with their ids", () => {
    const twin = cluster("shop", { id: "other", status: "creating" });
    expect(() => findSource([...ACCOUNT, twin], "shop")).toThrow(
      "Several clusters are called shop: id-of-shop (online), other (creating). Name one by its id: --cluster id-of-shop",
    );
  });
});

describe("the name of the new cluster", () => {
  it("is valid by default, whatever the length of the old name", () => {
    const names = Array.from({ length: 61 }, (_, more) => "a-b".padEnd(more + 3, "c-"));
    for (const name of names.map((one) => one.replace(/-$/, "x"))) {
      const next = defaultForkName(name, "2026-12-01T10:30:00Z");
      expect(next).toMatch(NAMES.cluster.pattern);
      expect(next).toMatch(/-20261201t103000z$/);
    }
  });

  it.each(["", "ab", "Shop", "1shop", "shop-", "shop_fork", "shop fork", "s".repeat(64), "$(reboot)"])("%j is refused", (name) => {
    expect(() => checkName(name)).toThrow(/^--fork-name: ".*" cannot be the name of a cluster\. Allowed: 3 to 63 characters/);
  });
});
