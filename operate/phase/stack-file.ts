/**
 * The phase of a system in the file of its stack: `slipway:<system>.phase`, and `phaseSince` once the apps have reported it. The program reads the same
 * setting, so `pulumi up` and a change of phase never undo each other.
 */
import { type Document, isMap, isScalar } from "yaml";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Phase } from "../../settings/settings.ts";
import { parseStackFile, quoted, type StackFile, setIn, writeStackFile } from "../stack-file.ts";
import { ORDER } from "./phases.ts";

export interface PhaseSetting extends StackFile {
  /** "slipway:fluxstudio" */
  readonly key: string;
}

export interface WrittenPhase {
  readonly phase: Phase;
  /** ISO time; absent during a change of phase, and where the phase was written by hand. */
  readonly since?: string;
}

/** Of a stack that sets no phase. */
const DEFAULT: Phase = "P3";

export function readPhase(setting: PhaseSetting): WrittenPhase {
  const document = parse(setting);
  const phase = document.getIn(["config", setting.key, "phase"]) ?? DEFAULT;
  const since = document.getIn(["config", setting.key, "phaseSince"]);
  if (!ORDER.some((one) => one === phase))
    throw new Failure("phase-setting", 2, `${setting.name}: ${setting.key}.phase must be one of ${ORDER.join(", ")}.`);
  return { phase: phase as Phase, ...(typeof since === "string" && { since }) };
}

/** @param comment Kept above the phase, below those that are there already. */
export function writePhase(setting: PhaseSetting, { phase, since }: WrittenPhase, comment?: string): void {
  const document = parse(setting);
  const steps = ["config", setting.key];
  setIn(document, [...steps, "phase"], phase);
  if (since === undefined) document.deleteIn([...steps, "phaseSince"]);
  else setIn(document, [...steps, "phaseSince"], quoted(since));
  if (comment !== undefined) {
    const map = document.getIn(steps);
    const pair = isMap(map) ? map.items.find(({ key }) => isScalar(key) && key.value === "phase") : undefined;
    const key = pair === undefined ? undefined : document.createNode(pair.key);
    if (pair !== undefined && isScalar(key)) {
      key.commentBefore = [...(key.commentBefore ? [key.commentBefore] : []), ` ${comment.replaceAll(/\s+/g, " ")}`].join("\n");
      pair.key = key;
    }
  }
  writeStackFile(setting, document);
}

const parse = (file: StackFile): Document => parseStackFile(file, (problem) => new Failure("stack-file", 2, problem));
