/**
 * Runs a Pulumi program in this process, without Pulumi's CLI, an account or a provider, and writes down what it asks for.
 *
 * Every registration is answered as a preview would answer it before anything exists.
 */
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import { type Problem, ProgramError, problemsOf, withoutSecrets } from "./error.ts";
import { Met } from "./met.ts";
import { Monitor, type Provider } from "./monitor.ts";
import { compare } from "./order.ts";
import { type Message, type Plan, type PlannedResource, Secret, Unknown, type Value } from "./plan.ts";
import { previewProvider } from "./preview.ts";
import { type Run, run, Thrown } from "./run.ts";
import { scrubber } from "./scrub.ts";
import { inSession, type PendingRegistration, pendingRegistrations } from "./sdk.ts";
import { secretConfigTexts, secretsIn } from "./secretconfig.ts";
import { Spoken } from "./spoken.ts";

export interface RecordOptions {
  readonly project: string;
  readonly stack: string;
  /** @default "organization", as Pulumi calls it where the state is in a bucket or a file. */
  readonly organization?: string;
  /** By whole key: "slipway:region", "digitalocean:apiEndpoint". */
  readonly config?: Readonly<Record<string, string>>;
  readonly secretKeys?: readonly string[];
  /** Keys whose value in `config` is only a stand-in; told in the plan. */
  readonly placeholders?: readonly string[];
  /** The program's directory: sources are told relative to it. @default the working directory */
  readonly directory?: string;
  /** Ids and outputs that a provider would fill in are unknown. @default true */
  readonly preview?: boolean;
  /** What the provider would answer, `id` among it; what it leaves out is as `preview` says. */
  readonly outputs?: (resource: PlannedResource) => Readonly<Record<string, unknown>> | undefined;
  /** What the provider would answer to `getX`. @default unknown, with a warning */
  readonly invokes?: (token: string, args: Readonly<Record<string, Value>>) => Readonly<Record<string, unknown>> | undefined;
  /** Outputs of other stacks, or of this one after an earlier run, by name; secrets among them are marked with `Secret`. */
  readonly stackReferences?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export type Program = () => unknown | Promise<unknown>;

/**
 * Any number may run in one process, one after the other or at once: each has settings, config and errors of its own.
 *
 * @throws {ProgramError} with the message meant for the reader, whatever the program threw and wherever.
 */
export async function record(program: Program, options: RecordOptions): Promise<Plan> {
  canary ??= assertSecretsKeepTheirPlace();
  await canary;
  return recordOnce(program, options);
}

function recordOnce(program: Program, options: RecordOptions): Promise<Plan> {
  const { organization = "organization", preview = true } = options;
  return perform(program, options, ({ warn }) => previewProvider({ ...options, organization, preview, warn }));
}

/** What a provider of one run can say while the run lasts. */
export interface Voice {
  warn(text: string, urn?: string): void;
  /** Ends the run with this; the SDK would wrap it in words of its own. */
  fail(error: ProgramError): void;
}

/** One run of the program in front of a provider. @throws {ProgramError} */
export async function perform(program: Program, options: RecordOptions, providerOf: (voice: Voice) => Provider): Promise<Plan> {
  const { project, stack, organization = "organization", config = {}, preview = true, directory = process.cwd() } = options;
  const secretKeys = options.secretKeys ?? [];
  const at = { project, stack, directory };
  const met = new Met(secretConfigTexts(config, secretKeys));
  const spoken = new Spoken((text) => scrubber(met.texts()).text(text));
  const said: Message[] = [];
  const warn = (text: string, urn?: string) => said.push({ severity: "warning", text, ...(urn && { urn }) });
  try {
    const asked = await spoken.during(() => run(ask));
    const secrets = met.texts();
    return { ...asked, messages: said.map(scrubber(secrets).message), secrets };
  } catch (error) {
    if (!(error instanceof Thrown)) throw error;
    const scrub = scrubber(met.texts());
    const problems = distinct(error.reasons.flatMap((reason) => problemsOf(reason, at, directory)));
    throw new ProgramError(problems.map(scrub.problem), withoutSecrets(error.reasons[0], scrub.text));
  }

  async function ask(ongoing: Run): Promise<Omit<Plan, "messages" | "secrets">> {
    const fail = ongoing.fail.bind(ongoing);
    const monitor = new Monitor({ ...at, provider: met.overhearing(providerOf({ warn, fail })), preview, fail });
    const engine = listener((message) => said.push(message));
    const session = { ...at, organization, preview, config, secretKeys, monitor, engine, onSecret: (value: unknown) => met.secret(value) };
    await inSession(session, async () => {
      const pending = pendingRegistrations();
      ongoing.whenStuck(() => new ProgramError([{ message: stuckMessage(pending()) }]));
      await pulumi.runtime.runInPulumiStack(program as () => Promise<unknown>);
      // The program may have returned while its last resources are still on their way.
      await pulumi.runtime.disconnect();
    });
    for (const { outputs } of monitor.resources) met.marked(outputs);
    met.marked(monitor.stackOutputs);
    return {
      ...{ project, stack },
      resources: monitor.resources,
      outputs: monitor.stackOutputs,
      placeholders: [...(options.placeholders ?? [])].sort(compare),
      secretConfig: secretsIn(config, secretKeys),
    };
  }
}

/** One mistake often shows in several places, some of which wrap its words in their own. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter((problem, index) => !problems.slice(0, index).some((earlier) => problem.message.includes(earlier.message)));
}

function listener(hear: (message: Message) => void): object {
  // What the SDK says of itself at severity 0 is for those who mend the SDK.
  const severities: Readonly<Record<number, Message["severity"]>> = { 1: "info", 2: "warning", 3: "error" };
  type Done = (error: null, response: object) => void;
  return {
    log(request: LogRequest, done: Done) {
      const severity = severities[request.getSeverity()];
      if (severity) hear({ severity, text: request.getMessage(), ...(request.getUrn() && { urn: request.getUrn() }) });
      done(null, {});
    },
    setRootResource: (_: unknown, done: Done) => done(null, {}),
    requirePulumiVersion: (_: unknown, done: Done) => done(null, {}),
  };
}

function stuckMessage(pending: readonly PendingRegistration[]): string {
  if (pending.length === 0) return "The program never ends: it waits for something that never comes.";
  const waiting = pending.map(({ type, name, phase, inputProperty }) => `${type} "${name}" waits for its ${inputProperty ?? phase}`);
  return `The program never ends: ${waiting.join("; ")}. Two that wait for each other, or a promise that nobody keeps?`;
}

let canary: Promise<void> | undefined;

/** The marks depend on how the SDK talks to its engine, which its versions have changed: without this, secrets would lose them unseen. */
async function assertSecretsKeepTheirPlace(): Promise<void> {
  const plan = await recordOnce(
    function sing() {
      new pulumi.ComponentResource("slipway:engine:Canary", "canary", { deep: ["plain", pulumi.secret("bird")] });
      return { known: pulumi.secret("bird"), unknown: pulumi.secret(pulumi.unknown) };
    },
    { project: "canary", stack: "canary" },
  );
  const kept =
    isDeepStrictEqual(plan.resources[0]?.inputs, { deep: ["plain", new Secret("bird")] }) &&
    isDeepStrictEqual(plan.outputs, { known: new Secret("bird"), unknown: new Secret(new Unknown()) });
  if (!kept) {
    throw new Error(
      "This version of @pulumi/pulumi hands secrets over without their marks, so a plan would show them. Use the version that slipway pins.",
    );
  }
}
