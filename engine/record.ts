/**
 * Runs a Pulumi program in this process, without Pulumi's CLI, an account or a provider, and records the resources that it declares.
 *
 * Each registration is answered as in a preview of a stack that does not exist yet.
 */
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import { type Problem, ProgramError, problemsOf, scrubbedError } from "./error.ts";
import { Monitor, type Provider } from "./monitor.ts";
import { compare } from "./order.ts";
import { OutputCapture } from "./output-capture.ts";
import { type Message, type Plan, type PlannedResource, Secret, Unknown, type Value } from "./plan.ts";
import { previewProvider } from "./preview-provider.ts";
import { type Run, RunFailure, run } from "./run.ts";
import { scrubber } from "./scrub.ts";
import { inSession, type PendingRegistration, pendingRegistrations } from "./sdk.ts";
import { SecretRegistry } from "./secret-registry.ts";
import { secretConfigByPath, secretConfigTexts } from "./secret-texts.ts";

export interface RecordOptions {
  readonly project: string;
  readonly stack: string;
  /** @default "organization", Pulumi's name for it with a bucket or file backend */
  readonly organization?: string;
  /** By full key: "slipway:region", "digitalocean:apiEndpoint". */
  readonly config?: Readonly<Record<string, string>>;
  readonly secretKeys?: readonly string[];
  /** Keys whose value in `config` is a placeholder; listed in the plan. */
  readonly placeholders?: readonly string[];
  /** The program's directory: source files are relative to it. @default the working directory */
  readonly directory?: string;
  /** Whether ids and outputs that only a provider knows are unknown. @default true */
  readonly preview?: boolean;
  /** The outputs that the provider would return, including `id`; outputs that are missing here depend on `preview`. */
  readonly outputs?: (resource: PlannedResource) => Readonly<Record<string, unknown>> | undefined;
  /** The result of a provider function such as `getRegion`. @default unknown, with a warning */
  readonly invokes?: (token: string, args: Readonly<Record<string, Value>>) => Readonly<Record<string, unknown>> | undefined;
  /** Outputs of other stacks, or of an earlier run of this one, by stack name; secrets are marked with `Secret`. */
  readonly stackReferences?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export type Program = () => unknown | Promise<unknown>;

/**
 * Recordings can follow each other and overlap in one process: each has its own settings, config and errors.
 *
 * @throws {ProgramError} for every error of the program, with a message for its author.
 */
export async function record(program: Program, options: RecordOptions): Promise<Plan> {
  selfTest ??= assertSecretMarksArrive();
  await selfTest;
  return recordOnce(program, options);
}

function recordOnce(program: Program, options: RecordOptions): Promise<Plan> {
  const { organization = "organization", preview = true } = options;
  return runProgram(program, options, ({ warn }) => previewProvider({ ...options, organization, preview, warn }));
}

/** What a provider can do to the run that it serves. */
export interface RunContext {
  warn(text: string, urn?: string): void;
  /** Ends the run with this error. An error thrown to the SDK would be wrapped in the SDK's own text. */
  fail(error: ProgramError): void;
}

/** Runs the program with a provider that answers its registrations. @throws {ProgramError} */
export async function runProgram(program: Program, options: RecordOptions, providerOf: (context: RunContext) => Provider): Promise<Plan> {
  const { project, stack, organization = "organization", config = {}, preview = true, directory = process.cwd() } = options;
  const secretKeys = options.secretKeys ?? [];
  const location = { project, stack, directory };
  const secretRegistry = new SecretRegistry(secretConfigTexts(config, secretKeys));
  const output = new OutputCapture((text) => scrubber(secretRegistry.texts()).text(text));
  const messages: Message[] = [];
  const warn = (text: string, urn?: string) => messages.push({ severity: "warning", text, ...(urn && { urn }) });
  try {
    const recorded = await output.during(() => run(recordIn));
    const secrets = secretRegistry.texts();
    return { ...recorded, messages: messages.map(scrubber(secrets).message), secrets };
  } catch (error) {
    if (!(error instanceof RunFailure)) throw error;
    const scrub = scrubber(secretRegistry.texts());
    const problems = distinct(error.reasons.flatMap((reason) => problemsOf(reason, location, directory)));
    throw new ProgramError(problems.map(scrub.problem), scrubbedError(error.reasons[0], scrub.text));
  }

  async function recordIn(activeRun: Run): Promise<Omit<Plan, "messages" | "secrets">> {
    const fail = activeRun.fail.bind(activeRun);
    const monitor = new Monitor({ ...location, provider: secretRegistry.observe(providerOf({ warn, fail })), preview, fail });
    const engine = logHandler((message) => messages.push(message));
    const onSecret = (value: unknown) => secretRegistry.addSecret(value);
    const session = { ...location, organization, preview, config, secretKeys, monitor, engine, onSecret };
    await inSession(session, async () => {
      const pending = pendingRegistrations();
      activeRun.onStuck(() => new ProgramError([{ message: stuckMessage(pending()) }]));
      await pulumi.runtime.runInPulumiStack(program as () => Promise<unknown>);
      // The program can return before its last resources are registered.
      await pulumi.runtime.disconnect();
    });
    for (const { outputs } of monitor.resources) secretRegistry.addMarked(outputs);
    secretRegistry.addMarked(monitor.stackOutputs);
    return {
      ...{ project, stack },
      resources: monitor.resources,
      outputs: monitor.stackOutputs,
      placeholders: [...(options.placeholders ?? [])].sort(compare),
      secretConfig: secretConfigByPath(config, secretKeys),
    };
  }
}

/** One error often arrives several times, sometimes wrapped in another message. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter((problem, index) => !problems.slice(0, index).some((earlier) => problem.message.includes(earlier.message)));
}

function logHandler(onMessage: (message: Message) => void): object {
  // Severity 0 is for debugging the SDK.
  const severities: Readonly<Record<number, Message["severity"]>> = { 1: "info", 2: "warning", 3: "error" };
  type Done = (error: null, response: object) => void;
  return {
    log(request: LogRequest, done: Done) {
      const severity = severities[request.getSeverity()];
      if (severity) onMessage({ severity, text: request.getMessage(), ...(request.getUrn() && { urn: request.getUrn() }) });
      done(null, {});
    },
    setRootResource: (_: unknown, done: Done) => done(null, {}),
    requirePulumiVersion: (_: unknown, done: Done) => done(null, {}),
  };
}

function stuckMessage(pending: readonly PendingRegistration[]): string {
  if (pending.length === 0) return "The program never ends: it waits for a promise that nothing resolves.";
  const waiting = pending.map(({ type, name, phase, inputProperty }) => `${type} "${name}" waits for its ${inputProperty ?? phase}`);
  return `The program never ends: ${waiting.join("; ")}. Check for resources that wait for each other, and for a promise that nothing resolves.`;
}

let selfTest: Promise<void> | undefined;

/** Versions of the SDK differ in how they send secrets to the engine. Without this test a change would go unnoticed and plans would show secrets. */
async function assertSecretMarksArrive(): Promise<void> {
  const plan = await recordOnce(
    function program() {
      new pulumi.ComponentResource("slipway:engine:SelfTest", "self-test", { deep: ["plain", pulumi.secret("canary")] });
      return { known: pulumi.secret("canary"), unknown: pulumi.secret(pulumi.unknown) };
    },
    { project: "self-test", stack: "self-test" },
  );
  const kept =
    isDeepStrictEqual(plan.resources[0]?.inputs, { deep: ["plain", new Secret("canary")] }) &&
    isDeepStrictEqual(plan.outputs, { known: new Secret("canary"), unknown: new Secret(new Unknown()) });
  if (!kept) {
    throw new Error(
      "This version of @pulumi/pulumi sends secrets without their marks, so a plan would show them. Use the version that slipway pins.",
    );
  }
}
