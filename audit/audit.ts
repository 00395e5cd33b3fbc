/**
 * Where secrets go, proved: the program runs with a canary in the place of each, and every text that comes out of it is read for them.
 *
 * It runs twice, with other canaries: what differs without holding one was computed from one.
 */
import { findSecrets, replaceSecrets } from "../engine/secret-search.ts";
import type { Plan } from "../engine/plan.ts";
import { type Project, programOf } from "../engine/project.ts";
import { SECRET } from "../engine/secret-patterns.ts";
import { readStack, type StackConfig } from "../engine/stackfile.ts";
import type { Audit, Finding } from "../report/audit.ts";
import { type Declarations, declarations } from "./declared.ts";
import { codeFaults, programFiles } from "./files/code.ts";
import { eventFaults } from "./files/events.ts";
import { repositoryFaults } from "./files/repository.ts";
import { roleFaults } from "./files/roles.ts";
import { stateFaults } from "./files/state.ts";
import { finding, inOrder } from "./finding.ts";
import { leaks } from "./leaks.ts";
import { confirmed, type Hearing, unexpected, type Witness } from "./probe/probe.ts";
import { proofs, unread } from "./proofs.ts";
import { readerFaults, readings } from "./readers.ts";
import { derivedFaults, derivedPlaces, type Looked, withoutChance } from "./run/derived.ts";
import { literals } from "./run/literals.ts";
import { placesOf } from "./run/places.ts";
import { type Run, runWith, type Subject } from "./run/run.ts";
import { lookFor, sightingsIn } from "./run/sightings.ts";
import { shownFaults } from "./shown.ts";
import { type Circumstances, structureFaults } from "./structure.ts";
import { readSuppressions, sift } from "./suppress.ts";

export interface AuditOptions {
  readonly stack: string;
  /** Config values by key, over those of the stack's file. */
  readonly config?: Readonly<Record<string, string>>;
  /** The day on which ages are told, YYYY-MM-DD. @default today */
  readonly today?: string;
  /** Days after which a generated secret is too old. @default 365 */
  readonly maxAgeDays?: number;
  /** Starts what the plan only tells of. @default nobody: proofs are of the wiring */
  readonly witness?: Witness;
}

/** The program, the repository around it, and what its owners decided to live with. Be in `project.directory`. */
export async function audit(project: Project, options: AuditOptions): Promise<Audit> {
  const { stack, config = {}, today = day(), maxAgeDays = 365, witness } = options;
  const suppressions = readSuppressions(project.root);
  const asked = { [`${project.name}:placeholders`]: "true" };
  const read = readStack(project, stack, { ...config, ...asked });
  const subject = { program: programOf(project), directory: project.directory, config: read };
  const circumstances = { production: isProduction(read), today, maxAgeDays };
  const told = await auditProgram(subject, circumstances, witness);
  const files = programFiles(project.entry, project.directory);
  const inFiles = [...codeFaults(files, told.settings), ...repositoryFaults(project.root)];
  const accused = new Set(inFiles.map(({ secret }) => secret));
  const { findings, suppressed, notes } = sift([...told.findings, ...inFiles], suppressions, today);
  const { settings: _, ...rest } = told;
  return {
    ...rest,
    findings: inOrder(findings),
    suppressed,
    proofs: told.proofs.filter(({ secret }) => !accused.has(secret)),
    notes: [...told.notes, ...notes],
  };
}

/** A file of Pulumi's, read without a program. `stack` is the file's name. */
export function auditFile(kind: "state" | "events", text: string, name: string, directory: string, today = day()): Audit {
  const found = kind === "state" ? stateFaults(text, name) : eventFaults(text, name);
  const { findings, suppressed } = sift(found, readSuppressions(directory), today);
  return { stack: name, findings: inOrder(findings), suppressed, proofs: [], declared: [], notes: [] };
}

export interface ProgramAudit extends Audit {
  /** The settings that are secret, whether they are set or not: what each is called as a secret, by its whole key. */
  readonly settings: ReadonlyMap<string, string>;
}

