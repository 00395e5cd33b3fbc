import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { describeWithPulumi } from "../../tests/pulumi.ts";
import { reviewPair } from "../testing/sample-program.ts";
import { REPLACING } from "./replacements.ts";

const kinds = Object.entries(REPLACING);

describe("a replacement by the provider", () => {
  it.each(kinds)("of a %s is shown with the input that causes it", async (kind, inputs) => {
    const type = `digitalocean:index/${kind[0]!.toLowerCase()}${kind.slice(1)}:${kind}`;
    for (const input of inputs) {
      const { resources } = await reviewPair(type, { [input]: "before", other: "as it was" }, { [input]: "after", other: "as it was" });
      expect(resources).toMatchObject([{ change: "replace", fields: [{ path: input, replaces: true }] }]);
      expect(["danger", "care"]).toContain(resources[0]?.risk);
      expect(resources[0]?.note).toContain(`for ${input}`);
    }
    const { resources } = await reviewPair(type, { [inputs[0]!]: "same", tidy: "before" }, { [inputs[0]!]: "same", tidy: "after" });
    expect(resources[0]?.change).not.toBe("replace");
  });
});

describeWithPulumi("the provider's own schema", (pulumi) => {
  it("happens for the listed inputs only", () => {
    const { version } = createRequire(import.meta.url)("@pulumi/digitalocean/package.json") as { version: string };
    const text = execFileSync(pulumi, ["package", "get-schema", `digitalocean@${version}`], { maxBuffer: 2 ** 28, encoding: "utf8" });
    const schema = JSON.parse(text) as Schema;
    const replacing = Object.entries(schema.resources).map(([type, { inputProperties = {} }]) => [
      type.slice(type.lastIndexOf(":") + 1),
      Object.keys(inputProperties)
        .filter((input) => inputProperties[input]?.willReplaceOnChanges)
        .sort(),
    ]);
    expect(Object.fromEntries(replacing.filter(([, inputs]) => inputs!.length > 0))).toEqual(REPLACING);
  });
});

interface Schema {
  readonly resources: Readonly<
    Record<string, { readonly inputProperties?: Readonly<Record<string, { readonly willReplaceOnChanges?: boolean }>> }>
  >;
}
