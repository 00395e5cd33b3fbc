/**
 * Changes the phase of a system by one step: the setting in the stack's file, a deployment of the program, and the question to the running services.
 *
 * A run that was killed at any moment is continued by the same command: each step begins with what the journal, the file and the services say.
 */
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Phase } from "../../settings/settings.ts";
import { openJsonLines, readJsonLines } from "../json-lines.ts";
import type { Deployer } from "../rotate/rotation.ts";
import { checkGates, type Evidence, GATES, type Gate, type GateResult } from "./gates.ts";
import { type Began, findUnfinished, type PhaseEntry } from "./journal.ts";
import { type Direction, directionOf, neighborOf, readsJson } from "./phases.ts";
import { type RunningPhase, waitForPhase } from "./running.ts";
import { type PhaseSetting, readPhase, type WrittenPhase, writePhase } from "./stack-file.ts";

export interface PhaseSubject {
  readonly system: string;
  readonly setting: PhaseSetting;
  /** Those in which the stack can be. */
  readonly allowed: readonly Phase[];
  /** The path of the journal. */
  readonly journal: string;
  readonly deployer: Deployer;
  readonly evidence: Evidence;
  /** "--stack prod --system shop" */
  readonly flags: string;
  readRunning(): Promise<readonly RunningPhase[]>;
}

export interface ChangeOptions {
  readonly direction: Direction;
  /** @default the phase in that direction */
  readonly to?: Phase | undefined;
  /** Gates to skip if they are closed. */
  readonly force: readonly string[];
  readonly reason: string | undefined;
  /** How long the services may take to report the phase after the deployment. */
  readonly waitMs: number;
  readonly report: (line: string) => void;
}

export interface Changed {
  readonly from: Phase;
  readonly to: Phase;
  readonly since: string;
  /** false where the services reported the phase already, and nothing had to be done. */
  readonly isChanged: boolean;
  readonly gates: readonly GateResult[];
  readonly forced: readonly Gate[];
  /** From the start of the deployment until every service reported the phase. */
  readonly seconds: number;
}

export interface PhaseStatus {
  readonly phase: Phase;
  readonly since: string | undefined;
  readonly unfinished: Began | undefined;
  readonly running: readonly RunningPhase[];
  readonly next: Step | undefined;
  readonly back: Step | undefined;
  readonly history: readonly PhaseEntry[];
}

export interface Step {
  readonly to: Phase;
  readonly gates: readonly GateResult[];
}

export async function readStatus(subject: PhaseSubject, now = Date.now()): Promise<PhaseStatus> {
  const written = readPhase(subject.setting);
  const history = readJsonLines<PhaseEntry>(subject.journal);
  const step = async (direction: Direction): Promise<Step | undefined> => {
    const to = neighborOf(written.phase, direction);
    return to === undefined || !subject.allowed.includes(to) ? undefined : { to, gates: await gatesTo(subject, written, to, history, now) };
  };
  return {
    ...{ phase: written.phase, since: written.since, unfinished: findUnfinished(history), history },
    ...{ running: await subject.readRunning(), next: await step("next"), back: await step("back") },
  };
}

export async function changePhase(subject: PhaseSubject, options: ChangeOptions): Promise<Changed> {
  const forced = readForced(options);
  const written = readPhase(subject.setting);
  const entries = readJsonLines<PhaseEntry>(subject.journal);
  const unfinished = findUnfinished(entries);
  const to = targetOf(subject, written.phase, unfinished, options);
  if (unfinished !== undefined) return await finish(subject, options, unfinished, to);
  if (to === written.phase) return await confirm(subject, options, written);

  await requireReported(subject, written.phase);
  const from = written.phase;
  const gates = await gatesTo(subject, written, to, entries, Date.now());
  const closed = requireOpen(gates, forced, { from, to, flags: subject.flags });
  await subject.deployer.requireNoChanges();
  const began: Began = {
    ...{ kind: "began", from, to, at: new Date().toISOString() },
    ...(closed.length > 0 && { forced: closed, reason: options.reason!.trim() }),
  };
  append(subject, began);
  return { ...(await deployPhase(subject, options, began)), gates, forced: closed };
}

