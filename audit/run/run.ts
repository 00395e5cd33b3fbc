/** Runs a program with canaries in place of its secrets. */
import { inspect } from "node:util";
import { firstFrameWithin, ProgramError } from "../../engine/error.ts";
import { isPartOf, placeholderFor } from "../../engine/placeholder.ts";
import type { Plan, Source } from "../../engine/plan.ts";
import { type Program, record } from "../../engine/record.ts";
import type { StackConfig } from "../../engine/stackfile.ts";
import { Canaries, type Origin, settingOrigin } from "./canary.ts";
import { type Effect, recordEffects } from "./effects.ts";
import { providerOutputs } from "./provider-outputs.ts";
import { type EngineRequest, observeRequests } from "./requests.ts";
import { withStackReferenceCanaries } from "./stack-references.ts";

export interface Run {
  /** By canary. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Absent if the program failed. */
  readonly plan?: Plan;
  /** What it sent to Pulumi's engine, apart from its messages also what the plan holds. */
  readonly requests: readonly EngineRequest[];
  readonly effects: readonly Effect[];
  readonly failure?: Failure;
}

export interface Failure {
  /** Masked. */
  readonly message: string;
  /** Not masked. */
  readonly raw: string;
  /** Where it was thrown. */
  readonly source?: Source;
}

export interface Subject {
  readonly program: Program;
  readonly directory: string;
  /** The program's file, which returns or exports its outputs. */
  readonly entry?: string;
  readonly config: StackConfig;
}

/** In the second run secrets have another length, so that what was computed from a length differs too. */
const OTHER_LENGTH = 37;

/** @param seed two runs with the same seed differ only if the program itself varies */
export async function runWith(seed: string, { program, directory, config }: Subject): Promise<Run> {
  const first = await attempt(seed, false);
  // A program that needs an output that is unknown here may still run in preview mode, which computes nothing with unknown outputs.
  if (first.failure === undefined || mentionsCanary(first)) return first;
  const second = await attempt(seed, true);
  return second.failure === undefined ? second : first;

  async function attempt(from: string, preview: boolean): Promise<Run> {
    const canaries = new Canaries(from, from === "two" ? OTHER_LENGTH : undefined);
    const requests: EngineRequest[] = [];
    const seeded = withCanaries(config, canaries);
    const { result, effects } = await recordEffects(directory, async (begin) => {
      // Before the engine masks them.
      const thrown: unknown[] = [];
      let stop = () => {};
      const restore = withStackReferenceCanaries(canaries);
      const observed: Program = async () => {
        begin();
        observeRequests(directory, (request) => requests.push(request));
        stop = observeErrors((reason) => thrown.push(reason));
        try {
          return await program();
        } catch (error) {
          thrown.push(error);
          throw error;
        }
      };
      try {
        return await record(observed, { ...seeded, ...providerOutputs(canaries), directory, preview });
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
        const stacks = thrown.map((reason) => (reason instanceof Error ? reason.stack : undefined));
        const source = stacks.map((stack) => firstFrameWithin(directory, stack)).find((found) => found !== undefined);
        return { message: error.message, raw: [error.message, ...thrown.map(messagesOf)].join("\n"), ...(source && { source }) };
      } finally {
        stop();
        restore();
      }
    });
    const observations = { origins: canaries.origins, requests, effects };
    return "raw" in result ? { ...observations, failure: result } : { ...observations, plan: result };
  }
}

/** As Node prints it: with its causes, its inner errors and its properties. */
function messagesOf(reason: unknown): string {
  if (!(reason instanceof Error)) return inspect(reason, INSPECTION);
  return `${reason.message}\n${inspect(reason, INSPECTION)}`;
}

const INSPECTION = { depth: 6, maxStringLength: 100_000, breakLength: Number.POSITIVE_INFINITY };

/** Errors that the program does not await reach only the process. */
function observeErrors(report: (reason: unknown) => void): () => void {
  const events = ["unhandledRejection", "uncaughtException"] as const;
  for (const event of events) process.on(event, report);
  return () => {
    for (const event of events) process.removeListener(event, report);
  };
}

function mentionsCanary({ failure, origins }: Run): boolean {
  return failure !== undefined && [...origins.keys()].some((canary) => failure.raw.includes(canary));
}

/** Replaces every secret of the stack's file, also inside of objects. Plain values stay. */
export function withCanaries(config: StackConfig, canaries: Canaries): StackConfig {
  const values = { ...config.config };
  for (const key of config.secretKeys) {
    const places = config.placeholders.filter((place) => isPartOf(place, key));
    let text = values[key] ?? "";
    for (const place of places) text = text.replaceAll(placeholderFor(place), canaries.create(settingOrigin(place)));
    values[key] = places.length > 0 ? text : withCanary(key, text, canaries);
  }
  return { ...config, config: values, placeholders: [] };
}

function withCanary(key: string, text: string, canaries: Canaries): string {
  if (!/^\s*[[{]/.test(text)) return canaries.create(settingOrigin(key));
  try {
    return JSON.stringify(JSON.parse(text), (inner, value: unknown) =>
      typeof value === "string" ? canaries.create(settingOrigin(`${key}.${inner}`)) : value,
    );
  } catch {
    return canaries.create(settingOrigin(key));
  }
}
