/**
 * Everything that a deployment would send, as text: each resource of the committed stacks with its inputs, options and order. A changed plan shows in a
 * review as a changed line of a file in this folder. Of all but the first, a file lists the differences from another one.
 */
import { describe, expect, it } from "vitest";
import { Asset, type Plan, type PlannedResource, Reference, Secret, Unknown } from "../../engine/plan.ts";
import { systems } from "../../systems/index.ts";
import { readExpected } from "../expected.ts";
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
    { postDeploy: { mode: "job", image: "ghcr.io/acme/slipway:1.0.0" }, allowedSources: [], candlefish: { features: [] } },
  ],
  "run by hand, unprotected, without backups": [
    "staging",
    { postDeploy: { mode: "manual" }, protect: "false", allowedSources: [], backups: { enabled: false }, fluxstudio: {} },
  ],
  "with adopted clusters and an existing network": [
    "local",
    {
      vpc: `${ID}0`,
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

type Texts = Readonly<Record<string, string>>;

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

/** By type and name, in the order of registration; last the stack's outputs. */
function textsOf(plan: Plan): Readonly<Record<string, string>> {
  const resources = plan.resources.map((resource) => [titleOf(resource.urn), describeResource(resource, plan)] as const);
  return Object.fromEntries([...resources, ["outputs of the stack", linesOf(plan.outputs, "").join("\n")]]);
}

function describeResource(resource: PlannedResource, plan: Plan): string {
  const { parent, inputs, options, outputs, id } = resource;
  const { deletedWith, aliases = [], provider, version: _, ...more } = options;
  return [
    ...(parent === undefined ? [] : [`in ${titleOf(parent)}`]),
    ...directlyAfter(resource, plan).map((urn) => `after ${titleOf(urn)}`),
    ...(id === undefined ? [] : [`reads ${id}`]),
    ...(deletedWith === undefined ? [] : [`deleted with ${titleOf(deletedWith)}`]),
    ...(provider === undefined ? [] : [`provider ${titleOf(provider)}`]),
    ...aliases.map((alias) => `was ${alias}`),
    ...linesOf(more, "option "),
    ...linesOf(inputs, ""),
    ...(outputs === undefined ? [] : linesOf(outputs, "output ")),
  ].join("\n");
}

const titleOf = (urn: string) => `${urn.split("::")[2]?.split(/[$:]/).at(-1)} ${urn.split("::")[3]}`;

/** Without those that another dependency or the parent waits for. */
function directlyAfter({ dependencies, parent }: PlannedResource, plan: Plan): readonly string[] {
  const before = (urn: string, found = new Set<string>()): Set<string> => {
    for (const next of plan.resources.find((one) => one.urn === urn)?.dependencies ?? [])
      if (!found.has(next)) before(next, found.add(next));
    return found;
  };
  const implied = new Set([...dependencies, ...(parent === undefined ? [] : [parent])].flatMap((urn) => [...before(urn)]));
  return dependencies.filter((urn) => !implied.has(urn));
}

/** A line for each value, and for each object of single values. */
function linesOf(value: unknown, path: string): readonly string[] {
  if (value === undefined) return [];
  const isLine = isPlainObject(value) && path !== "" && !path.endsWith(" ") && Object.values(value).every(isSingle);
  if (isSingle(value) || isLine) return [`${path}: ${format(value)}`];
  return Object.entries(value as object).flatMap(([key, inner]) => linesOf(inner, join(path, key, inner)));
}

function join(path: string, key: string, value: unknown): string {
  if (!/^\d+$/.test(key)) return path === "" || path.endsWith(" ") ? `${path}${key}` : `${path}.${key}`;
  const { name, key: variable } = (isPlainObject(value) ? value : {}) as { name?: unknown; key?: unknown };
  return `${path}[${typeof variable === "string" ? variable : typeof name === "string" ? name : ""}]`;
}

const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype && Object.keys(value).length > 0;

/** A mark, a text, a number, and what is empty. */
const isSingle = (value: unknown): boolean =>
  typeof value !== "object" || value === null || isMark(value) || Object.keys(value).length === 0;

const isMark = (value: unknown) =>
  value instanceof Secret || value instanceof Unknown || value instanceof Reference || value instanceof Asset;

/** Digests follow the files that they are of. */
function format(value: unknown): string {
  const mark = (one: unknown): unknown => {
    if (one instanceof Secret) return `secret ${format(one.value)}`;
    if (one instanceof Unknown) return "unknown";
    if (one instanceof Reference) return `reference to ${titleOf(one.urn)}`;
    if (one instanceof Asset) return `${one.kind} ${one.text ?? ""}`;
    if (Array.isArray(one)) return one.map(mark);
    return isPlainObject(one) ? Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, mark(inner)])) : one;
  };
  return JSON.stringify(mark(value)).replaceAll(/\b[0-9a-f]{16,64}\b/g, "<digest>");
}
