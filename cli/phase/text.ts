/** The phase of a system and a change of it, as text. */
import type { Archive } from "../../backup/json-archive.ts";
import type { Changed, PhaseStatus } from "../../operate/phase/change.ts";
import type { GateResult } from "../../operate/phase/gates.ts";
import { describePhase, haveSameFlags } from "../../operate/phase/phases.ts";
import type { Environment } from "../../settings/settings.ts";
import { formatBytes } from "../backup/text.ts";
import type { Layout } from "../shared/terminal.ts";
import type { Subject } from "./subject.ts";

type Named = Pick<Subject, "system" | "stack" | "flags" | "settings">;

export function formatStatus(
  { phase, since, unfinished, running, next, back, history }: PhaseStatus,
  { system, stack, flags, settings: { environment } }: Named,
  { style }: Layout,
): string {
  const forced = history.flatMap((entry) => (entry.kind === "began" && entry.forced !== undefined ? [entry] : []));
  const differs = running.some(({ phases }) => !phases.includes(phase));
  const step = { flags, style, environment };
  return [
    `${style.bold(`${system.title} in stack ${stack}: ${phase}`)}, ${describePhase(phase, environment)}, ${since === undefined ? "it is not recorded since when" : `since ${second(since)}`}`,
    ...running.map(
      (one) => `  ${one.service} ${one.problem === undefined ? `reports ${one.phases.join(" or ")}` : `reports no phase: ${one.problem}`}`,
    ),
    ...(running.length === 0 ? ["  No service declares where it reports its phase."] : []),
    ...(unfinished === undefined
      ? []
      : [
          `  The change from ${unfinished.from} to ${unfinished.to} of ${second(unfinished.at)} is unfinished. Continue it: slipway phase ${unfinished.to > unfinished.from ? "next" : "back"} ${flags}`,
        ]),
    ...(differs && unfinished === undefined
      ? [`  ${style.warn("The services do not report the phase of the stack's file. Deploy the stack.")}`]
      : []),
    ...formatStep("next", next, step),
    ...formatStep("back", back, step),
    ...(forced.length === 0
      ? []
      : [
          "",
          "Skipped gates:",
          ...forced.map(
            (entry) => `  ${second(entry.at)}  ${entry.from} to ${entry.to} without ${entry.forced!.join(", ")}: ${entry.reason}`,
          ),
        ]),
  ].join("\n");
}

interface StepContext {
  readonly flags: string;
  readonly style: Layout["style"];
  readonly environment: Environment;
}

function formatStep(direction: "next" | "back", step: PhaseStatus["next"], { flags, style, environment }: StepContext): readonly string[] {
  if (step === undefined) return [];
  const { to, gates } = step;
  return [
    "",
    `${direction === "next" ? "Next" : "Back"}: ${style.bold(to)}, ${describePhase(to, environment)}${gates.length === 0 ? `, without a gate: slipway phase ${direction} ${flags}` : ""}`,
    ...gates.map((gate) => `  ${formatGate(gate)}`),
  ];
}

const formatGate = ({ gate, isOpen, evidence, next }: GateResult): string =>
  `${isOpen ? "open  " : "closed"}  ${gate.padEnd(11)}  ${evidence}${isOpen || next === undefined ? "" : `. Type: ${next}`}`;

export function formatChanged({ from, to, since, isChanged, forced, seconds }: Changed, named: Named): string {
  const { system, stack, flags, settings } = named;
  const phase = `${system.title} is in phase ${to}, ${describePhase(to, settings.environment)}`;
  if (!isChanged) return `${phase}, since ${second(since)}. Nothing was done.`;
  const before =
    from === to
      ? ""
      : haveSameFlags(from, to, settings.environment)
        ? `. Their flags are those of ${from} as well: the difference is the export`
        : `; they reported ${from} before`;
  return [
    `${phase}. The services report it ${seconds.toFixed(1)} s after the deployment began${before}.`,
    ...(forced.length === 0 ? [] : [`Skipped: ${forced.join(", ")}. The reason is in Pulumi.${stack}.yaml.`]),
    `Commit Pulumi.${stack}.yaml: it has the phase. See what the next one needs: slipway phase status ${flags}`,
  ].join("\n");
}

interface Archived extends Pick<Archive, "files" | "bytes"> {
  readonly places: readonly string[];
  readonly isEncrypted: boolean;
}

export function formatArchive({ places, files, bytes, isEncrypted }: Archived): string {
  const sums = files.map(({ path, sha256, bytes: size }) => `  ${sha256}  ${formatBytes(size).padStart(8)}  ${path}`);
  return [
    ...places.map(
      (place) =>
        `Archived ${files.length} ${files.length === 1 ? "file" : "files"}, ${formatBytes(bytes)}, in ${place}${isEncrypted ? ", encrypted" : ""}:`,
    ),
    ...sums,
    "Every copy was read back, and has these bytes.",
  ].join("\n");
}

const second = (at: string): string => `${at.slice(0, 19).replace("T", " ")} UTC`;
