/** What the SDK sends when a resource is declared, as a resource of the Plan. */
import type { ReadResourceRequest, RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import { relativeSource } from "./error.ts";
import type { Options, PlannedResource, Source } from "./plan.ts";
import { type Former, formerUrns, type Place, urnOf } from "./urn.ts";
import { decodeProperties, type WireProperties } from "./wire.ts";

export interface Surroundings extends Place {
  readonly directory: string;
  /** Every former URN of a resource that is registered already. */
  aliasesOf(urn: string): readonly string[];
}

export function registered(request: RegisterResourceRequest, inputs: WireProperties, around: Surroundings): PlannedResource {
  const parent = parentOf(request.getParent());
  return {
    ...named(request, around, parent),
    custom: request.getCustom(),
    read: false,
    inputs: decodeProperties(inputs, around.directory),
    dependencies: request.getDependenciesList().sort(),
    propertyDependencies: Object.fromEntries(
      [...request.getPropertydependenciesMap().entries()]
        .map(([key, value]) => [key, value.getUrnsList().sort()] as const)
        .filter(([, urns]) => urns.length > 0),
    ),
    options: optionsOf(request, around, parent),
    ...where(request, around.directory),
  };
}

export function looked(request: ReadResourceRequest, inputs: WireProperties, around: Surroundings): PlannedResource {
  const secretOutputs = request.getAdditionalsecretoutputsList();
  return {
    ...named(request, around, parentOf(request.getParent())),
    custom: true,
    read: true,
    ...(request.getId() && { id: request.getId() }),
    inputs: decodeProperties(inputs, around.directory),
    dependencies: request.getDependenciesList().sort(),
    propertyDependencies: {},
    options: {
      ...(secretOutputs.length > 0 && { additionalSecretOutputs: secretOutputs }),
      ...providerAndVersion(request),
    },
    ...where(request, around.directory),
  };
}

export function properties(struct: { toJavaScript(): object } | undefined): WireProperties {
  return (struct?.toJavaScript() ?? {}) as WireProperties;
}

function named(request: RegisterResourceRequest | ReadResourceRequest, place: Place, parent: string | undefined) {
  const [type, name] = [request.getType(), request.getName()];
  return { urn: urnOf(place, type, name, parent), type, name, ...(parent && { parent }) };
}

/** The stack is everybody's root and nobody's parent. */
function parentOf(urn: string): string | undefined {
  return urn === "" || urn.includes("::pulumi:pulumi:Stack::") ? undefined : urn;
}

function optionsOf(request: RegisterResourceRequest, around: Surroundings, parent: string | undefined): Options {
  const timeouts = request.getCustomtimeouts();
  const customTimeouts = present({ create: timeouts?.getCreate(), update: timeouts?.getUpdate(), delete: timeouts?.getDelete() });
  const own = request.getAliasesList().map((alias): string | Former => {
    const spec = alias.getSpec();
    if (!spec) return alias.getUrn();
    return {
      name: spec.getName() || undefined,
      type: spec.getType() || undefined,
      project: spec.getProject() || undefined,
      stack: spec.getStack() || undefined,
      parent: spec.getNoparent() ? null : parentOf(spec.getParenturn()),
    };
  });
  const now = { type: request.getType(), name: request.getName(), parent };
  return {
    ...present({
      protect: request.hasProtect() ? request.getProtect() : undefined,
      retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : undefined,
      deletedWith: request.getDeletedwith(),
      deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
      ignoreChanges: request.getIgnorechangesList(),
      replaceOnChanges: request.getReplaceonchangesList(),
      additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
      aliases: formerUrns(around, now, own, parent ? around.aliasesOf(parent) : []),
      importId: request.getImportid(),
    }),
    ...(Object.keys(customTimeouts).length > 0 && { customTimeouts }),
    ...providerAndVersion(request),
  };
}

function providerAndVersion(request: RegisterResourceRequest | ReadResourceRequest) {
  // A reference is the provider's URN and, behind the last "::", its id.
  const provider = request.getProvider();
  return present({ provider: provider.slice(0, Math.max(0, provider.lastIndexOf("::"))), version: request.getVersion() });
}

/** The protocol says "not set" as empty text or an empty list; a Plan leaves it out. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0)),
  ) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function where(request: RegisterResourceRequest | ReadResourceRequest, directory: string): { source?: Source } {
  const position = request.getSourceposition();
  const source = position && relativeSource(directory, position.getUri(), position.getLine());
  return source ? { source } : {};
}
