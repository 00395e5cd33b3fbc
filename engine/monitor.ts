/** The resource monitor of one run, in place of Pulumi's engine: records each registration, gives it a URN and returns what the provider answers. */
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type * as proto from "@pulumi/pulumi/proto/resource_pb.js";
import messages from "@pulumi/pulumi/proto/resource_pb.js";
import { ProgramError } from "./error.ts";
import { type PlannedResource, Unknown, type Value } from "./plan.ts";
import { properties, type ResourceContext, readResourceOf, registeredResourceOf } from "./registration.ts";
import { structOf } from "./sdk.ts";
import { Transforms } from "./transforms.ts";
import { type StackId, stackUrn, urnOf } from "./urn.ts";
import { decodeProperties, encode, encodeProperties, isSecret, secretWire, type Wire, type WireProperties } from "./wire.ts";

/** Answers registrations: with the rules of a preview, or by creating resources. */
export interface Provider {
  register(resource: PlannedResource): Awaitable<Answer>;
  read(resource: PlannedResource): Awaitable<Answer>;
  /** undefined: the result is unknown. */
  invoke(token: string, args: Readonly<Record<string, Value>>): Awaitable<Readonly<Record<string, unknown>> | undefined>;
}

export interface Answer {
  readonly id?: string;
  /** Plain values, or values with marks. They override the inputs, which are returned as outputs too. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

interface MonitorOptions extends StackId {
  readonly directory: string;
  readonly provider: Provider;
  readonly preview: boolean;
  /** Ends the run with an error of the program. An error thrown to the SDK would be wrapped in the SDK's own text. */
  readonly fail: (error: ProgramError) => void;
}

export type Awaitable<T> = T | Promise<T>;
type Reply<T> = (error: Error | null, response?: T) => void;

/**
 * The numbers of the features that the monitor supports. Not: state migrations, which need a state, and `dependsOn` of invokes, which the SDK
 * itself waits for when the monitor does not.
 */
const FEATURES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13];

export class Monitor {
  readonly resources: PlannedResource[] = [];
  stackOutputs: Readonly<Record<string, Value>> = {};
  readonly #stack: StackId;
  readonly #directory: string;
  readonly #provider: Provider;
  readonly #preview: boolean;
  readonly #fail: (error: ProgramError) => void;
  readonly #transforms = new Transforms();
  readonly #byUrn = new Map<string, { index: number; id: string; state: WireProperties }>();
  readonly #context: ResourceContext;

  constructor(options: MonitorOptions) {
    this.#stack = { project: options.project, stack: options.stack };
    this.#directory = options.directory;
    this.#provider = options.provider;
    this.#preview = options.preview;
    this.#fail = options.fail;
    this.#context = {
      ...this.#stack,
      directory: options.directory,
      aliasesOf: (urn) => this.resources[this.#byUrn.get(urn)?.index ?? -1]?.options.aliases ?? [],
    };
  }

  getDeploymentInfo(_request: unknown, reply: Reply<proto.DeploymentInfo>): void {
    const info = new messages.DeploymentInfo();
    info.setSupportedfeaturesList(FEATURES);
    reply(null, info);
  }

  /** For SDKs without GetDeploymentInfo. */
  supportsFeature(request: proto.SupportsFeatureRequest, reply: Reply<proto.SupportsFeatureResponse>): void {
    const response = new messages.SupportsFeatureResponse();
    response.setHassupport(request.getId() !== "stateMigrations");
    reply(null, response);
  }