/** What running it tells, and its plan. */
export async function auditProgram(asked: Subject, circumstances: Circumstances, witness?: Witness): Promise<ProgramAudit> {
  const { subject, run } = await withOperatorSecrets(asked);
  const { plan } = run;
  const { stack, secretKeys } = subject.config;
  const look = lookFor(run.origins);
  const places = placesOf(run);
  const sightings = sightingsIn(places, look);
  if (plan === undefined) {
    const leaked = leaks(undefined, sightings, UNDECLARED);
    const findings = inOrder([...leaked, ...(leaked.length === 0 ? maskedErrors(run) : [])]);
    return {
      stack,
      findings,
      suppressed: [],
      proofs: [],
      declared: [],
      notes: [],
      failure: failureText(run),
      settings: new Map(secretKeys.map((key) => [key, key])),
    };
  }
  const told = declarations(plan, run.origins);
  const evidence = { plan, declarations: told, sightings, readings: readings(plan, run.origins, look) };
  const compared = await compare(subject, { places, look }, plan);
  const { hearing, notes } = await hear(witness, subject);
  const leaked = leaks(plan, sightings, told);
  const findings = inOrder([
    ...leaked,
    ...shownFaults(plan, look, told, leaked),
    ...readerFaults(evidence.readings, told),
    ...unread(evidence),
    ...compared.findings,
    ...structureFaults(plan, circumstances),
    ...roleFaults(plan, subject.directory),
    ...(hearing === undefined ? [] : unexpected(evidence, hearing)),
  ]);
  const proved = proofs(evidence, findings);
  return {
    stack,
    findings,
    suppressed: [],
    proofs: hearing === undefined ? proved : confirmed(proved, evidence, hearing),
    declared: told.all.map(({ name }) => name),
    notes: [...compared.notes, ...notes],
    settings: new Map([...secretKeys.map((key) => [key, key] as const), ...settingsOf(told)]),
  };
}

/** What cannot be made here, such as another provider's resource, leaves the proofs what they are. */
async function hear(
  witness: Witness | undefined,
  subject: Subject,
): Promise<{ readonly hearing?: Hearing; readonly notes: readonly string[] }> {
  if (witness === undefined) return { notes: [] };
  try {
    return { hearing: await witness(subject), notes: [] };
  } catch (error) {
    return { notes: [`Nothing was seen, because the program did not come to its end with --run: ${(error as Error).message}`] };
  }
}

/** What operators have not typed yet gets a canary as well: once a plan has said which keys those are, they are given. */
async function withOperatorSecrets(subject: Subject): Promise<{ readonly subject: Subject; readonly run: Run }> {
  const run = await runWith("one", subject);
  const missing =
    run.plan === undefined
      ? []
      : [...settingsOf(declarations(run.plan, run.origins)).keys()].filter((key) => subject.config.config[key] === undefined);
  if (missing.length === 0) return { subject, run };
  const { config, secretKeys } = subject.config;
  const given = {
    ...subject,
    config: {
      ...subject.config,
      config: { ...config, ...Object.fromEntries(missing.map((key) => [key, ""])) },
      secretKeys: [...secretKeys, ...missing],
    },
  };
  return { subject: given, run: await runWith("one", given) };
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

const UNDECLARED: Declarations = { all: [], nameOf: ({ what }) => what };

/** What only two runs together tell. */
async function compare(
  subject: Subject,
  one: Looked,
  plan: Plan,
): Promise<{ readonly findings: readonly Finding[]; readonly notes: readonly string[] }> {
  const second = await runWith("two", subject);
  if (second.failure !== undefined) {
    return {
      findings: [],
      notes: [`What is computed from a secret was not looked for, because a second run failed: ${second.failure.message}`],
    };
  }
  const other = { places: placesOf(second), look: lookFor(second.origins) };
  const written = literals(plan, one.places, other.places, one.look);
  const suspects = derivedPlaces(one, other);
  if (suspects.length === 0) return { findings: written, notes: [] };
  const derived = derivedFaults(withoutChance(suspects, placesOf(await runWith("one", subject))), plan);
  return { findings: [...written, ...derived], notes: [] };
}

/** Where not even the audit came before the mask, the mark tells that a secret stood there. */
function maskedErrors({ failure }: Run): Finding[] {
  if (!failure?.message.includes(SECRET)) return [];
  const what = "the error that ends the program";
  return [finding({ rule: "secret-in-error", message: `A secret stands in ${what}.`, flow: [{ what, path: what }] })];
}

/** A message may repeat a secret that is no setting, which the engine does not mask. */
function failureText({ failure, origins }: Run): string {
  const text = failure?.message ?? "";
  return replaceSecrets(text, findSecrets(text, [...origins.keys()]), SECRET);
}
