/** The few things of Pulumi's SDK that its types keep to themselves. A canary in record.ts notices when they change their ways. */
import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import type { Callback, CallbackInvokeRequest, CallbackInvokeResponse } from "@pulumi/pulumi/proto/callback_pb.js";
import callbackMessages from "@pulumi/pulumi/proto/callback_pb.js";
import * as state from "@pulumi/pulumi/runtime/state.js";
import { installInputs } from "./sdk-inputs.ts";
import { installOutputs } from "./sdk-outputs.ts";
import type { WireProperties } from "./wire.ts";

// Messages are made with the very copies of these libraries that the SDK itself has loaded.
const requireOfSdk = createRequire(import.meta.resolve("@pulumi/pulumi"));

/** A google.protobuf.Struct. */
export interface Struct {
  toJavaScript(): object;
  getFieldsMap(): object;
}

interface StructMessage {
  new (): Struct;
  fromJavaScript(value: WireProperties): Struct;
}

const structs = requireOfSdk("google-protobuf/google/protobuf/struct_pb.js") as { readonly Struct: StructMessage };
const realStruct = structs.Struct.fromJavaScript.bind(structs.Struct);

export function structOf(values: WireProperties): never {
  return realStruct(values) as never;
}

/**
 * Calls back a function of the program. The engine would do so over the callback server's loopback port, where the session is lost
 * on the way; asked directly, the same server answers within it.
 */
export function callBack(callback: Callback, request: Uint8Array): Promise<Uint8Array> {
  const call = new callbackMessages.CallbackInvokeRequest();
  call.setToken(callback.getToken());
  call.setRequest(request);
  const server = pulumi.runtime.getCallbacks() as unknown as CallbackServer;
  return new Promise((resolve, reject) => {
    server.invoke({ request: call }, (error, response) =>
      response ? resolve(response.getResponse_asU8()) : reject(new Error(error?.details)),
    );
  });
}

interface CallbackServer {
  invoke(
    call: { readonly request: CallbackInvokeRequest },
    reply: (error: { readonly details: string } | null, response?: CallbackInvokeResponse) => void,
  ): void;
}

interface Store {
  readonly settings: {
    readonly options: { rootDirectory?: string };
    engine: unknown;
  };
  readonly pendingResourceRegistrations: ReadonlyMap<object, Pending>;
}

/** A resource whose registration waits for something. */
export interface Pending {
  readonly type?: string;
  readonly name?: string;
  readonly phase: string;
  readonly inputProperty?: string;
}

const internal = state as unknown as {
  withLocalStorage<T>(body: () => Promise<T>): Promise<T>;
  getStore(): Store;
};

const sessions = new WeakMap<object, Session>();

/**
 * For each of its thousands of promises the SDK writes down a stack trace, to name those that leak, and for each step it takes a message,
 * for those who debug it. A session has no use for either, and would pay a quarter of its time for them.
 */
function outsideOfSessions<A extends readonly unknown[], R>(real: (...args: A) => R, instead: (...args: A) => R): (...args: A) => R {
  return (...args) => (sessions.has(internal.getStore()) ? instead(...args) : real(...args));
}

const debuggable = requireOfSdk("@pulumi/pulumi/runtime/debuggable.js") as { debuggablePromise: (promise: unknown) => unknown };
const log = requireOfSdk("@pulumi/pulumi/log/index.js") as { debug: () => Promise<void> };
if (!process.env.PULUMI_DEBUG_PROMISE_LEAKS) {
  debuggable.debuggablePromise = outsideOfSessions(debuggable.debuggablePromise, (promise) => promise);
}
log.debug = outsideOfSessions(log.debug, () => Promise.resolve());

/** Within a session values go from hand to hand: nothing is made of them that only a wire would need. */
class Handed extends structs.Struct {
  readonly #values: WireProperties;
  constructor(values: WireProperties) {
    super();
    this.#values = values;
  }
  override toJavaScript(): WireProperties {
    return this.#values;
  }
  /** All that a wire asks for, after all: transforms are called back in bytes. */
  override getFieldsMap(): object {
    return realStruct(this.#values).getFieldsMap();
  }
}
structs.Struct.fromJavaScript = outsideOfSessions(realStruct, (values): Struct => new Handed(values));

installInputs(requireOfSdk, outsideOfSessions);
installOutputs(requireOfSdk, () => sessions.get(internal.getStore()));

interface Position {
  readonly uri: string;
  readonly line: number;
  readonly column: number;
}

/** Enough for nearly all; then enough for a component that is made by a component that is made by a package. */
const FRAMES = [8, 60];

/** Node's own, and a dependency's. */
const FOREIGN = /^node:|[\\/]node_modules[\\/]/;

/** Of a stack as V8 has it: to write it all out as text takes longer than to register what it leads to. */
function innermost(_: Error, frames: readonly NodeJS.CallSite[]): Position | undefined {
  for (const frame of frames) {
    const file = frame.getFileName();
    if (!file || FOREIGN.test(file)) continue;
    const isUrl = file.startsWith("file:");
    // What was evaluated from a text has a name, and no place.
    if (!isUrl && !isAbsolute(file)) continue;
    const uri = isUrl ? file : pathToFileURL(file).href;
    return { uri, line: frame.getLineNumber() ?? 0, column: frame.getColumnNumber() ?? 0 };
  }
  return undefined;
}

/**
 * Where a resource is declared. The SDK's own way is to send the whole stack, in which it knows no place at the top of an ES module,
 * none in an arrow function without a name, and every other one in a module by a broken address.
 */
const Resource = pulumi.Resource as unknown as { stackTrace(skip: number): readonly (Position | undefined)[] };
Resource.stackTrace = outsideOfSessions(Resource.stackTrace, () => {
  const { stackTraceLimit, prepareStackTrace } = Error;
  try {
    for (const frames of FRAMES) {
      const trace: { stack?: Position | undefined } = {};
      Object.assign(Error, { stackTraceLimit: frames, prepareStackTrace: innermost });
      Error.captureStackTrace(trace, Resource.stackTrace);
      if (trace.stack) return [trace.stack];
    }
    return [];
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  }
});

export interface Session {
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly preview: boolean;
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  readonly directory: string;
  /** Answers what the SDK would ask the engine's resource monitor. */
  readonly monitor: object;
  /** Takes what the SDK would tell the engine. */
  readonly engine: object;
  /** Told of every secret value that the program makes or reads, in the SDK's own form. */
  readonly met: (secret: unknown) => void;
}

/**
 * Settings, config and features of the SDK live in an async-local store of their own, so that sessions may follow each other and overlap
 * in one process: nothing is left behind, and nothing is seen by another.
 */
export function inSession<T>(session: Session, body: () => Promise<T>): Promise<T> {
  return internal.withLocalStorage(async () => {
    pulumi.runtime.setMockOptions(session.monitor, session.project, session.stack, session.preview, session.organization);
    pulumi.runtime.setAllConfig({ ...session.config }, [...session.secretKeys]);
    const store = internal.getStore();
    sessions.set(store, session);
    const { settings } = store;
    settings.options.rootDirectory = session.directory;
    settings.engine = session.engine;
    try {
      return await body();
    } finally {
      pulumi.runtime.disconnectSync();
    }
  });
}

/** To be called within a session; what it returns tells of that session wherever it is asked. */
export function pendingRegistrations(): () => readonly Pending[] {
  const store = internal.getStore();
  return () => [...store.pendingResourceRegistrations.values()];
}
