import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { mistake, mistakeIn, refuse } from "./mistake.ts";
import { recorded, refusal } from "./recorded.ts";

class Thing extends pulumi.ComponentResource {
  constructor(name: string, problems: (string | undefined)[]) {
    super("test:index:Thing", name);
    refuse(this, problems);
  }
}

describe("a mistake in a component's arguments", () => {
  it("is one sentence that names the component, without a stack trace", async () => {
    const text = await refusal(() => {
      new Thing("orders", [undefined, 'size is "big". Allowed: "small".']);
    });
    expect(text).toBe('orders: size is "big". Allowed: "small".');
  });

  it("is told together with all the others", async () => {
    const text = await refusal(() => {
      new Thing("orders", ["a is 1.", undefined, "b is 2."]);
    });
    expect(text).toBe("orders: 2 arguments cannot be used.\n  - a is 1.\n  - b is 2.");
  });

  it("stays the same sentence wherever it surfaces, when it is found in a value that others wait for", async () => {
    const text = await refusal(() => {
      const thing = new Thing("orders", []);
      const wrong = pulumi.output("open").apply((): string => {
        throw mistake(thing, "the door is open.");
      });
      new pulumi.ComponentResource("test:index:Thing", "reader", { deep: { down: [wrong] } });
      return { wrong };
    });
    expect(text).toBe("orders: the door is open.");
  });

  it("is attached to its component, so that Pulumi prints it there and hides the stack", async () => {
    await recorded(() => {
      const thing = new Thing("orders", []);
      const error = mistake(thing, "no.");
      expect(error.resource).toBe(thing);
      expect(error.hideStack).toBe(true);
      expect(error.stack).toBe("");
    });
  });

  it("stays as it was written where no component is at hand, too: Pulumi writes the way of an error through its inputs into the message", () => {
    const error = mistakeIn("no.");
    error.message = `error serializing property "spec": ${error.message}`;
    expect(error.message).toBe("no.");
    expect(error.stack).toBe("");
    expect(pulumi.RunError.isInstance(error)).toBe(true);
  });
});
