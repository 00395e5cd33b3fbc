import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Secret, Unknown } from "../engine/plan.ts";
import { Secrets, type SecretsArgs } from "./secrets.ts";
import { find, listed, MOMENTS, recorded, refusal } from "./testing/recorded.ts";

const ARGS: SecretsArgs = {
  generated: { jwt: { length: 48 }, session: { length: 32 } },
  operator: { stripe: "sk_live_1" },
  rotated: "2026-11-01",
};

const make = (args: SecretsArgs) => () => void new Secrets("shop", args);

describe.each(MOMENTS)("secrets, %s", (moment) => {
  it("that are generated are kept by a protected guard, because a rotation replaces them", async () => {
    const { plan } = await recorded(() => new Secrets("shop", ARGS, { protect: true }), moment);
    const guard = find(plan, "Guard shop-guard");
    expect(guard.options.protect).toBe(true);
    for (const name of ["jwt", "session"]) {
      const generated = find(plan, `RandomPassword shop-generated-${name}`);
      expect(generated.options.protect ?? false).toBe(false);
      expect(guard.dependencies).toContain(generated.urn);
    }
  });

  it("that are generated need no typing and no quoting, and change with the day of rotation", async () => {
    const { plan } = await recorded(make(ARGS), moment);
    expect(listed(plan)).toEqual([
      "Secrets shop",
      "RandomPassword shop-generated-jwt",
      "RandomPassword shop-generated-session",
      "Guard shop-guard",
    ]);
    expect(find(plan, "RandomPassword shop-generated-jwt").inputs).toEqual({
      length: 48,
      special: false,
      keepers: { rotated: "2026-11-01" },
    });
  });

  it("are secret wherever they come from", async () => {
    const { outputs } = await recorded(() => {
      const shop = new Secrets("shop", ARGS);
      return { jwt: shop.value("jwt"), stripe: shop.value("stripe"), names: shop.names };
    }, moment);
    expect(outputs).toEqual({
      jwt: new Secret(moment === "after an up" ? "x".repeat(48) : new Unknown()),
      stripe: new Secret("sk_live_1"),
      names: ["jwt", "session", "stripe"],
    });
  });

  it("of an operator never reach an input", async () => {
    const { plan } = await recorded(make(ARGS), moment);
    expect(JSON.stringify(plan.resources)).not.toContain("sk_live_1");
  });
});

describe("secrets", () => {
  it("that were never rotated say so", async () => {
    const { plan } = await recorded(make({ generated: { jwt: { length: 32 } } }));
    expect(find(plan, "RandomPassword shop-generated-jwt").inputs.keepers).toEqual({ rotated: "never" });
  });

  it("may be made of other characters by a transform", async () => {
    const { plan } = await recorded(make({ ...ARGS, transform: { generated: { upper: false } } }));
    expect(find(plan, "RandomPassword shop-generated-session").inputs).toMatchObject({ upper: false, special: false, length: 32 });
  });

  it("that are not declared are refused by name, with those that are", async () => {
    const text = await refusal(() => void new Secrets("shop", ARGS).value("jwtt"));
    expect(text).toBe('shop: secret "jwtt" is not declared. Declared: jwt, session, stripe.');
  });

  it.each([
    ["shorter than 32 characters", { generated: { jwt: { length: 31 } } }, "generated.jwt.length is 31. Allowed: 32 characters or more."],
    ["with half a character", { generated: { jwt: { length: 32.5 } } }, "generated.jwt.length is 32.5."],
    [
      "both generated and typed",
      { operator: { jwt: "typed" } },
      "generated.jwt: operator has a secret of this name too. Keep one of them.",
    ],
    ["rotated on no day", { rotated: "last week" }, 'rotated is "last week". Allowed: a day, such as "2026-11-01", or "never".'],
    ["rotated in a thirteenth month", { rotated: "2026-13-01" }, 'rotated is "2026-13-01".'],
  ])("are refused when %s", async (_, args, text) => {
    expect(await refusal(make({ ...ARGS, ...args }))).toContain(`shop: ${text}`);
  });

  it.each([
    ["plain", ""],
    ["known later", pulumi.secret("")],
  ])("that an operator left empty are refused by name, %s", async (_, value) => {
    const text = await refusal(() => ({ stripe: new Secrets("shop", { operator: { stripe: value } }).value("stripe") }));
    expect(text).toBe("shop: operator.stripe is empty. Set it with `pulumi config set --secret`.");
  });

  it("are never repeated in an error", async () => {
    expect(await refusal(make({ ...ARGS, operator: { jwt: "sk_live_2" } }))).not.toContain("sk_live_2");
  });
});
