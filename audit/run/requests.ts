/** Records every request that the program sends to Pulumi's engine, with all of its fields: also those that a plan leaves out. */
import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import * as state from "@pulumi/pulumi/runtime/state.js";
import { relativeSource } from "../../engine/error.ts";
import type { Source, Value } from "../../engine/plan.ts";
import { properties } from "../../engine/registration.ts";
import { decodeProperties } from "../../engine/wire.ts";
import { causedByCaller, currentSource, isCalledByProgram } from "./effects.ts";

export interface EngineRequest {
  /** "registerResource", "invoke", "log". */
  readonly method: string;
  /** Fields without marks: names, types, options. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Inputs, arguments or outputs, with their secret marks. */
  readonly values: Readonly<Record<string, Value>>;
  readonly source?: Source;
}

/** Fields of a request that hold values with marks. */
const MARKED = { object: "getObject", properties: "getProperties", args: "getArgs", outputs: "getOutputs" } as const;
/** Where the request was made, and what the SDK and the engine agree on. */
const OMITTED = new Set(["sourceposition", "stacktrace", "parentstacktracehandle", "transformsList", "stateMigrationsList"]);

// biome-ignore lint/suspicious/noExplicitAny: requests of every type
type Anything = any;

interface Store {
  readonly settings: { monitor: object; engine: object };
}

/** Call it within the program: its session holds the clients of the engine. */
export function observeRequests(directory: string, report: (request: EngineRequest) => void): void {
  observeCallers();
  const { settings } = (state as unknown as { getStore(): Store }).getStore();
  settings.monitor = observed(settings.monitor, (method, request) => report(requestOf(method, request, directory)));
  settings.engine = observed(settings.engine, (method, request: LogRequest) => {
    // Debug messages are the SDK's, except those that the program logs itself.
    if (method !== "log" || (request.getSeverity() === 0 && !isCalledByProgram())) return;
    report({ method, fields: { message: request.getMessage() }, values: {}, ...sourceOf(currentSource()) });
  });
}

function observed(client: object, onCall: (method: string, request: Anything) => void): object {
  return new Proxy(client, {
    get(target, method) {
      const real = (target as Anything)[method];
      if (typeof real !== "function") return real;
      return (request: Anything, ...rest: unknown[]) => {
        onCall(String(method), request);
        return real.call(target, request, ...rest);
      };
    },
  });
}

function requestOf(method: string, request: Anything, directory: string): EngineRequest {
  const fields = Object.entries((request.toObject?.() ?? {}) as Record<string, unknown>);
  const values = Object.entries(MARKED).flatMap(([, getter]) =>
    request[getter] === undefined ? [] : Object.entries(decodeProperties(properties(request[getter]()), directory)),
  );
  const position = request.getSourceposition?.();
  const source = position ? relativeSource(directory, position.getUri(), position.getLine()) : undefined;
  return {
    method,
    fields: Object.fromEntries(fields.filter(([name]) => !(name in MARKED) && !OMITTED.has(name))),
    values: Object.fromEntries(values),
    ...sourceOf(source ?? currentSource()),
  };
}

const sourceOf = (source: Source | undefined): { source?: Source } => (source === undefined ? {} : { source });

// The SDK sends these requests later, when the frames of the program are gone.

const requireFromSdk = createRequire(import.meta.resolve("@pulumi/pulumi"));
let isObserved = false;

function observeCallers(): void {
  if (isObserved) return;
  isObserved = true;
  const log = requireFromSdk("@pulumi/pulumi/log") as Anything;
  for (const name of ["debug", "info", "warn", "error"]) markCaller(log, name);
  const invoke = requireFromSdk("@pulumi/pulumi/runtime/invoke.js") as Anything;
  for (const [name, value] of Object.entries(invoke)) if (typeof value === "function") markCaller(pulumi.runtime as Anything, name);
  markCaller(pulumi.ComponentResource.prototype, "registerOutputs");
}

function markCaller(owner: Anything, name: string): void {
  const real = owner[name];
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    return causedByCaller(() => real.apply(this, args), wrapper);
  };
  owner[name] = wrapper;
}
