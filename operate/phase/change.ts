/**
 * Changes the phase of a system by one step: the setting in the stack's file, a deployment of the program, and the question to the running services.
 *
 * A run that was killed at any moment is continued by the same command: each step begins with what the journal, the file and the services say.
 */
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Phase } from "../../settings/settings.ts";
import type { Deployer } from "../rotate/rotation.ts";
import { checkGates, type Evidence, GATES, type Gate, type GateResult } from "./gates.ts";
import { findUnfinished, openPhaseJournal, type PhaseEntry } from "./journal.ts";
import { type Direction, directionOf, neighborOf, readsJson } from "./phases.ts";
import { type RunningPhase, waitForPhase } from "./running.ts";
import { type PhaseSetting, readPhase, type WrittenPhase, writePhase } from "./stack-file.ts";

export interface PhaseSubject {
  readonly system: string;
  readonly setting: PhaseSetting;
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
  readonly unfinished: { readonly from: Phase; readonly to: Phase; readonly at: string } | undefined;
  readonly running: readonly RunningPhase[];
  readonly next: { readonly to: Phase; readonly gates: readonly GateResult[] } | undefined;
  readonly back: { readonly to: Phase; readonly gates: readonly GateResult[] } | undefined;
  readonly history: readonly PhaseEntry[];
}

export async function readStatus(subject: PhaseSubject, now = Date.now()): Promise<PhaseStatus> {
  const { phase, since } = readPhase(subject.setting);
  const { entries } = openPhaseJournal(subject.journal);
  const step = async (direction: Direction) => {
    const to = neighborOf(phase, direction);
    return to === undefined
      ? undefined
      : { to, gates: await gatesBetween(subject, { phase, ...(since !== undefined && { since }) }, to, entries, now) };
  };
  return {
    ...{ phase, since, unfinished: findUnfinished(entries), history: entries },
    ...{ running: await subject.readRunning(), next: await step("next"), back: await step("back") },
  };
}

export async function changePhase(subject: PhaseSubject, options: ChangeOptions): Promise<Changed> {
  const { setting, deployer, flags } = subject;
  const { report } = options;
  const forced = readForced(options);
  const written = readPhase(setting);
  const journal = openPhaseJournal(subject.journal);
  const unfinished = findUnfinished(journal.entries);
  const target = targetOf(written.phase, unfinished, options, flags);
  const isContinued = unfinished !== undefined && unfinished.to === target && directionOf(unfinished.from, target) === options.direction;
  let gates: readonly GateResult[] = [];
  let closed: readonly Gate[] = [];
  const from = isContinued ? unfinished.from : written.phase;

  if (isContinued) report(`Continue the change from ${from} to ${target} that began at ${unfinished.at}`);
  else if (target !== written.phase) {
    await requireReported(subject, written.phase, unfinished !== undefined);
    gates = await gatesBetween(subject, written, target, journal.entries, Date.now());
    closed = gates.filter(({ isOpen }) => !isOpen).map(({ gate }) => gate);
    requireOpen(gates, forced, { from, to: target, flags });
    if (unfinished === undefined) await deployer.requireNoChanges();
    journal.append({
      ...{ kind: "began", from, to: target, at: new Date().toISOString() },
      ...(closed.length > 0 && { forced: closed, reason: options.reason }),
    } as PhaseEntry);
  } else if (written.since !== undefined && (await subject.readRunning()).every(({ phase }) => phase === target))
    return { ...{ from, to: target, since: written.since, isChanged: false, gates, forced: closed, seconds: 0 } };

  if (readPhase(setting).phase !== target || readPhase(setting).since !== undefined) {
    report(`Write ${target} into ${setting.name}`);
    writePhase(setting, { phase: target }, closed.length === 0 ? undefined : comment(from, target, closed, options.reason!));
  }
  const start = performance.now();
  report("Deploy the program");
  await deployer.deploy();
  report(`Ask the services for their phase`);
  const running = await waitForPhase(subject.readRunning, target, options.waitMs);
  const others = running.filter(({ phase }) => phase !== target);
  if (others.length > 0)
    throw new Failure(
      "phase-not-reported",
      1,
      `${setting.name} has phase ${target} and was deployed, but ${others.map(describe).join("; ")}. See the log of the service, fix the cause, and type the same command again. To return instead: slipway phase ${options.direction === "next" ? "back" : "next"} ${flags}`,
    );
  const seconds = Math.round(performance.now() - start) / 1000;
  const since = new Date().toISOString();
  writePhase(setting, { phase: target, since });
  journal.append({ kind: "done", from, to: target, at: since });
  return { from, to: target, since, isChanged: true, gates, forced: closed, seconds };
}

