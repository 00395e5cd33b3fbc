/** Each of these tests fails when a version of Pulumi's SDK changes an internal that sdk.ts relies on. */
import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { type Program, record } from "./record.ts";
import { inSession, pendingRegistrations, type Session, structOf } from "./sdk.ts";

const options = { project: "p", stack: "s", directory: import.meta.dirname };

const positionsOf = async (program: Program) => (await record(program, options)).resources.map(({ source }) => source);

async function secretsObserved(program: () => unknown): Promise<unknown[]> {
  const observed: unknown[] = [];
  await inSession({ ...session("one"), onSecret: (value) => observed.push(value) }, async () => {
    program();
    await new Promise((resolve) => setImmediate(resolve));
  });
  return observed;
}

function session(stack: string): Session {
  return {
    ...{ project: "p", stack, organization: "o", preview: false, config: { "p:key": stack }, secretKeys: [] },
    ...{ directory: "/", monitor: {}, engine: {}, onSecret: () => {} },
  };
}

it("keeps the settings and config of two overlapping sessions apart, and leaves none behind", async () => {
  const seen = await Promise.all(
    ["one", "two"].map((stack) =>
      inSession(session(stack), async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return [pulumi.getStack(), new pulumi.Config("p").get("key")];
      }),
    ),
  );
  expect(seen).toEqual([
    ["one", "one"],
    ["two", "two"],
  ]);
  expect(new pulumi.Config("p").get("key")).toBeUndefined();
});

it("lists the registrations that are still pending", async () => {
  await inSession(session("one"), async () => {
    const pending = pendingRegistrations();
    expect(pending()).toEqual([]);
  });
});

it("finds the source position in a named function, in an anonymous arrow function and at the top of an ES module", async () => {
  const declare = () => void new pulumi.ComponentResource("test:index:Group", "group");
  expect(await positionsOf(declare)).toEqual([{ file: "sdk.test.ts", line: expect.any(Number) }]);
  expect(await positionsOf(async () => void (await import("./fixtures/top-level.ts")))).toEqual([
    { file: "fixtures/top-level.ts", line: 4 },
  ]);
});

it("observes what pulumi.secret is given, and what is read from a secret output", async () => {
  expect(await secretsObserved(() => pulumi.secret({ key: "hush" }))).toEqual([{ key: "hush" }]);
  expect(await secretsObserved(() => pulumi.output("plain").apply((text) => text))).toEqual([]);
  const read = () =>
    pulumi
      .all([pulumi.secret("hush"), "plain"])
      .apply(([text, word]) => `${text}-${word}`)
      .apply((text) => text);
  expect(await secretsObserved(read)).toContain("hush-plain");
});

it("observes nothing outside of a session", async () => {
  const secret = pulumi.secret("hush");
  expect(await (secret as unknown as { promise(): Promise<string> }).promise()).toBe("hush");
});

it("makes messages that the SDK's own copy of protobuf reads", () => {
  const struct = structOf({ list: [1, { deep: "text" }], none: null }) as { toJavaScript(): object };
  expect(struct.toJavaScript()).toEqual({ list: [1, { deep: "text" }], none: null });
});

it("calls transforms back within their session", async () => {
  const plan = await record(
    function program() {
      pulumi.runtime.registerResourceTransform(({ props, opts }) => ({ props: { ...props, stack: pulumi.getStack() }, opts }));
      new pulumi.ComponentResource("test:index:Group", "group");
    },
    { ...options, stack: "transformed" },
  );
  expect(plan.resources[0]?.inputs).toEqual({ stack: "transformed" });
});
