import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { type Check, componentError, programError, throwIfProblems } from "./errors.ts";
import { recorded, refusal } from "./testing/recorded.ts";

class Thing extends pulumi.ComponentResource {
  constructor(name: string, checks: Check[]) {
    super("test:index:Thing", name);
    throwIfProblems(this, checks);
  }
}

const SIZE = { path: "size", given: '"big"', allowed: '"small"', fix: "Use a smaller one." };

describe("an error of a component's arguments", () => {
  it("is one sentence that names the component, without a stack trace", async () => {
    const text = await refusal(() => {
      new Thing("orders", [undefined, SIZE]);
    });
    expect(text).toBe('orders: size is "big". Allowed: "small". Use a smaller one.');
  });

  it("lists every problem", async () => {
    const text = await refusal(() => {
      new Thing("orders", [SIZE, undefined, { path: "nodes", problem: "it is missing" }]);
    });
    expect(text).toBe(
      'orders: 2 arguments cannot be used.\n  - size is "big". Allowed: "small". Use a smaller one.\n  - nodes: it is missing.',
    );
  });

  it("keeps its message where it is found in a value that other resources wait for", async () => {
    const text = await refusal(() => {
      const thing = new Thing("orders", []);
      const wrong = pulumi.output("open").apply((): string => {
        throw componentError(thing, "the firewall is open.");
      });
      new pulumi.ComponentResource("test:index:Thing", "reader", { deep: { down: [wrong] } });
      return { wrong };
    });
    expect(text).toBe("orders: the firewall is open.");
  });

  it("is attached to its component, so that Pulumi prints it there and hides the stack", async () => {
    await recorded(() => {
      const thing = new Thing("orders", []);
      const error = componentError(thing, "no.");
      expect(error.resource).toBe(thing);
      expect(error.hideStack).toBe(true);
      expect(error.stack).toBe("");
    });
  });

  it("keeps its message where no component is known: Pulumi prepends the inputs that an error passes through", () => {
    const error = programError("no.");
    error.message = `error serializing property "spec": ${error.message}`;
    expect(error.message).toBe("no.");
    expect(error.stack).toBe("");
    expect(pulumi.RunError.isInstance(error)).toBe(true);
  });
});
