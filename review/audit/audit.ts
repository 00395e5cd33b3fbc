/**
 * Where secrets go, proved: the program runs with a canary in the place of each, and every text that comes out of it is read for them.
 *
 * It runs twice, with other canaries: what differs without holding one was computed from one.
 */
import type { Plan } from "../../engine/plan.ts";
import type { Project } from "../../engine/project.ts";
import { programOf } from "../../engine/project.ts";
import { ProjectError } from "../../engine/projecterror.ts";
import { readStack } from "../../engine/stackfile.ts";
import type { Audit, Finding } from "../finding.ts";
import { type Declarations, declarations } from "./declared.ts";
import { derivedFaults, derivedPlaces, withoutChance } from "./derived.ts";
import { inOrder } from "./found.ts";
import { leaks } from "./leaks.ts";
import { placesOf } from "./places.ts";
import { proofs, unread } from "./proofs.ts";
import { readerFaults, readings } from "./readers.ts";
import { type Run, runWith, type Subject } from "./run.ts";
import { lookFor, sightingsIn } from "./sightings.ts";

export interface AuditOptions {
  readonly stack: string;
  /** Config values by key, over those of the stack's file. */
  readonly config?: Readonly<Record<string, string>>;
}

export async function audit(project: Project, { stack, config = {} }: AuditOptions): Promise<Audit> {
  const asked = { [`${project.name}:placeholders`]: "true" };
  const subject = { program: programOf(project), directory: project.directory, config: readStack(project, stack, { ...config, ...asked }) };
  return auditOf(subject);
}

export async function auditOf(subject: Subject): Promise<Audit> {
  const run = await runWith("one", subject);
  const { plan } = run;
  const look = lookFor(run.origins);
  const places = placesOf(run);
  const sightings = sightingsIn(places, look);
  const { stack } = subject.config;
  if (plan === undefined) {
    const findings = leaks(undefined, sightings, NOBODY);
    return { stack, findings: inOrder(findings), suppressed: [], proofs: [], declared: [], notes: [], failure: failureText(run) };
  }
  const told = declarations(plan, run.origins);
  const read = readings(plan, run.origins, look);
  const evidence = { plan, declarations: told, sightings, readings: read };
  const { findings: derived, notes } = await derivedIn(subject, { places, look }, plan);
  const findings = [...leaks(plan, sightings, told), ...readerFaults(read, told), ...unread(evidence), ...derived];
  return {
    stack,
    findings: inOrder(findings),
    suppressed: [],
    proofs: proofs(evidence, findings),
    declared: told.all.map(({ name }) => name),
    notes,
  };
}

const NOBODY: Declarations = { all: [], nameOf: ({ what }) => what, told: false };

async function derivedIn(
  subject: Subject,
  one: Parameters<typeof derivedPlaces>[0],
  plan: Plan,
): Promise<{ readonly findings: readonly Finding[]; readonly notes: readonly string[] }> {
  try {
    const second = await runWith("two", subject);
    const suspects = derivedPlaces(one, { places: placesOf(second), look: lookFor(second.origins) });
    if (suspects.length === 0) return { findings: [], notes: [] };
    return { findings: derivedFaults(withoutChance(suspects, placesOf(await runWith("one", subject))), plan), notes: [] };
  } catch (error) {
    if (!(error instanceof ProjectError)) throw error;
    return { findings: [], notes: [`What is computed from a secret was not looked for: ${error.message}`] };
  }
}

/** A message may repeat a secret that is no setting, which the engine does not mask. */
function failureText({ failure, origins }: Run): string {
  return [...origins.keys()].reduce((text, canary) => text.replaceAll(canary, "[secret]"), failure?.message ?? "");
}
