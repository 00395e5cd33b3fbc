/**
 * Proves where secrets go: the program runs with a canary in place of each secret, and every text that it produces is searched for them.
 *
 * It runs twice, with different canaries: a text that differs without containing one was computed from one.
 */

import type { Plan } from "../engine/plan.ts";
import { type Project, programOf } from "../engine/project.ts";
import { SECRET } from "../engine/secret-patterns.ts";
import { findSecrets, replaceSecrets } from "../engine/secret-search.ts";
import { readStack, type StackConfig } from "../engine/stackfile.ts";
import type { Audit, Finding } from "../report/audit.ts";
import { variablesOf } from "../report/plan/app-spec.ts";
import { type Declarations, readDeclarations } from "./declared.ts";
import { codeFaults, programFiles } from "./files/code.ts";
import { eventFaults } from "./files/events.ts";
import { repositoryFaults } from "./files/repository.ts";
import { roleFaults } from "./files/roles.ts";
import { stateFaults } from "./files/state.ts";
import { finding, sortFindings } from "./finding.ts";
import { exposureOf, leaks, shownFaults } from "./leaks.ts";
import { confirmProofs, type Observation, type Prober, unexpectedReaders } from "./probe/probe.ts";
import { findProofs, unreadSecrets } from "./proofs.ts";
import { findReadings, readerFaults } from "./readers.ts";
import { referenceFaults } from "./references.ts";
import { compareRuns } from "./run/compare.ts";
import { outputSources, programSource } from "./run/output-sources.ts";
import { type Place, placesOf } from "./run/places.ts";
import { type Run, runWith, type Subject } from "./run/run.ts";
import { lookFor, sightingsIn } from "./run/sightings.ts";
import { type Circumstances, structureFaults } from "./structure.ts";
import { applySuppressions, readSuppressions } from "./suppress.ts";

export interface AuditOptions {
  readonly stack: string;
  /** Config values by key, over those of the stack's file. */
  readonly config?: Readonly<Record<string, string>>;
  /** The day for which ages are computed, YYYY-MM-DD. @default today */
  readonly today?: string;
  /** Days after which a generated secret is too old. @default 365 */
  readonly maxAgeDays?: number;
  /** Starts the components, to verify at run time what the plan shows. @default none: proofs are by static trace */
  readonly prober?: Prober;
}

/** Audits the program and its repository, and applies the repository's suppressions. The working directory has to be `project.directory`. */
export async function audit(project: Project, options: AuditOptions): Promise<Audit> {
  const { stack, config = {}, today = day(), maxAgeDays = 365, prober } = options;
  const suppressions = readSuppressions(project.root);
  const stackConfig = readStack(project, stack, { ...config, [`${project.name}:placeholders`]: "true" });
  const subject = { program: programOf(project), directory: project.directory, entry: project.entry, config: stackConfig };
  const circumstances = { production: isProduction(stackConfig), today, maxAgeDays };
  const { settings, ...result } = await auditProgram(subject, circumstances, prober);
  const inFiles = [...codeFaults(programFiles(project.entry, project.directory), settings), ...repositoryFaults(project.root)];
  const accused = new Set(inFiles.map(({ secret }) => secret));
  const { findings, suppressed, notes } = applySuppressions([...result.findings, ...inFiles], suppressions, today);
  return {
    ...result,
    findings: sortFindings(findings),
    suppressed,
    proofs: result.proofs.filter(({ secret }) => !accused.has(secret)),
    notes: [...result.notes, ...notes],
  };
}

/** Audits a file that Pulumi wrote, without a program. @param name of the file */
export function auditFile(kind: "state" | "events", text: string, name: string, directory: string, today = day()): Audit {
  const found = kind === "state" ? stateFaults(text, name) : eventFaults(text, name);
  const { findings, suppressed } = applySuppressions(found, readSuppressions(directory), today);
  return { stack: name, findings: sortFindings(findings), suppressed, proofs: [], declared: [], notes: [] };
}

