/** Turns the SDK's registration requests into resources of the Plan. */
import type { ReadResourceRequest, RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import { relativeSource } from "./error.ts";
import type { Options, PlannedResource, Source } from "./plan.ts";
import { type Alias, formerUrns, type StackId, urnOf } from "./urn.ts";
import { decodeProperties, type WireProperties } from "./wire.ts";

export interface ResourceContext extends StackId {
  readonly directory: string;
  /** Every former URN of a resource that is already registered. */
  aliasesOf(urn: string): readonly string[];
}

export function registeredResourceOf(request: RegisterResourceRequest, inputs: WireProperties, context: ResourceContext): PlannedResource {
  const parent = parentOf(request.getParent());
  return {
    ...identityOf(request, context, parent),
    custom: request.getCustom(),
    read: false,
    inputs: decodeProperties(inputs, context.directory),
    dependencies: request.getDependenciesList().sort(),
    propertyDependencies: Object.fromEntries(
      [...request.getPropertydependenciesMap().entries()]
        .map(([key, value]) => [key, value.getUrnsList().sort()] as const)
        .filter(([, urns]) => urns.length > 0),
    ),
    options: optionsOf(request, context, parent),
    ...sourceOf(request, context.directory),
  };
}

export function readResourceOf(request: ReadResourceRequest, inputs: WireProperties, context: ResourceContext): PlannedResource {
  const secretOutputs = request.getAdditionalsecretoutputsList();
  return {
    ...identityOf(request, context, parentOf(request.getParent())),
    custom: true,
    read: true,
    ...(request.getId() && { id: request.getId() }),
    inputs: decodeProperties(inputs, context.directory),
    dependencies: request.getDependenciesList().sort(),
    propertyDependencies: {},
    options: {
      ...(secretOutputs.length > 0 && { additionalSecretOutputs: secretOutputs }),
      ...providerAndVersion(request),
    },
    ...sourceOf(request, context.directory),
  };
}

export function properties(struct: { toJavaScript(): object } | undefined): WireProperties {
  return (struct?.toJavaScript() ?? {}) as WireProperties;
}

function identityOf(request: RegisterResourceRequest | ReadResourceRequest, stack: StackId, parent: string | undefined) {
  const [type, name] = [request.getType(), request.getName()];
  return { urn: urnOf(stack, type, name, parent), type, name, ...(parent && { parent }) };
}

/** undefined for the stack, which every plan leaves out. */
function parentOf(urn: string): string | undefined {
  return urn === "" || urn.includes("::pulumi:pulumi:Stack::") ? undefined : urn;
}

function optionsOf(request: RegisterResourceRequest, context: ResourceContext, parent: string | undefined): Options {
  const timeouts = request.getCustomtimeouts();
  const customTimeouts = present({ create: timeouts?.getCreate(), update: timeouts?.getUpdate(), delete: timeouts?.getDelete() });
  const own = request.getAliasesList().map((alias): string | Alias => {
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
  const identity = { type: request.getType(), name: request.getName(), parent };
  return {
    ...present({
      protect: request.hasProtect() ? request.getProtect() : undefined,
      retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : undefined,
      deletedWith: request.getDeletedwith(),
      deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
      ignoreChanges: request.getIgnorechangesList(),
      replaceOnChanges: request.getReplaceonchangesList(),
      additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
      aliases: formerUrns(context, identity, own, parent ? context.aliasesOf(parent) : []),
      importId: request.getImportid(),
    }),
    ...(Object.keys(customTimeouts).length > 0 && { customTimeouts }),
    ...providerAndVersion(request),
  };
}

function providerAndVersion(request: RegisterResourceRequest | ReadResourceRequest) {
  // A provider reference is the provider's URN, "::" and its id.
  const provider = request.getProvider();
  return present({ provider: provider.slice(0, Math.max(0, provider.lastIndexOf("::"))), version: request.getVersion() });
}

/** The protocol writes "not set" as an empty text or list; a Plan leaves such fields out. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0)),
  ) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function sourceOf(request: RegisterResourceRequest | ReadResourceRequest, directory: string): { source?: Source } {
  const position = request.getSourceposition();
  const source = position && relativeSource(directory, position.getUri(), position.getLine());
  return source ? { source } : {};
}
