/** Each way to connect, changed to each other one, as a plain value and as a secret: less protection is always a danger, and nothing else is. */
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { reviewSample, type SampleProgram } from "../testing/sample-program.ts";

const LEVELS = ["plain", "encrypted", "verified"] as const;

/** By variable, a value of each level. */
const WAYS: Readonly<Record<string, readonly [name: string, values: Partial<Record<(typeof LEVELS)[number], readonly string[]>>]>> = {
  "a URL of Postgres": [
    "DATABASE_URL",
    {
      plain: ["postgresql://u:p@db:25060/orders", "postgres://u:p@db/orders?sslmode=disable", "postgres://u:p@db/orders?sslmode=prefer"],
      encrypted: ["postgresql://u:p@db:25060/orders?sslmode=require", "postgres://u:p@db/orders?sslmode=no-verify"],
      verified: ["postgresql://u:p@db:25060/orders?sslmode=verify-full", "postgres://u:p@db/orders?a=b&sslmode=verify-ca"],
    },
  ],
  "a connection string of libpq": [
    "DB_DSN",
    {
      plain: ["host=db user=u sslmode=disable"],
      encrypted: ["host=db user=u sslmode=require"],
      verified: ["host=db user=u sslmode=verify-full"],
    },
  ],
  "a URL of Valkey": ["CACHE_URL", { plain: ["redis://u:p@cache:25061"], verified: ["rediss://u:p@cache:25061"] }],
  "a URL of a service": ["HOOK_URL", { plain: ["http://hooks.acme.dev/x"], verified: ["https://hooks.acme.dev/x"] }],
  "a mode": ["PGSSLMODE", { plain: ["prefer"], encrypted: ["require"], verified: ["verify-full"] }],
  "a switch of Node": ["NODE_TLS_REJECT_UNAUTHORIZED", { encrypted: ["0"], verified: ["1"] }],
  "a switch of a client": ["DB_SSL", { plain: ["false", "0", "off"], verified: ["true"] }],
};

const withVariable =
  (key: string, value: string | undefined, isSecret: boolean) =>
  (sample: SampleProgram): void => {
    const { envs } = sample;
    const variable = {
      key,
      value: isSecret ? pulumi.secret(value ?? "") : (value ?? ""),
      scope: "RUN_TIME",
      ...(isSecret && { type: "SECRET" }),
    };
    sample.envs = (made) => (value === undefined ? envs(made) : [...envs(made).filter((one) => one.key !== key), variable]);
  };

const cases = Object.entries(WAYS).flatMap(([title, [name, values]]) => {
  const all = LEVELS.flatMap((level) => (values[level] ?? []).map((value) => ({ level, value })));
  return all.flatMap((before) => all.filter((after) => after.value !== before.value).map((after) => [title, name, before, after] as const));
});

describe.each([
  ["in plain text", false],
  ["as a secret", true],
])("a connection %s", (_, isSecret) => {
  it.each(cases)("through %s (%s) from %j to %j", async (_, name, before, after) => {
    // A switch is not an address, and no secret.
    if (isSecret && !/URL|DSN/.test(name)) return;
    const { resources } = await reviewSample(withVariable(name, before.value, isSecret), withVariable(name, after.value, isSecret));
    const { risk, note } = resources.find((one) => one.name === "orders-app")!;
    const isWeaker = LEVELS.indexOf(after.level) < LEVELS.indexOf(before.level);
    expect([risk === "danger", note?.includes(`${name} connects`) ?? false]).toEqual([isWeaker, isWeaker]);
    expect(note ?? "").not.toContain("u:p");
  });
});

describe("a switch that is added", () => {
  it.each([
    ["NODE_TLS_REJECT_UNAUTHORIZED", "0", "danger"],
    ["PGSSLMODE", "disable", "danger"],
    ["DB_SSL", "false", "danger"],
    ["GRPC_SSL_VERIFY", "false", "danger"],
    ["SKIP_TLS_VERIFY", "true", "danger"],
    ["NODE_TLS_REJECT_UNAUTHORIZED", "1", "routine"],
    ["PGSSLMODE", "verify-full", "routine"],
    ["FEATURE_FLAG", "false", "routine"],
    ["SSLOTH", "0", "routine"],
  ])("%s=%s is %s", async (name, value, risk) => {
    const { resources } = await reviewSample(() => {}, withVariable(name, value, false));
    expect(resources.find((one) => one.name === "orders-app")).toMatchObject({ risk });
  });
});
