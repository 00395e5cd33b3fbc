/** The few things of Pulumi's SDK that its types keep to themselves. A canary in record.ts notices when they change their ways. */
import { createRequire } from "node:module";
import { runtime } from "@pulumi/pulumi";
import type { Callback, CallbackInvokeRequest, CallbackInvokeResponse } from "@pulumi/pulumi/proto/callback_pb.js";
import callbackMessages from "@pulumi/pulumi/proto/callback_pb.js";
import * as state from "@pulumi/pulumi/runtime/state.js";
import type { WireProperties } from "./wire.ts";

// Messages are made with the very copies of these libraries that the SDK itself has loaded.
const requireOfSdk = createRequire(import.meta.resolve("@pulumi/pulumi"));

/** A google.protobuf.Struct. */
export interface Struct {
  toJavaScript(): object;
}

const { Struct: StructMessage } = requireOfSdk("google-protobuf/google/protobuf/struct_pb.js") as {
  Struct: { fromJavaScript(value: WireProperties): never };
};

export function structOf(values: WireProperties): never {
  return StructMessage.fromJavaScript(values);
}

/**
 * Calls back a function of the program. The engine would do so over the callback server's loopback port, where the session is lost
 * on the way; asked directly, the same server answers within it.
 */
export function callBack(callback: Callback, request: Uint8Array): Promise<Uint8Array> {
  const call = new callbackMessages.CallbackInvokeRequest();
  call.setToken(callback.getToken());
  call.setRequest(request);
  const server = runtime.getCallbacks() as unknown as CallbackServer;
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
}

/**
 * Settings, config and features of the SDK live in an async-local store of their own, so that sessions may follow each other and overlap
 * in one process: nothing is left behind, and nothing is seen by another.
 */
export function inSession<T>(session: Session, body: () => Promise<T>): Promise<T> {
  return internal.withLocalStorage(async () => {
    runtime.setMockOptions(session.monitor, session.project, session.stack, session.preview, session.organization);
    runtime.setAllConfig({ ...session.config }, [...session.secretKeys]);
    const { settings } = internal.getStore();
    settings.options.rootDirectory = session.directory;
    settings.engine = session.engine;
    try {
      return await body();
    } finally {
      runtime.disconnectSync();
    }
  });
}

/** To be called within a session; what it returns tells of that session wherever it is asked. */
export function pendingRegistrations(): () => readonly Pending[] {
  const store = internal.getStore();
  return () => [...store.pendingResourceRegistrations.values()];
}
