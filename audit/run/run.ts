/** One run of a program with canaries in the place of its secrets. */

import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import * as state from "@pulumi/pulumi/runtime/state.js";
import { ProgramError } from "../../engine/error.ts";
import type { Plan } from "../../engine/plan.ts";
import { type Program, record } from "../../engine/record.ts";
import type { StackConfig } from "../../engine/stackfile.ts";
import { placeholderFor } from "../../engine/placeholder.ts";
import { Canaries, type Origin, settingOrigin } from "./canary.ts";
import { answersWith } from "./provider-outputs.ts";
import { type Overheard, watching } from "./side-effects.ts";

export interface Run {
  /** By canary. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Absent where the program failed. */
  readonly plan?: Plan;
  /** What it said to Pulumi's engine, word for word: a plan's messages are masked. */
  readonly said: readonly Said[];
  readonly overheard: readonly Overheard[];
  readonly failure?: Failure;
}

export interface Said {
  readonly text: string;
  readonly urn?: string;
}

export interface Failure {
  /** For the reader: without secrets. */
  readonly message: string;
  /** Word for word. */
  readonly raw: string;
}

export interface Subject {
  readonly program: Program;
  readonly directory: string;
  readonly config: StackConfig;
}

/** @param seed Two runs with the same seed differ in nothing but what the program itself makes different. */
export async function runWith(seed: string, { program, directory, config }: Subject): Promise<Run> {
  const first = await attempt(seed, false);
  // A program that computes with what nobody answers here can still be followed as in a preview, where nothing is computed.
  return first.failure === undefined || mentions(first) ? first : pick(first, await attempt(seed, true));

  async function attempt(from: string, preview: boolean): Promise<Run> {
    const canaries = new Canaries(from);
    const said: Said[] = [];
    const seeded = withCanaries(config, canaries);
    const { result, overheard } = await watching(directory, async (begin) => {
      // Before they are masked.
      const thrown: unknown[] = [];
      let deafen = () => {};
      const listened: Program = async () => {
        begin();
        listen((one) => said.push(one));
        deafen = listenForErrors((reason) => thrown.push(reason));
        try {
          return await program();
        } catch (error) {
          thrown.push(error);
          throw error;
        }
      };
      try {
        return await record(listened, { ...seeded, ...answersWith(canaries), directory, preview });
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
        return { message: error.message, raw: [error.message, ...thrown.map(wordsOf)].join("\n") };
      } finally {
        deafen();
      }
    });
    const ran = { origins: canaries.origins, said, overheard };
    return "raw" in result ? { ...ran, failure: result } : { ...ran, plan: result };
  }
}

/** An error's words and those of what caused it. */
function wordsOf(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason);
  return reason.cause === undefined ? reason.message : `${reason.message}\n${wordsOf(reason.cause)}`;
}

/** What nobody awaited reaches only the process. */
function listenForErrors(hear: (reason: unknown) => void): () => void {
  const events = ["unhandledRejection", "uncaughtException"] as const;
  for (const event of events) process.on(event, hear);
  return () => {
    for (const event of events) process.removeListener(event, hear);
  };
}

function pick(first: Run, second: Run): Run {
  return second.failure === undefined ? second : first;
}

/** It failed with a secret on its lips. */
function mentions({ failure, origins }: Run): boolean {
  return failure !== undefined && [...origins.keys()].some((canary) => failure.raw.includes(canary));
}

/** The SDK's client of the engine is an object of the session; what passes it is not masked yet. */
function listen(hear: (said: Said) => void): void {
  const { settings } = (state as unknown as { getStore(): { settings: { engine: Engine } } }).getStore();
  const { log } = settings.engine;
  settings.engine.log = (request, done) => {
    if (request.getSeverity() > 0) hear({ text: request.getMessage(), ...(request.getUrn() && { urn: request.getUrn() }) });
    return log(request, done);
  };
}

interface Engine {
  log(request: LogRequest, done: unknown): void;
}

/** Every secret of the stack's file, also those deep in an object; what is plain stays as it is. */
export function withCanaries(config: StackConfig, canaries: Canaries): StackConfig {
  const values = { ...config.config };
  for (const key of config.secretKeys) {
    const places = config.placeholders.filter((place) => place === key || place.startsWith(`${key}.`) || place.startsWith(`${key}[`));
    let text = values[key] ?? "";
    for (const place of places) text = text.replaceAll(placeholderFor(place), canaries.sing(settingOrigin(place)));
    values[key] = places.length > 0 ? text : sungOver(key, text, canaries);
  }
  return { ...config, config: values, placeholders: [] };
}

function sungOver(key: string, text: string, canaries: Canaries): string {
  if (!/^\s*[[{]/.test(text)) return canaries.sing(settingOrigin(key));
  try {
    return JSON.stringify(JSON.parse(text), (inner, value: unknown) =>
      typeof value === "string" ? canaries.sing(settingOrigin(`${key}.${inner}`)) : value,
    );
  } catch {
    return canaries.sing(settingOrigin(key));
  }
}
