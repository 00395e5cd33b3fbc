/** The step of a deployment, against a deployed app, a real database and a real store. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startStore, type TestStore } from "../../postdeploy/keyspaces/testing/store.ts";
import { startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { runStep } from "../../postdeploy/steps.ts";
import { createVerification, step } from "./step.ts";
import { type Shop, shop, startShop, TOKEN } from "./testing/shop.ts";

let postgres: TestServer;
let store: TestStore;
let product: Shop;
beforeAll(async () => {
  postgres = await startServer();
  store = await startStore("verify-step");
});
afterAll(async () => {
  await store?.stop();
  await postgres?.stop();
});
beforeEach(async () => {
  product = await startShop(postgres, store);
});
afterEach(async () => product?.stop());

function inputs(changes: object = {}): Record<string, unknown> {
  const { migrations, keyspaces } = product.folders;
  return {
    ...{ system: "shop", mode: "fail", stack: "prod", suffix: "", isLocal: false, definition: JSON.stringify(shop), apps: { shop: "1" } },
    files: { migrations: { folder: migrations, digest: "m" }, keyspaces: { folder: keyspaces, digest: "k" } },
    ...{ url: product.owner.url, cluster: product.clusters.database },
    stores: { state: { ...store.address(), cluster: product.clusters.state } },
    account: { endpoint: product.api.url, token: TOKEN },
    ...changes,
  };
}

type Outs = { readonly outs: Readonly<Record<string, unknown>> };
const PATIENCE_MS = 3000;
const create = async (given: object): Promise<Outs> =>
  (await runStep("Verification", createVerification(PATIENCE_MS), "create", [given])) as Outs;
const failureOf = async (given: object): Promise<string> =>
  await create(given).then(
    () => "passed",
    (error: Error) => error.message,
  );

describe("the verification of a deployment", () => {
  it("reports the deployment and its commit, and keeps neither a password nor the token in its outputs [F11]", async () => {
    const { outs } = await create(inputs());
    expect((outs.notices as string[]).join()).toMatch(
      /^Shop: \d+ checks passed, 1 unproved\.\n {2}shop: deployment [0-9a-f-]{36} of commit [0-9a-f]+: ACTIVE/,
    );
    expect(outs.checks).toContain("passed health shop/api: GET /health");
    expect(Object.keys(outs)).not.toEqual(expect.arrayContaining(["url"]));
    for (const secret of [TOKEN, product.owner.url]) expect(JSON.stringify(outs)).not.toContain(secret);
  });

  it("fails with the name of the check, what to do, and how to return to the version before", async () => {
    product.answer("/health", 200, { status: "ok", database: { connected: false, pool: { totalCount: 1, waitingCount: 0 } } });
    const message = await failureOf(inputs());
    expect(message).toMatch(/^1 check of Shop failed after the deployment\. The new version is deployed and serves\.\n/);
    expect(message).toContain("  health shop/api: GET /health: 200 in ");
    expect(message).toContain("database.connected is false\n    Next: See what is wrong with the database. npx slipway doctor\n");
    expect(message).toContain("npx slipway rollback plan --system shop --stack prod\n");
    expect(message).toContain("pulumi config set slipway:verify warn -s prod");
  });

  it("fails with the cause of a deployment that ended with an error or was canceled, once it has ended [F12]", async () => {
    product.next.outcome = Promise.resolve({ ok: false, component: "api", message: "the process ended with exit code 1" });
    await product.deploy();
    const failed = await failureOf(inputs());
    expect(failed).toMatch(/^\d checks? of Shop failed after the deployment\.\n/);
    expect(failed).toMatch(/deployment shop: .*ERROR.*component api failed: .*exit code 1/);

    let end = () => {};
    product.next.outcome = new Promise((resolve) => {
      end = () => resolve({ ok: true });
    });
    const { deployment } = (await product.call("POST", `/v2/apps/${product.app}/deployments`, {})) as unknown as {
      deployment: { id: string };
    };
    const waiting = failureOf(inputs());
    await product.call("POST", `/v2/apps/${product.app}/deployments/${deployment.id}/cancel`);
    end();
    expect(await waiting).toMatch(/deployment shop: .*CANCELED/);
  });

  it("warns with the same text where the stack asks for it, and passes", async () => {
    product.answer("/orders", 200, {});
    const { outs } = await create(inputs({ mode: "warn" }));
    expect((outs.notices as string[]).join()).toContain("probes shop/api: GET /orders: 200 in ");
  });

  it("passes when the service is right after a moment, as routers and logs are after a deployment", async () => {
    product.answer("/orders", 503, {});
    setTimeout(() => product.answer("/orders", 401, {}), 1000);
    expect(await failureOf(inputs())).toBe("passed");
  });

  it("does nothing in a run without an account", async () => {
    const { outs } = await create(inputs({ account: undefined }));
    expect(outs).toMatchObject({ checks: [], notices: ["shop: not verified, because this run has no account"] });
  });

  it("runs again for another app, file, expectation, mode or server, and for nothing else", async () => {
    const { outs } = await create(inputs());
    const differs = async (changes: object) =>
      ((await step("Verification", "diff", "id", outs, inputs(changes))) as { changes: boolean }).changes;
    expect(await differs({})).toBe(false);
    expect(await differs({ account: { endpoint: product.api.url, token: "renewed" }, ca: "renewed" })).toBe(false);
    for (const changes of [
      { apps: { shop: "2" } },
      { files: { migrations: { folder: product.folders.migrations, digest: "other" } } },
      { definition: JSON.stringify({ ...shop, title: "Other" }) },
      { mode: "warn" },
      { url: "postgresql://shop_owner@other:25060/shop" },
    ])
      expect(await differs(changes), JSON.stringify(changes)).toBe(true);
  });

  it("shows in a preview that it is pending, and why", async () => {
    const pending = async (olds: object, news: object) =>
      ((await step("Verification", "check", olds, news)) as { inputs: { pending: string } }).inputs.pending;
    expect(await pending({}, inputs())).toBe("verification after the deployment");
    expect(await pending(inputs(), inputs())).toBe("nothing");
    const files = { migrations: { folder: "sql/shop", digest: "other" } };
    expect(await pending(inputs(), inputs({ apps: { shop: "2" }, files, mode: "warn" }))).toBe(
      "verification after the deployment, because of app shop, keyspaces, migrations, the setting verify",
    );
  });
});

it("rejects an unknown step, with the known ones", async () => {
  await expect(step("Seeds", "check", {}, {})).rejects.toThrow('Unknown step "Seeds". Known steps: Verification.');
});
