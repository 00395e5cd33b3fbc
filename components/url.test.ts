import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { Secret } from "../engine/plan.ts";
import { recorded, refusal } from "./testing/recorded.ts";
import { postgresUrl, valkeyUrl } from "./url.ts";

const at = { address: "db.example:25060", user: "shop", password: pulumi.secret("p@ss/word") };
/** The first half of an emoji, as a careless cut leaves it. */
const HALF = "before \ud83d after";

it("encodes what a URL gives a meaning to, and is secret", async () => {
  const { outputs } = await recorded(() => ({ pg: postgresUrl(at, "shop"), kv: valkeyUrl(at, 2) }));
  expect(outputs).toEqual({
    pg: new Secret("postgresql://shop:p%40ss%2Fword@db.example:25060/shop?sslmode=verify-full"),
    kv: new Secret("rediss://shop:p%40ss%2Fword@db.example:25060/2"),
  });
});

it.each([
  ["password", () => valkeyUrl({ ...at, password: pulumi.secret(HALF) }, 0)],
  ["user", () => postgresUrl({ ...at, user: HALF }, "shop")],
  ["database's name", () => postgresUrl(at, HALF)],
])("refuses half of a character in a %s with a sentence, without showing it", async (what, url) => {
  const said = await refusal(() => ({ url: url() }));
  expect(said).toContain(`The ${what} for db.example:25060 holds half of a character (a lone surrogate, U+D800 to U+DFFF)`);
  expect(said).not.toMatch(/before|URIError|URI malformed/);
});
