import { afterAll, beforeAll, expect, it } from "vitest";
import { describeUnless, NEEDS_PROC } from "../../tests/skip.ts";
import { SPEC_SHAPES, type SpecShape } from "./testing/app-spec-shapes.ts";
import { startTestHost, type TestHost } from "./testing/platform.ts";

describeUnless(NEEDS_PROC, "an app spec with", () => {
  let test: TestHost;
  beforeAll(async () => {
    test = await startTestHost();
  }, 60_000);
  afterAll(() => test.close(), 60_000);

  it.each(SPEC_SHAPES.map((shape) => [shape.what, shape] as const))("%s is created, deployed, updated and deleted", async (_, shape) => {
    const clusters = await createClusters(shape.clusters ?? []);
    const spec = { name: "shape", ...shape.spec };
    const created = await test.create(spec);
    expect([created.deployment.phase, JSON.stringify(created.deployment.progress)]).toEqual(["ACTIVE", expect.any(String)]);
    expect(created.app.spec).toMatchObject({ ...spec, ...shape.echo });
    expect(created.deployment.progress).toMatchObject({ error_steps: 0, pending_steps: 0, running_steps: 0 });

    // Clients change an app by sending the returned spec back with their change.
    const envs = [...(created.app.spec.envs ?? []), { key: "RELEASE", value: "2", scope: "RUN_TIME" }];
    const updated = await test.update(created.id, { ...created.app.spec, envs });
    expect(updated.deployment.phase).toBe("ACTIVE");
    expect(updated.app.spec).toMatchObject({ ...created.app.spec, envs });

    await test.remove(created.id);
    expect((await test.call("GET", `/v2/apps/${created.id}`)).status).toBe(404);
    for (const id of clusters) await test.call("DELETE", `/v2/databases/${id}`);
  });

  async function createClusters(clusters: NonNullable<SpecShape["clusters"]>): Promise<string[]> {
    const ids: string[] = [];
    for (const { name, engine } of clusters) {
      const { body } = await test.call("POST", "/v2/databases", { name, engine, region: "nyc3", size: "db-s-1vcpu-1gb", num_nodes: 1 });
      ids.push(body.database.id);
    }
    await test.host.cloud.idle();
    return ids;
  }
});
