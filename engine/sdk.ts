/**
 * Every use that slipway makes of internals of Pulumi's SDK, and why recording needs it:
 *
 * - a store of settings and config for each recording, so that recordings can overlap in one process;
 * - the source position of each resource, which the SDK does not know in an ES module;
 * - the secret values that a program creates or reads, so that no message repeats them;
 * - the callback server, for transforms; and the pending registrations, for the message about a program that never ends.
 *
 * sdk.test.ts fails when a version of the SDK changes one of them.
 */
import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import type { Callback, CallbackInvokeRequest, CallbackInvokeResponse } from "@pulumi/pulumi/proto/callback_pb.js";
import callbackMessages from "@pulumi/pulumi/proto/callback_pb.js";
import * as state from "@pulumi/pulumi/runtime/state.js";
import type { WireProperties } from "./wire.ts";

/** Loads the copies of modules that the SDK itself uses. */
const requireFromSdk = createRequire(import.meta.resolve("@pulumi/pulumi"));

// Sessions: settings, config and features of the SDK live in an async-local store.

export interface Session {
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly preview: boolean;
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  readonly directory: string;
  /** Handles the requests that the SDK sends to the engine's resource monitor. */
  readonly monitor: object;
  /** Handles the requests that the SDK sends to the engine: logs. */
  readonly engine: object;
  /** Receives every secret value that the program creates or reads, in the SDK's own form. */
  readonly onSecret: (value: unknown) => void;
}

interface Store {
  readonly settings: {
    readonly options: { rootDirectory?: string };
    engine: unknown;
  };
  readonly pendingResourceRegistrations: ReadonlyMap<object, PendingRegistration>;
}

/** A resource whose registration waits for something. */
export interface PendingRegistration {
  readonly type?: string;
  readonly name?: string;
  readonly phase: string;
  readonly inputProperty?: string;
}

const internalState = state as unknown as {
  withLocalStorage<T>(body: () => Promise<T>): Promise<T>;
  getStore(): Store;
};

const sessions = new WeakMap<object, Session>();

const currentSession = (): Session | undefined => sessions.get(internalState.getStore());

/** Runs `body` with settings, config and features of its own, which no other session sees and which are gone afterwards. */
export function inSession<T>(session: Session, body: () => Promise<T>): Promise<T> {
  return internalState.withLocalStorage(async () => {
    pulumi.runtime.setMockOptions(session.monitor, session.project, session.stack, session.preview, session.organization);
    pulumi.runtime.setAllConfig({ ...session.config }, [...session.secretKeys]);
    const store = internalState.getStore();
    sessions.set(store, session);
    store.settings.options.rootDirectory = session.directory;
    store.settings.engine = session.engine;
    try {
      return await body();
    } finally {
      pulumi.runtime.disconnectSync();
    }
  });
}

/** Call it within a session; the function it returns lists that session's registrations from anywhere. */
export function pendingRegistrations(): () => readonly PendingRegistration[] {
  const store = internalState.getStore();
  return () => [...store.pendingResourceRegistrations.values()];
}

// Messages and callbacks.

const { Struct } = requireFromSdk("google-protobuf/google/protobuf/struct_pb.js") as {
  readonly Struct: { fromJavaScript(values: WireProperties): never };
};

/** A google.protobuf.Struct, made with the SDK's own copy of the library. */
export function structOf(values: WireProperties): never {
  return Struct.fromJavaScript(values);
}

/** Calls a function of the program. An engine calls it over a loopback port, where the session would be lost; this calls the server directly. */
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

// Source positions. The SDK parses the text of a stack trace: it finds no position at the top of an ES module and none in an anonymous
// arrow function, and turns the file URLs of other frames into broken paths.

interface Position {
  readonly uri: string;
  readonly line: number;
  readonly column: number;
}

/** Frames of Node and of dependencies. */
const FOREIGN = /^node:|[\\/]node_modules[\\/]/;

function innermostPosition(_: Error, frames: readonly NodeJS.CallSite[]): Position | undefined {
  for (const frame of frames) {
    const file = frame.getFileName();
    if (!file || FOREIGN.test(file)) continue;
    const isUrl = file.startsWith("file:");
    // Code evaluated from text has a name here, but no file.
    if (!isUrl && !isAbsolute(file)) continue;
    return { uri: isUrl ? file : pathToFileURL(file).href, line: frame.getLineNumber() ?? 0, column: frame.getColumnNumber() ?? 0 };
  }
  return undefined;
}

const Resource = pulumi.Resource as unknown as { stackTrace(skip: number): readonly (Position | undefined)[] };
const sdkStackTrace = Resource.stackTrace;
Resource.stackTrace = (skip) => {
  if (!currentSession()) return sdkStackTrace(skip + 1);
  const { stackTraceLimit, prepareStackTrace } = Error;
  try {
    Object.assign(Error, { stackTraceLimit: Number.POSITIVE_INFINITY, prepareStackTrace: innermostPosition });
    const trace: { stack?: Position | undefined } = {};
    Error.captureStackTrace(trace, Resource.stackTrace);
    return trace.stack ? [trace.stack] : [];
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  }
};

// Secrets. `pulumi.secret` constructs an Output that is secret from the start; everything that a program reads passes through `apply`.

type OutputArguments = [resources: unknown, value: Promise<unknown>, isKnown: Promise<boolean>, isSecret: Promise<boolean>];

interface Output {
  readonly isSecret: Promise<boolean>;
  apply(use: (value: unknown) => unknown, runWithUnknowns?: boolean): Output;
}

const outputModule = requireFromSdk("@pulumi/pulumi/output.js") as {
  Output: { new (...args: OutputArguments): Output; readonly prototype: Output };
};
const { Output } = outputModule;

/**
 * Observes the values given to `pulumi.secret`. An Output that becomes secret later is made of others: a combination of ten values, one of
 * them secret, is not itself a text to search for.
 */
outputModule.Output = new Proxy(Output, {
  construct(target, args: OutputArguments) {
    const session = currentSession();
    if (session) {
      const [, value, , isSecret] = args;
      let isSecretFromStart = false;
      isSecret.then((secret) => {
        isSecretFromStart = secret;
      }, ignore);
      queueMicrotask(() => {
        if (isSecretFromStart) value.then(session.onSecret, ignore);
      });
    }
    return new target(...args);
  },
});

/** Observes the texts and numbers that a program reads from a secret Output. */
const sdkApply = Output.prototype.apply;
Output.prototype.apply = function apply(use, runWithUnknowns) {
  const session = currentSession();
  if (!session) return sdkApply.call(this, use, runWithUnknowns);
  let secret = false;
  this.isSecret.then((it) => {
    secret = it;
  }, ignore);
  const observe = (value: unknown) => {
    if (secret && (typeof value === "string" || typeof value === "number")) session.onSecret(value);
    return use(value);
  };
  return sdkApply.call(this, observe, runWithUnknowns);
};

function ignore(): void {}
