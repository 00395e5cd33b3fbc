import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { mask, maskValue, stableJson } from "./mask.ts";
import { Asset, type Plan, type PlannedResource, Reference, Secret, Unknown } from "./plan.ts";
import { record } from "./record.ts";

function planWith(changes: Partial<Plan>): Plan {
  return {
    project: "p",
    stack: "s",
    resources: [],
    outputs: {},
    placeholders: [],
    messages: [],
    secretConfig: {},
    secrets: [],
    ...changes,
  };
}

function resourceWith(name: string, changes: Partial<PlannedResource>): PlannedResource {
  const rest = { type: "t:i:T", custom: true, read: false, inputs: {}, dependencies: [], propertyDependencies: {}, options: {} };
  return { ...rest, urn: `urn:pulumi:s::p::t:i:T::${name}`, name, ...changes };
}

describe("values", () => {
  it("shows marks for secret and unknown values, and the targets of references", () => {
    expect(
      maskValue({
        list: [new Secret({ deep: "hush" }), "plain", new Secret(new Unknown())],
        unknown: new Unknown(),
        other: new Reference("urn:x"),
        file: new Asset("archive", "0123456789abcdef"),
      }),
    ).toEqual({
      list: ["[secret]", "plain", "[secret]"],
      unknown: "[unknown]",
      other: { reference: "urn:x" },
      file: "[archive 0123456789ab]",
    });
  });

  it("shows a program text as a hash, so that only a change is visible", () => {
    const show = (text: string) =>
      mask(planWith({ resources: [resourceWith("step", { inputs: { __provider: text } })] })).resources[0]?.inputs;
    expect(show("exports.handler = one")).toEqual({ __provider: expect.stringMatching(/^\[code [0-9a-f]{12}\]$/) });
    expect(show("exports.handler = one")).not.toEqual(show("exports.handler = two"));
    expect(
      mask(planWith({ resources: [resourceWith("step", { inputs: { __provider: new Secret("exports.handler = one") } })] })),
    ).toMatchObject({
      resources: [{ inputs: show("exports.handler = one") }],
    });
  });
});

describe("repeated secrets", () => {
  const leaked = "s3cr3t/p@ss";
  const everywhere = planWith({
    resources: [
      resourceWith(`db-${leaked}`, {
        inputs: { kept: new Secret({ list: [leaked] }), address: `postgres://u:${encodeURIComponent(leaked)}@h`, [leaked]: true },
        options: { ignoreChanges: [leaked] },
        outputs: { basic: Buffer.from(leaked).toString("base64") },
      }),
    ],
    outputs: { plain: leaked },
    placeholders: [leaked],
    messages: [{ severity: "info", text: `connecting with "${leaked}"`, urn: `urn::${leaked}` }],
  });

  it("masks a secret in names, addresses, keys, options and messages, and in base64", () => {
    const text = stableJson(mask(everywhere));
    for (const form of [leaked, encodeURIComponent(leaked), Buffer.from(leaked).toString("base64")]) expect(text).not.toContain(form);
    expect(mask(everywhere).messages[0]?.text).toBe('connecting with "[secret]"');
  });

  it("masks secret config values that the program uses without their mark", async () => {
    const plan = await record(() => ({ lost: `token=${new pulumi.Config().require("token")}` }), {
      project: "p",
      stack: "s",
      config: { "p:token": "hush-hush" },
      secretKeys: ["p:token"],
    });
    expect(mask(plan).outputs).toEqual({ lost: "token=[secret]" });
    expect(mask(plan)).not.toHaveProperty("secretConfig");
  });
});

describe("several texts", () => {
  it("are masked separately", () => {
    const outputs = { a: "x hush-hush", b: "hush-hush y", c: ["hush", "-hush"], d: "hush-", e: 1 };
    expect(mask(planWith({ outputs, secrets: ["hush-hush"] })).outputs).toEqual({
      a: "x [secret]",
      b: "[secret] y",
      c: ["hush", "-hush"],
      d: "hush-",
      e: 1,
    });
  });

  it("stay separate when one starts like a private key and never ends", () => {
    const outputs = { a: "-----BEGIN PRIVATE KEY-----\nMIIE", b: "plain", c: "hush-hush" };
    expect(mask(planWith({ outputs, secrets: ["hush-hush"] })).outputs).toEqual({ a: "[secret]", b: "plain", c: "[secret]" });
  });

  it("are not confused with the marks of values, whatever a secret contains", () => {
    const outputs = { a: new Secret("secret"), b: new Unknown(), c: "the secret" };
    expect(mask(planWith({ outputs })).outputs).toEqual({ a: "[secret]", b: "[unknown]", c: "the [secret]" });
  });
});

describe("output", () => {
  it("sorts resources by dependency, then by name", () => {
    const urn = (name: string) => resourceWith(name, {}).urn;
    const plan = planWith({
      resources: [
        resourceWith("c", { dependencies: [urn("z")] }),
        resourceWith("b", {}),
        resourceWith("z", { custom: false }),
        resourceWith("a", { parent: urn("c") }),
      ],
    });
    expect(mask(plan).resources.map(({ name }) => name)).toEqual(["b", "z", "c", "a"]);
  });

  it("has the same bytes for the same plan, whatever the timing", async () => {
    const shuffled = () =>
      record(
        async function program() {
          const make = async (name: string) => {
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
            new pulumi.ComponentResource("test:index:Group", name, { b: 1, a: pulumi.secret("hush-hush") });
            pulumi.log.info(`made ${name}`);
          };
          await Promise.all(["one", "two", "three", "four"].map(make));
          return { z: 1, a: 2 };
        },
        { project: "p", stack: "s" },
      );
    const texts = await Promise.all([shuffled(), shuffled(), shuffled()].map(async (plan) => stableJson(mask(await plan))));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toMatch(/"a": 2,\n\s+"z": 1/);
  });
});