function targetOf(
  phase: Phase,
  unfinished: { from: Phase; to: Phase } | undefined,
  { direction, to }: ChangeOptions,
  flags: string,
): Phase {
  // A killed run wrote its phase before the services reported it: the same command goes on to that one, and not to the one after it.
  const begun = unfinished !== undefined && directionOf(unfinished.from, unfinished.to) === direction ? unfinished.to : undefined;
  const target = to ?? begun ?? neighborOf(phase, direction);
  if (target === undefined)
    throw new Failure(
      "phase-last",
      2,
      `${phase} is the ${direction === "next" ? "last" : "first"} phase. Nothing was changed. See: slipway phase status ${flags}`,
    );
  if (target === phase || target === begun || neighborOf(phase, direction) === target) return target;
  throw new Failure(
    "phase-step",
    2,
    `The phase is ${phase}, and it changes by one step at a time: slipway phase ${directionOf(phase, target)} ${flags} leads to ${neighborOf(phase, directionOf(phase, target))}. Nothing was changed.`,
  );
}

/** A change begins where all services are in the phase of the file: otherwise something else deploys, or the file is not deployed. */
async function requireReported(subject: PhaseSubject, phase: Phase, isUnfinished: boolean): Promise<void> {
  const running = await subject.readRunning();
  if (running.length === 0)
    throw new Failure(
      "phase-unreported",
      2,
      `No service of ${subject.system} declares where it reports its phase, so a change cannot be verified. Declare it: checks.phase in systems/${subject.system}.ts`,
    );
  if (isUnfinished) return;
  const others = running.filter((one) => one.phase !== phase);
  if (others.length > 0)
    throw new Failure(
      "phase-differs",
      1,
      `${subject.setting.name} has phase ${phase}, but ${others.map(describe).join("; ")}. Nothing was changed. Deploy the stack first, or start the services that report their phase.`,
    );
}

const describe = ({ service, phase, problem }: RunningPhase): string =>
  `${service}: ${phase === undefined ? problem : `it reports ${phase}`}`;

export async function gatesBetween(
  { evidence, flags }: PhaseSubject,
  { phase: from, since }: WrittenPhase,
  to: Phase,
  entries: readonly PhaseEntry[],
  now: number,
): Promise<readonly GateResult[]> {
  return await checkGates({ from, to, since, wasPostgresOnly: wasPostgresOnly(from, entries), evidence, flags, now });
}

/** Whether the files may lack something that Postgres has. Without a record, they do where the phase reads Postgres. */
function wasPostgresOnly(phase: Phase, entries: readonly PhaseEntry[]): boolean {
  let lacks = !readsJson(entries[0]?.from ?? phase);
  for (const { to, from } of entries) {
    if (to === "P3" || from === "P3") lacks = true;
    else if (readsJson(to)) lacks = false;
  }
  return lacks;
}

function readForced({ force, reason }: ChangeOptions): readonly Gate[] {
  const unknown = force.find((name) => !GATES.some((gate) => gate === name));
  if (unknown !== undefined) throw new Failure("gate-unknown", 2, `There is no gate "${unknown}". There are: ${GATES.join(", ")}.`);
  if (force.length > 0 && (reason ?? "").trim() === "")
    throw new Failure("reason-missing", 2, `--force needs the reason, which is kept: --force ${force[0]} --reason "<why>"`);
  return force as readonly Gate[];
}

function requireOpen(
  gates: readonly GateResult[],
  forced: readonly Gate[],
  { from, to, flags }: { readonly from: Phase; readonly to: Phase; readonly flags: string },
): void {
  const closed = gates.filter(({ gate, isOpen }) => !isOpen && !forced.includes(gate));
  if (closed.length === 0) return;
  const lines = closed.map(({ gate, evidence, next }) => `\n  ${gate}: ${evidence}.${next === undefined ? "" : ` Type: ${next}`}`);
  throw new Failure(
    "gate-closed",
    1,
    `The change from ${from} to ${to} is refused, and nothing was changed:${lines.join("")}\nTo skip one, with a reason that is kept: slipway phase ${directionOf(from, to)} ${flags} --force ${closed[0]!.gate} --reason "<why>"`,
  );
}

const comment = (from: Phase, to: Phase, gates: readonly Gate[], reason: string): string =>
  `${from} to ${to} without ${gates.join(", ")}: ${reason}`;