/** Continues an unfinished change, or returns to the phase before it: in neither did the services ever stop writing what they wrote before. */
async function finish(subject: PhaseSubject, options: ChangeOptions, unfinished: Began, to: Phase): Promise<Changed> {
  const { from, at } = unfinished;
  const isContinued = to === unfinished.to;
  options.report(`${isContinued ? "Continue" : "Revert"} the change from ${from} to ${unfinished.to} that began at ${at}`);
  const step: Began = isContinued ? unfinished : { kind: "began", from: unfinished.to, to, at: new Date().toISOString() };
  if (!isContinued) append(subject, step);
  return { ...(await deployPhase(subject, options, step)), gates: [], forced: (step.forced ?? []) as readonly Gate[] };
}

/** Where the phase is written already: the services may report another one, or it is not recorded since when they report it. */
async function confirm(subject: PhaseSubject, options: ChangeOptions, { phase, since }: WrittenPhase): Promise<Changed> {
  const step = { from: phase, to: phase };
  const nothing = { gates: [], forced: [] };
  if (since !== undefined && (await subject.readRunning()).every(({ phases }) => phases.includes(phase)))
    return { ...step, ...nothing, since, isChanged: false, seconds: 0 };
  return { ...(await deployPhase(subject, options, step)), ...nothing };
}

type Deployed = Omit<Changed, "gates" | "forced">;

async function deployPhase(
  subject: PhaseSubject,
  { report, waitMs, direction }: ChangeOptions,
  { from, to, forced, reason }: Pick<Began, "from" | "to" | "forced" | "reason">,
): Promise<Deployed> {
  const { setting, deployer, flags } = subject;
  const { phase, since: before } = readPhase(setting);
  if (phase !== to || before !== undefined) {
    report(`Write ${to} into ${setting.name}`);
    writePhase(setting, { phase: to }, forced === undefined ? undefined : `${from} to ${to} without ${forced.join(", ")}: ${reason}`);
  }
  const start = performance.now();
  report("Deploy the program");
  await deployer.deploy();
  report("Ask the services for their phase");
  const running = await waitForPhase(subject.readRunning, to, waitMs);
  const others = running.filter(({ phases }) => !phases.includes(to));
  if (others.length > 0)
    throw new Failure(
      "phase-not-reported",
      1,
      `${setting.name} has phase ${to} and was deployed, but ${others.map(describe).join("; ")}. See the log of the service, fix the cause, and type the same command again. To return instead: slipway phase ${direction === "next" ? "back" : "next"} ${flags}`,
    );
  const seconds = Math.round(performance.now() - start) / 1000;
  const since = new Date().toISOString();
  writePhase(setting, { phase: to, since });
  append(subject, { kind: "done", from, to, at: since });
  return { from, to, since, isChanged: true, seconds };
}

function append({ journal }: PhaseSubject, entry: PhaseEntry): void {
  const lines = openJsonLines<PhaseEntry>(journal);
  try {
    lines.append(entry);
  } finally {
    lines.close();
  }
}

/** One step from the phase of the file; while a change is unfinished, one of its two phases. */
function targetOf(
  { allowed, setting, flags }: PhaseSubject,
  phase: Phase,
  unfinished: Began | undefined,
  { direction, to }: ChangeOptions,
): Phase {
  const target = to ?? (unfinished === undefined ? neighborOf(phase, direction) : endOf(unfinished, direction));
  if (target === undefined)
    throw new Failure(
      "phase-last",
      2,
      `${phase} is the ${direction === "next" ? "last" : "first"} phase. Nothing was changed. See: slipway phase status ${flags}`,
    );
  if (unfinished !== undefined && target !== unfinished.from && target !== unfinished.to)
    throw new Failure(
      "phase-unfinished",
      2,
      `The change from ${unfinished.from} to ${unfinished.to} is unfinished. Nothing was changed. Continue it: slipway phase ${directionOf(unfinished.from, unfinished.to)} ${flags}`,
    );
  if (unfinished === undefined && target !== phase && neighborOf(phase, direction) !== target)
    throw new Failure(
      "phase-step",
      2,
      `The phase is ${phase}, and it changes by one step at a time: slipway phase ${directionOf(phase, target)} ${flags} leads to ${neighborOf(phase, directionOf(phase, target))}. Nothing was changed.`,
    );
  if (!allowed.includes(target))
    throw new Failure(
      "phase-not-allowed",
      2,
      readsJson(target)
        ? `In ${target} the product reads JSON files, and App Platform deletes the files of a container at every restart. The stack of ${setting.name} can be in ${allowed.join(", ")}. Nothing was changed.`
        : `In ${target} the JSON copy is an export of the worker that makes backups, and the stack of ${setting.name} makes none. Nothing was changed. Set slipway:backups.recipients, as docs/backup.md describes, deploy, and type the command again.`,
    );
  return target;
}

