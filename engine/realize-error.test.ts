import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { toyProvider, toyState } from "./realize.testing.ts";
import { realize } from "./realize.ts";

class Box extends pulumi.CustomResource {
  declare readonly label: pulumi.Output<string>;
  constructor(name: string, args: Record<string, unknown> = {}) {
    super("toy:index:Box", name, { name, label: undefined, ...args });
  }
}

it.each([
  ["an error in an Output", "the door is open"],
  ["a failed resource", 'Box "first": create first was refused'],
])("reports the error of %s once, however many resources depend on it", async (_, text) => {
  const toy = toyProvider();
  if (text.startsWith("Box")) toy.failAt("create first");
  const program = () => {
    const first = new Box("first");
    const wrong = first.label.apply((): string => {
      throw new pulumi.RunError("the door is open");
    });
    const second = new Box("second", { deep: { down: [wrong] } });
    const third = new Box("third", { one: second.label, other: { wrong } });
    return { wrong, deep: [second.label, third.label] };
  };
  await expect(realize(program, { project: "p", stack: "s", state: toyState(), provider: toy.provider })).rejects.toMatchObject({
    message: text,
  });
});
