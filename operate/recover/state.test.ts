import { describe, expect, it } from "vitest";
import { parseState } from "./state.ts";

const identity = { project: "shop", stack: "qa" };
const exported = (deployment: unknown) => JSON.stringify({ version: 3, deployment });
const resource = (name: string, more: object = {}) => ({
  urn: `urn:pulumi:qa::shop::t:m:T::${name}`,
  type: "t:m:T",
  custom: true,
  id: name,
  ...more,
});

describe("an exported state", () => {
  it("lists resources and pending operations, and separately what a replacement left to be deleted", () => {
    const text = exported({
      resources: [
        resource("a", { outputs: { name: "a" }, protect: true, initErrors: ["429"] }),
        resource("a", { delete: true, id: "old" }),
      ],
      pending_operations: [{ resource: resource("b"), type: "creating" }],
    });
    expect(parseState(text, identity, "state.json")).toEqual({
      resources: [
        {
          urn: "urn:pulumi:qa::shop::t:m:T::a",
          type: "t:m:T",
          id: "a",
          custom: true,
          protect: true,
          incomplete: true,
          outputs: { name: "a" },
        },
      ],
      deleting: [expect.objectContaining({ urn: "urn:pulumi:qa::shop::t:m:T::a", id: "old" })],
      pending: [{ urn: "urn:pulumi:qa::shop::t:m:T::b", operation: "creating" }],
    });
  });

  it("names the provider of a resource unless it is the default one", () => {
    const host = "urn:pulumi:qa::shop::pulumi:providers:digitalocean::";
    const text = exported({
      resources: [
        resource("a", { provider: `${host}default_4_80_1::04da6b54-80e4-46f7-96ec-b56ff0331ba9` }),
        resource("b", { provider: `${host}default::04da6b54` }),
        resource("c", { provider: `${host}archive::04da6b54` }),
      ],
    });
    expect(parseState(text, identity, "state.json").resources.map(({ provider }) => provider)).toEqual([
      undefined,
      undefined,
      `${host}archive`,
    ]);
  });

  it("may be empty, as before the first up", () => {
    expect(parseState(exported(null), identity, "state.json")).toEqual({ resources: [], deleting: [], pending: [] });
    expect(parseState(exported({ manifest: {} }), identity, "state.json")).toEqual({ resources: [], deleting: [], pending: [] });
  });

  it("of another project or stack is refused", () => {
    const text = exported({ resources: [{ ...resource("a"), urn: "urn:pulumi:prod::blog::t:m:T::a" }] });
    expect(() => parseState(text, { ...identity, flags: "-s acme/qa --cwd ../shop" }, "state.json")).toThrow(
      "state.json is the state of stack prod of project blog, not of stack qa of project shop. Export the right one: pulumi stack export -s acme/qa --cwd ../shop > state.json",
    );
  });

  it.each(["", "{", "[]", '{"resources":[]}', '{"version":3,"deployment":"secret-text"}'])(
    "is refused if it is %s, without its text",
    (text) => {
      expect(() => parseState(text, identity, "state.json")).toThrow(
        /^state\.json is not a state that `pulumi stack export` wrote\. Write one: pulumi stack export --file state\.json$/,
      );
    },
  );
});