const endOf = ({ from, to }: Began, direction: Direction): Phase => (directionOf(from, to) === direction ? to : from);

/** A change begins where all services are in the phase of the file: otherwise something else deploys, or the file is not deployed. */
async function requireReported(subject: PhaseSubject, phase: Phase): Promise<void> {
  const running = await subject.readRunning();
  if (running.length === 0)
    throw new Failure(
      "phase-unreported",
      2,
      `No service of ${subject.system} declares where it reports its phase, so a change cannot be verified. Declare it: checks.phase in systems/${subject.system}.ts`,
    );
  const others = running.filter(({ phases }) => !phases.includes(phase));
  if (others.length > 0)
    throw new Failure(
      "phase-differs",
      1,
      `${subject.setting.name} has phase ${phase}, but ${others.map(describe).join("; ")}. Nothing was changed. Deploy the stack first, or start the services that report their phase.`,
    );
}

const describe = ({ service, phases, problem }: RunningPhase): string => `${service}: ${problem ?? `it reports ${phases.join(" or ")}`}`;

const gatesTo = async (
  { evidence, flags }: PhaseSubject,
  { phase: from, since }: WrittenPhase,
  to: Phase,
  history: readonly PhaseEntry[],
  now: number,
): Promise<readonly GateResult[]> =>
  await checkGates({ from, to, since, wasPostgresOnly: wasPostgresOnly(from, history), evidence, flags, now });

/** Whether the files may lack something that Postgres has. Without a record, they do where the phase reads Postgres. */
function wasPostgresOnly(phase: Phase, history: readonly PhaseEntry[]): boolean {
  let lacks = !readsJson(history[0]?.from ?? phase);
  for (const { to, from } of history) {
    if (to === "P3" || from === "P3") lacks = true;
    else if (readsJson(to)) lacks = false;
  }
  return lacks;
}

function readForced({ force, reason }: ChangeOptions): readonly Gate[] {
  const unknown = force.find((name) => !GATES.some((gate) => gate === name));
  if (unknown !== undefined)
    throw new Failure("gate-unknown", 2, `There is no gate "${unknown}". There are: ${GATES.join(", ")}. Nothing was changed.`);
  if (force.length > 0 && (reason ?? "").trim() === "")
    throw new Failure(
      "reason-missing",
      2,
      `--force needs the reason, which is kept: --force ${force[0]} --reason "<why>". Nothing was changed.`,
    );
  return force as readonly Gate[];
}

/** @returns those that are closed, and forced */
function requireOpen(
  gates: readonly GateResult[],
  forced: readonly Gate[],
  { from, to, flags }: { readonly from: Phase; readonly to: Phase; readonly flags: string },
): readonly Gate[] {
  const closed = gates.filter(({ isOpen }) => !isOpen);
  const refused = closed.filter(({ gate }) => !forced.includes(gate));
  if (refused.length === 0) return closed.map(({ gate }) => gate);
  const lines = refused.map(({ gate, evidence, next }) => `\n  ${gate}: ${evidence}.${next === undefined ? "" : ` Type: ${next}`}`);
  throw new Failure(
    "gate-closed",
    1,
    `The change from ${from} to ${to} is refused, and nothing was changed:${lines.join("")}\nTo skip one, with a reason that is kept: slipway phase ${directionOf(from, to)} ${flags} --force ${refused[0]!.gate} --reason "<why>"`,
  );
}
