/**
 * Everything that a deployment would send, as text: each resource of the committed stacks with its inputs, options and order. A changed plan shows in a
 * review as a changed line of a file in this folder. Of all but the first, a file lists the differences from another one.
 */
import { describe, expect, it } from "vitest";
import { systems } from "../../systems/index.ts";
import { readExpected } from "../expected.ts";
import { type Texts, textsOf } from "../plan-text.ts";
import { planOf } from "../requirements/planned.ts";

const ID = "49f4dc39-3d91-4bce-aa7a-7784c8e32a6";
const featuresOf = (name: string) => Object.keys(systems.find((system) => system.name === name)!.features);

const VARIANTS: Readonly<Record<string, readonly [stack: string, config: Readonly<Record<string, unknown>>]>> = {
  "with every feature, read replicas and a fixed disk": [
    "prod",
    {
      fluxstudio: {
        features: featuresOf("fluxstudio"),
        postgres: { replicas: [{ name: "read", region: "sfo3" }], autoscale: { enabled: false }, storage: "100 GiB" },
      },
      devx: { features: featuresOf("devx"), domains: { devx: "devx.acme.dev" }, repos: { api: { repo: "acme/devx", branch: "next" } } },
      candlefish: { features: featuresOf("candlefish"), region: "sfo3", sizes: { paintbox: { instances: 2, size: "apps-d-1vcpu-1gb" } } },
    },
  ],
  "with a job in place of the runner": [
    "prod",
    {
      postDeploy: { mode: "job", image: "ghcr.io/acme/slipway:1.0.0" },
      backups: { bucketPrefix: "slipway-prod", recipients: [`age1${"q".repeat(58)}`], maxAgeHours: 4 },
      allowedSources: [],
      candlefish: { features: [] },
      fluxstudio: { phase: "P2" },
    },
  ],
  "with a worker that makes backups": [
    "prod",
    {
      backups: {
        bucketPrefix: "slipway-prod",
        recipients: [`age1${"q".repeat(58)}`, `age1${"p".repeat(58)}`],
        image: "ghcr.io/acme/slipway:1.0.0",
      },
    },
  ],
  "run by hand, unprotected, without backups": [
    "staging",
    { postDeploy: { mode: "manual" }, protect: "false", allowedSources: [], backups: { enabled: false }, fluxstudio: { phase: "P3" } },
  ],
  "with adopted clusters and an existing network": [
    "local",
    {
      vpc: `${ID}0`,
      fluxstudio: { phase: "P0", features: ["uploads"] },
      protect: "true",
      postgres: {
        layout: "shared",
        version: "15",
        adopt: `${ID}1`,
        adoptOnly: { databases: ["fluxstudio"], users: ["fluxstudio_user"] },
      },
      valkey: { sharing: "shared", layout: "split", state: { adopt: `${ID}2` }, cache: { adopt: `${ID}3` } },
    },
  ],
};

const USUAL: Readonly<Record<string, string | undefined>> = { prod: undefined, staging: "prod", local: "staging" };

describe("the plan", () => {
  it.each(Object.entries(USUAL))("of stack %s requests what the file of its name lists", async (stack, other) => {
    const texts = textsOf(await planOf(stack));
    expectFile(stack, other === undefined ? texts : changesOf(textsOf(await planOf(other)), texts));
  });

  it.each(Object.entries(VARIANTS))("of a stack %s differs as the file of this name lists", async (title, [stack, config]) => {
    expectFile(title.replaceAll(/\W+/g, "-"), changesOf(textsOf(await planOf(stack)), textsOf(await planOf(stack, config))));
  });
});

function expectFile(name: string, texts: Texts): void {
  expect(texts).toEqual(readExpected(new URL(`${name}.txt`, import.meta.url), texts));
}

/** The resources that differ from those of another plan, with the lines that differ. */
function changesOf(usual: Texts, texts: Texts): Texts {
  const changed = Object.entries(texts).flatMap(([title, text]) => {
    const [before, after] = [usual[title]?.split("\n") ?? [], text.split("\n")];
    const lines = [
      ...after.filter((line) => !before.includes(line)),
      ...before.filter((line) => !after.includes(line)).map((line) => `not ${line}`),
    ];
    return lines.length === 0 ? [] : [[title, lines.join("\n")] as const];
  });
  const gone = Object.keys(usual).filter((title) => !Object.hasOwn(texts, title));
  return Object.fromEntries([...changed, ...gone.map((title) => [title, "not a resource of this stack"] as const)]);
}
