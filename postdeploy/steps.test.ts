import { describe, expect, it } from "vitest";
import { step } from "./steps.ts";

const url = "postgresql://owner:s3cret@host:25060/shop";
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const migrations = (files: readonly string[], more = {}) => ({
  system: "shop",
  folder: "sql/shop",
  digest: files.join(),
  files,
  owner: "owner",
  url,
  ca: "pem",
  ...more,
});

const pendingOf = async (olds: object, news: object) =>
  ((await step("Migrations", "check", olds, news)) as { inputs: { pending: string } }).inputs.pending;

describe("a migrations step", () => {
  it("shows pending forward files in a preview", async () => {
    expect(await pendingOf({}, migrations(["001_a.sql 1", "001_a.down.sql 2"]))).toBe("1 migration pending: 001_a.sql");
    expect(await pendingOf(migrations(["001_a.sql 1"]), migrations(["001_a.sql 1", "002_b.sql 3", "003_c.sql 4"]))).toBe(
      "2 migrations pending: 002_b.sql, 003_c.sql",
    );
    expect(await pendingOf(migrations(["001_a.sql 1"]), migrations(["001_a.sql 1"]))).toBe("nothing");
  });

  it("names a file that was edited after it was applied", async () => {
    expect(await pendingOf(migrations(["001_a.sql 1"]), migrations(["001_a.sql 9"]))).toBe(
      "1 migration pending: 001_a.sql (edited since they were applied: 001_a.sql)",
    );
  });

  async function differs(changed: object): Promise<boolean> {
    const before = migrations(["001_a.sql 1"]);
    const { createHash } = await import("node:crypto");
    const { identity } = await import("./migrate/step.ts");
    const outs = {
      identity: createHash("sha256")
        .update(JSON.stringify(identity(before)))
        .digest("hex"),
    };
    return ((await step("Migrations", "diff", "id", outs, { ...before, ...changed })) as { changes: boolean }).changes;
  }

  it("runs again for other files or another server, but not for another password", async () => {
    expect(await differs({})).toBe(false);
    expect(await differs({ url: url.replace("s3cret", "rotated") })).toBe(false);
    expect(await differs({ url: url.replace("host", "other") })).toBe(true);
    expect(await differs({ digest: "other" })).toBe(true);
  });

  it("runs again if the server is unknown before the update", async () => {
    expect(await differs({ url: UNKNOWN })).toBe(true);
  });

  it("is unchanged by a refresh", async () => {
    const props = migrations(["001_a.sql 1"]);
    expect(await step("Migrations", "read", "shop/migrations", props)).toEqual({ id: "shop/migrations", props });
  });

  it("drops nothing when it is deleted", async () => {
    expect(await step("Migrations", "delete", "id", migrations(["001_a.sql 1"]))).toBeUndefined();
  });
});

describe("a roles step", () => {
  const inputs = (more = {}) => ({
    ...{ system: "shop", database: "shop", schemas: ["public"], extensions: [], statementTimeoutSeconds: 30, ca: "pem" },
    ...{ url: "postgresql://doadmin:s3cret@host:25060/shop", roles: { owner: "shop_owner", runtime: "shop" }, users: "credentials" },
    ...more,
  });

  async function differs(changed: object, stored: object = {}): Promise<boolean> {
    const { createHash } = await import("node:crypto");
    const { identity } = await import("./roles/step.ts");
    const text = JSON.stringify(identity(inputs()));
    const outs = { ...inputs(), ...stored, identity: createHash("sha256").update(text).digest("hex") };
    return ((await step("Roles", "diff", "id", outs, inputs(changed))) as { changes: boolean }).changes;
  }

  it("runs again for a role that was created again, but not for another password of the administrator", async () => {
    expect(await differs({})).toBe(false);
    expect(await differs({ url: "postgresql://doadmin:rotated@host:25060/shop" })).toBe(false);
    expect(await differs({ users: "other credentials" })).toBe(true);
    expect(await differs({ users: UNKNOWN })).toBe(true);
  });

  it("runs once for a state that has no credentials yet", async () => {
    expect(await differs({}, { users: undefined })).toBe(true);
    expect(await differs({ users: undefined }, { users: undefined })).toBe(false);
  });

  it("shows in a preview that it grants privileges again", async () => {
    const check = async (news: object) =>
      ((await step("Roles", "check", inputs(), news)) as { inputs: { pending: string } }).inputs.pending;
    expect(await check(inputs())).toBe("nothing");
    expect(await check(inputs({ users: UNKNOWN }))).toBe("rights of shop_owner, shop in shop");
  });
});

it("rejects an unknown step, with the known ones", async () => {
  await expect(step("Seeds", "check", {}, {})).rejects.toThrow(
    'Unknown post-deploy step "Seeds". Known steps: Roles, Migrations, Keyspaces.',
  );
});
