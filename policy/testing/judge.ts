/** Runs the pack on a recorded plan as the engine does: with the SDK's server functions and wire format, including proxies for unknown values. */
import { createRequire } from "node:module";
import type { Policies } from "@pulumi/policy";
import type { Plan, PlannedResource } from "../../engine/plan.ts";
import { encodeProperties } from "../../engine/wire.ts";

const load = createRequire(import.meta.url);
const { makeAnalyzeRpcFun, makeAnalyzeStackRpcFun } = load("@pulumi/policy/server.js");
const proto = load("@pulumi/pulumi/proto/analyzer_pb.js");
const { Struct } = load("google-protobuf/google/protobuf/struct_pb.js");

export interface Violation {
  readonly policy: string;
  readonly level: "advisory" | "mandatory";
  readonly message: string;
  readonly name: string;
}

export async function judge(plan: Pick<Plan, "resources">, policies: Policies): Promise<readonly Violation[]> {
  const custom = plan.resources.filter((resource) => resource.custom && !resource.read);
  const each = await Promise.all(
    custom.map(async (resource) => {
      const request = new proto.AnalyzeRequest();
      fill(request, resource);
      return (await answer(makeAnalyzeRpcFun("slipway", "0.1.0", "advisory", policies), request)).map(violationOf(resource.name));
    }),
  );
  const request = new proto.AnalyzeStackRequest();
  request.setResourcesList(
    custom.map((resource) => {
      const analyzed = new proto.AnalyzerResource();
      fill(analyzed, resource);
      analyzed.setDependenciesList(resource.dependencies);
      for (const [property, urns] of Object.entries(resource.propertyDependencies)) {
        const dependencies = new proto.AnalyzerPropertyDependencies();
        dependencies.setUrnsList(urns);
        analyzed.getPropertydependenciesMap().set(property, dependencies);
      }
      return analyzed;
    }),
  );
  const whole = await answer(makeAnalyzeStackRpcFun("slipway", "0.1.0", "advisory", policies), request);
  return [...each.flat(), ...whole.map((diagnostic) => violationOf(/[^:]*$/.exec(diagnostic.urn)?.[0] ?? "")(diagnostic))];
}

// biome-ignore lint/suspicious/noExplicitAny: the generated messages have no types of their own.
function fill(request: any, { type, urn, name, inputs, options }: PlannedResource): void {
  request.setType(type);
  request.setUrn(urn);
  request.setName(name);
  request.setProperties(Struct.fromJavaScript(encodeProperties(inputs)));
  const given = new proto.AnalyzerResourceOptions();
  given.setProtect(options.protect ?? false);
  request.setOptions(given);
}

interface Diagnostic {
  readonly policyname: string;
  readonly message: string;
  readonly enforcementlevel: number;
  readonly urn: string;
}

function answer(
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  call: (call: { request: unknown }, callback: (error: unknown, response: any) => void) => void,
  request: unknown,
): Promise<readonly Diagnostic[]> {
  return new Promise((resolve, reject) =>
    call({ request }, (error, response) => (error ? reject(error) : resolve(response.toObject().diagnosticsList))),
  );
}

function violationOf(name: string) {
  return ({ policyname, message, enforcementlevel }: Diagnostic): Violation => ({
    policy: policyname,
    level: enforcementlevel === proto.EnforcementLevel.MANDATORY ? "mandatory" : "advisory",
    message,
    name,
  });
}
