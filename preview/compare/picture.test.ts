import { beforeAll, describe, expect, it } from "vitest";
import { findProject, type Plan, planStack } from "../../engine/index.ts";
import type { Picture } from "../../report/review.ts";
import { nameOf } from "../../report/words.ts";
import { pictureOf } from "./picture.ts";

describe("the diagram of stack prod", () => {
  let plan: Plan;
  let picture: Picture;
  beforeAll(async () => {
    plan = await planStack(findProject(import.meta.dirname), { stack: "prod", placeholders: true });
    picture = pictureOf(plan);
  });

  const edgesOf = (of: Picture, name: string) => of.edges.filter(({ from }) => nameOf(from) === name).map(({ to }) => nameOf(to));

  it("shows the addresses that each cluster admits", () => {
    const clusters = picture.nodes.filter(({ kind }) => kind === "cluster" || kind === "store");
    expect(clusters).toHaveLength(plan.resources.filter(({ type }) => type.endsWith(":DatabaseCluster")).length);
    for (const { lines } of clusters) expect(lines.at(-1)).toMatch(/^open to 10\.\d+\.0\.0\/20, /);
  });

  it("connects an app through its pool to the database and its cluster, without an edge that bypasses the pool", () => {
    expect(edgesOf(picture, "candlefish-paintbox-app").toSorted()).toEqual([
      "candlefish-cache-valkey-cluster",
      "candlefish-postgres-pool-candlefish_collaboration",
      "candlefish-state-valkey-cluster",
    ]);
    expect(edgesOf(picture, "candlefish-postgres-pool-candlefish_collaboration")).toEqual([
      "candlefish-postgres-db-candlefish_collaboration",
    ]);
    expect(edgesOf(picture, "candlefish-postgres-db-candlefish_collaboration")).toEqual(["candlefish-postgres-cluster"]);
    expect(edgesOf(picture, "fluxstudio-fluxstudio-app")).toEqual(["fluxstudio-postgres-db-fluxstudio"]);
  });

  it("keeps what only the base has, with what led to it", () => {
    const head = { resources: plan.resources.filter(({ name }) => name !== "devx-postgres-db-devxplatform") };
    const both = pictureOf(plan, head);
    expect(edgesOf(both, "devx-devx-app")).toEqual(["devx-postgres-db-devxplatform"]);
    expect(pictureOf(head).nodes.map(({ name }) => name)).not.toContain("devxplatform");
  });

  it("says which system each belongs to, and nothing for what is shared", () => {
    const systems = new Map(picture.nodes.map(({ name, system }) => [name, system]));
    expect(systems.get("devx-devx-app")).toBe("devx");
    expect(systems.get("slipway-backups-bucket-primary")).toBeUndefined();
  });
});