  registerResource(request: proto.RegisterResourceRequest, reply: Reply<proto.RegisterResourceResponse>): void {
    respond(reply, async () => {
      if (request.getType() === "pulumi:pulumi:Stack") return registerReply(stackUrn(this.#stack), "", {});
      await this.#transforms.apply(request, urnOf(this.#stack, request.getType(), request.getName(), request.getParent()));
      const inputs = properties(request.getObject());
      const resource = registeredResourceOf(request, inputs, this.#context);
      const entry = this.#add(resource);
      if (resource.custom) {
        const { id, outputs } = await this.#provider.register(resource);
        entry.id = id ?? "";
        entry.state = this.#stateOf(resource, inputs, outputs);
      }
      return registerReply(resource.urn, entry.id, entry.state);
    });
  }

  readResource(request: proto.ReadResourceRequest, reply: Reply<proto.ReadResourceResponse>): void {
    respond(reply, async () => {
      const inputs = properties(request.getProperties());
      const resource = readResourceOf(request, inputs, this.#context);
      const entry = this.#add(resource);
      const { outputs } = await this.#provider.read(resource);
      entry.id = resource.id ?? "";
      entry.state = this.#stateOf(resource, inputs, outputs);
      return readReply(resource.urn, entry.state);
    });
  }

  registerResourceOutputs(request: proto.RegisterResourceOutputsRequest, reply: Reply<object>): void {
    const outputs = decodeProperties(properties(request.getOutputs()), this.#directory);
    const index = this.#byUrn.get(request.getUrn())?.index ?? -1;
    const resource = this.resources[index];
    if (!resource) this.stackOutputs = outputs;
    else if (Object.keys(outputs).length > 0) this.resources[index] = { ...resource, outputs };
    reply(null, {});
  }

  invoke(request: proto.ResourceInvokeRequest, reply: Reply<proto.ResourceInvokeResponse>): void {
    respond(reply, async () => {
      const response = new messages.ResourceInvokeResponse();
      await this.#transforms.applyToInvoke(request);
      const args = properties(request.getArgs());
      if (request.getTok() === "pulumi:pulumi:getResource") {
        const found = this.#byUrn.get(String(args.urn));
        if (!found) throw new Error(`no resource ${args.urn} is declared`);
        response.setReturn(structOf({ urn: String(args.urn), id: found.id, state: found.state }));
        return response;
      }
      const result = await this.#provider.invoke(request.getTok(), decodeProperties(args, this.#directory));
      if (result) response.setReturn(structOf(encodeProperties(result)));
      else response.setUnknown(true);
      return response;
    });
  }

  existsResource(_request: proto.ExistsResourceRequest, reply: Reply<proto.ExistsResourceResponse>): void {
    const response = new messages.ExistsResourceResponse();
    response.setUnknown(true);
    reply(null, response);
  }

  registerPackage(_request: proto.RegisterPackageRequest, reply: Reply<proto.RegisterPackageResponse>): void {
    reply(null, new messages.RegisterPackageResponse());
  }

  call(request: proto.ResourceCallRequest, reply: Reply<never>): void {
    reply(
      Object.assign(new Error(), {
        details: `${request.getTok()} is a method of a packaged component, which only Pulumi's engine can call`,
      }),
    );
  }

  registerStackTransform(callback: Callback, reply: Reply<object>): void {
    this.#transforms.addToStack(callback);
    reply(null, {});
  }

  registerStackInvokeTransform(callback: Callback, reply: Reply<object>): void {
    this.#transforms.addToInvokes(callback);
    reply(null, {});
  }

  /** Hooks run when a resource is created, updated or deleted, which does not happen in a recording. */
  registerResourceHook(_request: proto.RegisterResourceHookRequest, reply: Reply<object>): void {
    reply(null, {});
  }

  registerErrorHook(_request: proto.RegisterErrorHookRequest, reply: Reply<object>): void {
    reply(null, {});
  }

  #add(resource: PlannedResource) {
    if (this.#byUrn.has(resource.urn)) {
      const message = `"${resource.name}" is declared twice as ${resource.type}. Resources with the same type and parent need different names.`;
      const error = new ProgramError([{ message, urn: resource.urn, ...(resource.source && { source: resource.source }) }]);
      this.#fail(error);
      throw error;
    }
    const entry = { index: this.resources.push(resource) - 1, id: "", state: {} as WireProperties };
    this.#byUrn.set(resource.urn, entry);
    return entry;
  }

  /** As the engine does, marks the outputs that the SDK lists as secret, and every output named like a secret input. */
  #stateOf(resource: PlannedResource, inputs: WireProperties, outputs: Readonly<Record<string, unknown>>): WireProperties {
    const state: Record<string, Wire> = { ...inputs, ...encodeProperties(outputs) };
    const listed = resource.options.additionalSecretOutputs ?? [];
    if (this.#preview) for (const key of listed) state[key] ??= encode(new Unknown());
    for (const key of [...listed, ...Object.keys(inputs).filter((key) => isSecret(inputs[key]))]) {
      const value = state[key];
      if (value !== undefined && !isSecret(value)) state[key] = secretWire(value);
    }
    return state;
  }
}

function registerReply(urn: string, id: string, state: WireProperties): proto.RegisterResourceResponse {
  const response = new messages.RegisterResourceResponse();
  response.setUrn(urn);
  response.setId(id);
  response.setObject(structOf(state));
  return response;
}

function readReply(urn: string, state: WireProperties): proto.ReadResourceResponse {
  const response = new messages.ReadResourceResponse();
  response.setUrn(urn);
  response.setProperties(structOf(state));
  return response;
}

function respond<T>(reply: Reply<T>, work: () => Promise<T>): void {
  work().then(
    (response) => reply(null, response),
    (error: Error) => reply(Object.assign(error, { details: error.message })),
  );
}
