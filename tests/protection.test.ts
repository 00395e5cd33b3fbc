import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { STEP } from "../catalog/step-types.ts";
import { GUARD } from "../components/names.ts";
import { findProject, type Plan, type PlannedResource, planStack } from "../engine/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const project = findProject(root);
const stacks = readdirSync(root).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);

/** Everything that Pulumi deletes before this resource. */
function dependentsOf(plan: Plan, { urn }: PlannedResource): readonly PlannedResource[] {
  const before = (resource: PlannedResource) => [
    ...resource.dependencies,
    ...Object.values(resource.propertyDependencies).flat(),
    ...[resource.parent, resource.options.provider, resource.options.deletedWith].filter((other) => other !== undefined),
  ];
  const found = new Set<PlannedResource>();
  const pending = [urn];
  for (const next of pending)
    for (const resource of plan.resources)
      if (!found.has(resource) && before(resource).includes(next)) {
        found.add(resource);
        pending.push(resource.urn);
      }
  return [...found];
}

const isProtected = ({ options }: PlannedResource) => options.protect === true;
/** Deleting it changes nothing at DigitalOcean, and an operator can switch it off in a protected stack. */
const isVerification = ({ type }: PlannedResource) => type === STEP.Verification;
const isKept = (plan: Plan) => (resource: PlannedResource) =>
  isProtected(resource) || isVerification(resource) || dependentsOf(plan, resource).some(isProtected);
const nameOf = ({ type, name }: PlannedResource) => `${type.split(":").at(-1)} ${name}`;

const modes = ["runner", "manual"].map((mode) => ({ "slipway:postDeploy": JSON.stringify({ mode }) }));

describe.each(stacks)("stack %s, protected", (stack) => {
  it.each(modes)("keeps every resource in a destroy, with %o", async (mode) => {
    const plan = await planStack(project, { stack, config: { "slipway:protect": "true", ...mode } });
    expect(plan.resources.filter((resource) => !isKept(plan)(resource)).map(nameOf)).toEqual([]);
  });

  it("leaves unprotected only what a guard depends on", async () => {
    const plan = await planStack(project, { stack, config: { "slipway:protect": "true" } });
    const guarded = new Set(plan.resources.filter(({ type }) => type === GUARD).flatMap(({ dependencies }) => dependencies));
    const unprotected = plan.resources.filter((resource) => !isProtected(resource) && !isVerification(resource));
    expect(unprotected.filter(({ urn }) => !guarded.has(urn)).map(nameOf)).toEqual([]);
  });
});

describe.each(stacks)("stack %s, unprotected", (stack) => {
  const unprotected = { "slipway:protect": "false", "slipway:postDeploy": JSON.stringify({ mode: "manual" }) };

  it("protects nothing", async () => {
    const plan = await planStack(project, { stack, config: unprotected });
    expect(plan.resources.filter(isProtected).map(nameOf)).toEqual([]);
  });

  it("keeps an adopted cluster with everything that leaves the state with it, and the network that it is in [F3]", async () => {
    const plan = await planStack(project, {
      stack,
      config: {
        ...unprotected,
        // A cluster that the products share is in one region.
        "slipway:candlefish": "{}",
        "slipway:postgres": JSON.stringify({
          layout: "shared",
          version: "15",
          size: "db-s-2vcpu-4gb",
          adopt: "9cc10173-e9ea-4176-9dbc-a4cee4c4ff30",
        }),
      },
    });
    const cluster = plan.resources.find(({ options }) => options.importId !== undefined && options.deletedWith === undefined)!;
    const inside = plan.resources.filter(({ options }) => options.deletedWith === cluster.urn);
    expect(inside.map(({ type }) => type.split(":").at(-1))).toEqual(
      expect.arrayContaining(["DatabaseFirewall", "DatabasePostgresqlConfig", "DatabaseDb", "DatabaseUser", "DatabaseConnectionPool"]),
    );
    const vpc = plan.resources.find(({ type }) => type.endsWith(":Vpc"))!;
    expect([vpc, cluster, ...inside].filter((resource) => !isKept(plan)(resource)).map(nameOf)).toEqual([]);
  });
});