export interface ProgramAudit extends Audit {
  /** The names of all secret settings, set or not, by whole key. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Audits what the program does when it runs, and its plan. */
export async function auditProgram(given: Subject, circumstances: Circumstances, prober?: Prober): Promise<ProgramAudit> {
  const { subject, run } = await withOperatorSecrets(given);
  const { plan } = run;
  const { stack, secretKeys } = subject.config;
  const look = lookFor(run.origins);
  const outputSource = outputSources(subject);
  const places = placesOf(run, outputSource);
  const sightings = sightingsIn(places, look);
  if (plan === undefined) {
    const leaked = leaks(undefined, sightings, NO_DECLARATIONS, programSource(subject));
    const { findings: derived } = await compareRuns(
      subject,
      { places, look },
      {
        ...{ declarations: NO_DECLARATIONS, origins: run.origins, placesOf, isExposed: (place) => exposureOf(place) !== undefined },
      },
    );
    return {
      stack,
      findings: sortFindings([...leaked, ...derived, ...(leaked.length === 0 && derived.length === 0 ? maskedErrors(run) : [])]),
      suppressed: [],
      proofs: [],
      declared: [],
      notes: [],
      failure: failureText(run),
      settings: new Map(secretKeys.map((key) => [key, key])),
    };
  }
  const declarations = readDeclarations(plan, run.origins);
  const evidence = { plan, declarations, sightings, readings: findReadings(plan, run.origins, look) };
  const compared = await compareRuns(
    subject,
    { places, look },
    {
      ...{ plan, declarations, origins: run.origins, isExposed: exposedIn(plan) },
      placesOf: (other) => placesOf(other, outputSource),
    },
  );
  const { observation, notes } = await probe(prober, subject);
  const leaked = leaks(plan, sightings, declarations, programSource(subject));
  const findings = sortFindings([
    ...leaked,
    ...shownFaults(plan, look, declarations, leaked),
    ...readerFaults(evidence.readings, declarations),
    ...unreadSecrets(evidence),
    ...referenceFaults(plan, evidence.readings, declarations),
    ...compared.findings,
    ...structureFaults(plan, circumstances),
    ...roleFaults(plan, subject.directory),
    ...(observation === undefined ? [] : unexpectedReaders(evidence, observation)),
  ]);
  const proofs = findProofs(evidence, findings);
  return {
    stack,
    findings,
    suppressed: [],
    proofs: observation === undefined ? proofs : confirmProofs(proofs, evidence, observation),
    declared: declarations.all.map(({ name }) => name),
    notes: [...compared.notes, ...notes],
    settings: new Map([...secretKeys.map((key) => [key, key] as const), ...settingsOf(declarations)]),
  };
}

/** App Platform shows a variable of the type GENERAL, and the log of a build. */
function exposedIn(plan: Plan): (place: Place) => boolean {
  const shown = new Set(
    variablesOf(plan)
      .filter(({ type, scope }) => type !== "SECRET" || scope !== "RUN_TIME")
      .map(({ resource, path }) => `${resource.urn} ${path}.value`),
  );
  return (place) => exposureOf(place) !== undefined || (place.kind === "input" && shown.has(`${place.urn} ${place.path}`));
}

/** A program that cannot run here, for example because of another provider, keeps its proofs by static trace. */
async function probe(
  prober: Prober | undefined,
  subject: Subject,
): Promise<{ readonly observation?: Observation; readonly notes: readonly string[] }> {
  if (prober === undefined) return { notes: [] };
  try {
    return { observation: await prober(subject), notes: [] };
  } catch (error) {
    return { notes: [`Nothing was verified at run time, because the program failed with --run: ${(error as Error).message}`] };
  }
}

/** Secrets that the operator has not set yet get a canary too: the first plan names their keys, and the program runs again with those. */
async function withOperatorSecrets(subject: Subject): Promise<{ readonly subject: Subject; readonly run: Run }> {
  const run = await runWith("one", subject);
  if (run.plan === undefined) return { subject, run };
  const keys = [...settingsOf(readDeclarations(run.plan, run.origins)).keys()];
  const missing = keys.filter((key) => subject.config.config[key] === undefined);
  if (missing.length === 0) return { subject, run };
  const { config, secretKeys } = subject.config;
  const complete = {
    ...subject,
    config: {
      ...subject.config,
      config: { ...config, ...Object.fromEntries(missing.map((key) => [key, ""])) },
      secretKeys: [...secretKeys, ...missing],
    },
  };
  return { subject: complete, run: await runWith("one", complete) };
}

function settingsOf({ all }: Declarations): ReadonlyMap<string, string> {
  return new Map(all.flatMap(({ name, origin: { id, kind } }) => (kind === "config" ? [[id.slice("config ".length), name] as const] : [])));
}

function isProduction({ project, stack, config }: StackConfig): boolean {
  return (config[`${project}:environment`] ?? stack).startsWith("prod");
}

function day(): string {
  return new Date().toISOString().slice(0, 10);
}

const NO_DECLARATIONS: Declarations = { all: [], nameOf: ({ what }) => what };

/** If the engine masked the error before the audit could read it, the mask itself shows that it contained a secret. */
function maskedErrors({ failure }: Run): Finding[] {
  if (!failure?.message.includes(SECRET)) return [];
  const what = "the error that ends the program";
  return [
    finding({
      rule: "secret-in-error",
      message: `A secret appears in ${what}.`,
      flow: [{ what, path: what, ...(failure.source && { source: failure.source }) }],
    }),
  ];
}

/** A message can repeat a secret that is not a setting; the engine masks settings only. */
function failureText({ failure, origins }: Run): string {
  const text = failure?.message ?? "";
  return replaceSecrets(text, findSecrets(text, [...origins.keys()]), SECRET);
}
