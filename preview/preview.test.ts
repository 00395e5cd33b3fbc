import { mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reviewSchema } from "../report/review.ts";
import { findSandbox } from "./sandbox/sandbox.ts";
import { Checkout, programOf } from "./testing/checkout.ts";

/** A machine that is busy with other tests starts processes slowly. */
let checkout: Checkout;
beforeEach(() => {
  checkout = new Checkout();
});
afterEach(() => checkout.remove());

const larger = programOf(
  `new digitalocean.DatabaseCluster("orders", { name: "orders", engine: "pg", version: "16", region: "nyc1", size: "db-s-2vcpu-4gb", nodeCount: 1 });`,
);
const renamed = programOf(
  `new digitalocean.DatabaseCluster("orders", { name: "orders-2", engine: "pg", version: "16", region: "nyc1", size: "db-s-1vcpu-2gb", nodeCount: 1 });`,
);

describe("slipway preview", () => {
  it("reports what a commit changes, as JSON that matches its schema", async () => {
    checkout.write("index.ts", larger);
    checkout.commit("larger");
    const review = await checkout.review();
    expect(reviewSchema.safeParse(review).error).toBeUndefined();
    expect(review).toMatchObject({ project: "harbour", risk: "routine", base: { ref: "HEAD~1" }, head: { ref: "main", dirty: false } });
    const [prod] = review.stacks;
    expect(prod?.resources).toMatchObject([
      {
        change: "update",
        name: "orders",
        source: { file: "index.ts", line: 4 },
        fields: [{ path: "size", before: { text: "db-s-1vcpu-2gb" }, after: { text: "db-s-2vcpu-4gb" }, replaces: false }],
      },
    ]);
    expect(prod?.cost).toMatchObject({ before: 30.45, after: 60.9 });
  });

  it("previews the working tree with its new files, without a change to git's index or anything else", async () => {
    checkout.write("index.ts", `import { size } from "./size.ts";\n${larger.replace(`"db-s-2vcpu-4gb"`, "size")}`);
    checkout.write("size.ts", `export const size = "db-s-4vcpu-8gb";\n`);
    const before = checkout.git("status", "--porcelain");
    const { out } = await checkout.preview(["--base", "HEAD", "--format", "json"]);
    expect(JSON.parse(out)).toMatchObject({ head: { dirty: true }, stacks: [{ resources: [{ change: "update" }] }] });
    expect(checkout.git("status", "--porcelain")).toBe(before);
    expect(checkout.worktrees()).toEqual([]);
  });

  it("compares with the merge base, so that later commits of the base are not changes", async () => {
    checkout.git("checkout", "--quiet", "-b", "topic");
    checkout.write("Pulumi.prod.yaml", "config:\n  harbour:color: blue\n");
    checkout.commit("blue");
    checkout.git("checkout", "--quiet", "main");
    checkout.write("index.ts", renamed);
    checkout.commit("main goes on");
    checkout.git("checkout", "--quiet", "topic");
    const { out } = await checkout.preview(["--base", "main", "--format", "json"]);
    expect(JSON.parse(out)).toMatchObject({ risk: "none", stacks: [{ stack: "prod", reasons: [] }] });
  });

  it("fails a build only with --fail-on", async () => {
    checkout.write("index.ts", renamed);
    checkout.commit("renamed");
    expect(await checkout.preview(["--base", "HEAD~1", "--format", "json", "--fail-on", "danger"])).toMatchObject({ code: 10 });
    expect(await checkout.preview(["--base", "HEAD~1", "--format", "json"])).toMatchObject({ code: 0 });
  });

  it("writes every format into a directory", async () => {
    checkout.write("index.ts", renamed);
    checkout.commit("renamed");
    const out = path.join(checkout.cache, "out");
    const { code, out: printed } = await checkout.preview(["--base", "HEAD~1", "--out", out]);
    expect(code).toBe(0);
    expect(printed).toContain("orders");
    expect(readdirSync(out).sort()).toEqual(["review.html", "review.json", "review.md"]);
  });

  it("reports a side that cannot be planned, with exit code 1", async () => {
    checkout.write("index.ts", programOf(`throw new pulumi.RunError("the harbour is closed");`));
    checkout.commit("closed");
    const { code, out } = await checkout.preview(["--base", "HEAD~1", "--format", "json"]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ risk: "danger", stacks: [{ failure: { side: "head", message: "the harbour is closed" } }] });
  });

  it("reports wrong arguments with exit code 2", async () => {
    const wrong = [
      [[], "Which base? slipway preview --base main"],
      [["--base", "nowhere"], `Commit "nowhere" not found in this repository`],
      [["--base", "--upload-pack=x"], `Commit "--upload-pack=x" not found`],
      [["--base", "HEAD", "--stack", "staging"], `Stack "staging" does not exist at base or at head. Stacks: prod.`],
      [["--base", "HEAD", "--format", "pdf"], `--format takes`],
      [["--base", "HEAD", "--fail-on", "fire"], `--fail-on takes danger or care, not "fire".`],
      [["--base", "HEAD", "--timeout", "soon"], `--timeout takes a whole number of seconds, 1 or more, not "soon"`],
      [
        ["--base", "HEAD", "--events", "nothing.ndjson"],
        "File not found: nothing.ndjson. Create it with: PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log",
      ],
    ] as const;
    for (const [args, sentence] of wrong) {
      const { code, said } = await checkout.preview(args);
      expect(said).toContain(sentence);
      expect(code).toBe(2);
    }
  });

  it("warns if the base's packages are not installed, and uses the head's", async () => {
    const lock = (version: string) =>
      JSON.stringify({
        name: "harbour",
        lockfileVersion: 3,
        requires: true,
        packages: {
          "": { name: "harbour", dependencies: { nothing: version } },
          "node_modules/nothing": { version, resolved: `https://registry.invalid/nothing-${version}.tgz`, integrity: "sha512-AA==" },
        },
      });
    for (const version of ["1.0.0", "2.0.0"]) {
      checkout.write(
        "package.json",
        JSON.stringify({ name: "harbour", private: true, type: "module", dependencies: { nothing: version } }),
      );
      checkout.write("package-lock.json", lock(version));
      checkout.commit(version);
    }
    const review = await checkout.review([], { npm_config_offline: "true" });
    expect(review.risk).toBe("care");
    expect(review.stacks[0]?.resources).toMatchObject([{ change: "same" }]);
    expect(review.stacks[0]?.messages).toEqual([
      {
        severity: "warning",
        text: expect.stringMatching(
          /^The base has a package-lock.json that is not installed \("node_modules\/nothing" does not come from the registry\): it ran with the head's packages/,
        ),
      },
    ]);
  });

  it("reports a secret setting that the change requires and the stack lacks, once", async () => {
    checkout.write("index.ts", programOf(`pulumi.log.warn("missing: harbour:token");`));
    checkout.commit("a token");
    const { stacks } = await checkout.review();
    expect(stacks[0]).toMatchObject({
      risk: "danger",
      missing: [{ setting: "harbour:token", command: "pulumi config set --secret harbour:token --stack prod" }],
    });
    checkout.write("README.md", "later\n");
    checkout.commit("later");
    expect((await checkout.review()).stacks[0]).not.toHaveProperty("missing");
  });

  it("reports migrations and keyspaces with the stacks that apply them", async () => {
    checkout.write("sql/orders/001_orders.sql", "CREATE TABLE orders (id bigint PRIMARY KEY);\n");
    checkout.write(
      "index.ts",
      programOf(
        `class Step extends pulumi.CustomResource {}\nnew Step("pulumi-nodejs:dynamic/slipway:Migrations", "steps", { system: "orders", folder: "sql/orders" });
new Step("pulumi-nodejs:dynamic/slipway:Keyspaces", "keys", { system: "orders", folder: "keyspaces/orders" });`,
      ),
    );
    checkout.commit("orders");
    checkout.write(
      "keyspaces/orders/drafts.yaml",
      `keyspace: drafts\nstore: state\ndatabase: 1\ndurable: true\npurpose: What is not sent yet
keys: [{ pattern: "draft:<n>", type: string, ttl: none, owner: api, purpose: p }]\nseed: [{ key: "draft:1", string: a }]\n`,
    );
    checkout.write("sql/orders/002_wide.sql", "ALTER TABLE orders ALTER COLUMN id TYPE numeric;\n");
    checkout.commit("wide");
    const review = await checkout.review();
    expect(review).toMatchObject({
      risk: "danger",
      stacks: [
        {
          migrations: [
            { system: "orders", file: "002_wide.sql", change: "added", locks: [{ mode: "ACCESS EXCLUSIVE", rewrites: true, line: 1 }] },
          ],
          keyspaces: expect.arrayContaining([
            expect.objectContaining({ system: "orders", keyspace: "drafts", change: "added", kind: "key", name: "draft:1" }),
          ]),
        },
      ],
    });
  });

  it("removes the compiled code of earlier versions", async () => {
    const compiled = path.join(checkout.cache, "slipway/preview/compiled");
    for (let old = 0; old < 20; old++) mkdirSync(path.join(compiled, `head-${old}`), { recursive: true });
    checkout.write("index.ts", larger);
    checkout.commit("larger");
    await checkout.review();
    // What was there before is reduced to twelve, and a preview adds one folder, or one for each side without a sandbox.
    expect(readdirSync(compiled).length).toBeLessThanOrEqual(14);
  });

  it("warns that deleting the file of a stack does not destroy its resources", async () => {
    checkout.write("Pulumi.test.yaml", "config: {}\n");
    checkout.git("rm", "--quiet", "Pulumi.prod.yaml");
    checkout.commit("another stack");
    const { stacks } = await checkout.review();
    expect(stacks).toMatchObject([
      { stack: "prod", risk: "care", resources: [], messages: [{ text: expect.stringMatching(/^The stack's file is deleted/) }] },
      { stack: "test", risk: "routine", resources: [{ change: "create", name: "orders" }] },
    ]);
  });

  it("reports that it needs a git repository", async () => {
    rmSync(path.join(checkout.directory, ".git"), { recursive: true });
    const { code, said } = await checkout.preview(["--base", "main"]);
    expect(said).toBe(`${checkout.directory} is not in a git repository, so there is no base to compare with. Set --cwd to a checkout.\n`);
    expect(code).toBe(2);
  });

  it("removes its checkouts when interrupted, and those of a killed preview", async () => {
    checkout.write("index.ts", programOf("for (;;);"));
    checkout.commit("never ends");
    const args = ["--base", "HEAD~1", "--timeout", "100"];
    for (const [signal, left] of [
      ["SIGKILL", 2],
      ["SIGINT", 0],
    ] as const) {
      const child = checkout.start(args);
      const closed = new Promise((resolve) => child.on("close", resolve));
      while (checkout.worktreesOf(child.pid!) < 2) await setTimeout(20);
      child.kill(signal);
      await closed;
      expect(checkout.worktrees(), signal).toHaveLength(left);
      if ((await findSandbox()) !== undefined) while (checkout.isRunning()) await setTimeout(20);
    }
  });
});
