/** Verifies proofs at run time: processes start with the variables of the apps' components and report fingerprints of them. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Finding, Proof } from "../../report/audit.ts";
import type { Declarations } from "../declared.ts";
import { finding } from "../finding.ts";
import type { Evidence } from "../proofs.ts";
import type { Subject } from "../run/run.ts";
import { fingerprint } from "./fingerprint.ts";

/** Deploys the program locally, and starts its components with `startProbe`. */
export type Prober = (subject: Subject) => Promise<Observation>;

export interface Observation {
  readonly probes: readonly ProbeResult[];
  /** The values that each secret had in that run, by its origin's id. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Of the fingerprints. */
  readonly key: string;
}

export interface ProbeResult {
  readonly app: string;
  readonly component: string;
  /** By variable. */
  readonly fingerprints: Readonly<Record<string, readonly string[]>>;
}

export const newKey = (): string => randomBytes(32).toString("hex");

/** Both files are compiled in the package. */
const PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./child.ts" : "./child.js", import.meta.url));

/** Starts a process with these variables, and only the PATH of this one, so that a variable that is missing in the spec is missing there too. */
export async function startProbe(env: Readonly<Record<string, string>>, key: string): Promise<ProbeResult["fingerprints"]> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", PROGRAM], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const [output, errors]: [string[], string[]] = [[], []];
  child.stdout.on("data", (chunk) => output.push(String(chunk)));
  child.stderr.on("data", (chunk) => errors.push(String(chunk)));
  child.stdin.on("error", () => {});
  child.stdin.end(key);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`a component failed to start: ${errors.join("").trim()}`);
  const { PATH: _, ...fingerprints } = JSON.parse(output.join("")) as Record<string, readonly string[]>;
  return fingerprints;
}

/** Upgrades a proof to `seen` if every variable that holds the secret in the plan held it in its process. */
export function confirmProofs(proofs: readonly Proof[], { declarations, readings }: Evidence, observation: Observation): readonly Proof[] {
  return proofs.map((proof) => {
    const origin = declarations.all.find(({ name }) => name === proof.secret)?.origin;
    const own = readings.filter((reading) => reading.origin.id === origin?.id);
    const confirmed = own.filter(({ variable: { app, component, key } }) => holds(observation, origin!.id, app, component, key));
    if (own.length === 0 || confirmed.length < own.length) return proof;
    const flow = proof.flow.map((step) =>
      step.what.startsWith("the process of ") ? { ...step, what: `${step.what}, which reported its fingerprint` } : step,
    );
    return { ...proof, strength: "seen", flow };
  });
}

/** Processes that held a secret in a variable that does not hold it in the plan. */
export function unexpectedReaders({ declarations, readings }: Evidence, observation: Observation): readonly Finding[] {
  return declarations.all.flatMap(({ name, origin }) =>
    observation.probes.flatMap(({ app, component, fingerprints }) =>
      Object.keys(fingerprints)
        .filter((variable) => holds(observation, origin.id, app, component, variable))
        .filter((variable) => !isKnown(declarations, readings, observation, origin.id, { app, component, variable }))
        .map((variable) =>
          finding({
            rule: "reader-without-need",
            secret: name,
            message: `The process of ${component} in ${app} held ${name} in ${variable}, which the plan does not show.`,
            flow: [
              { what: origin.what },
              { what: `variable ${variable} of ${component} in ${app}`, path: `${app} ${component} ${variable}` },
            ],
          }),
        ),
    ),
  );
}

/** Two names with the same value count as one secret: a pool's password is its user's. */
function isKnown(
  { all }: Declarations,
  readings: Evidence["readings"],
  observation: Observation,
  id: string,
  at: { readonly app: string; readonly component: string; readonly variable: string },
): boolean {
  const values = observation.values.get(id) ?? [];
  const same = new Set(
    all
      .filter(({ origin }) => (observation.values.get(origin.id) ?? []).some((value) => values.includes(value)))
      .map(({ origin }) => origin.id),
  );
  return readings.some(
    ({ origin, variable }) =>
      same.has(origin.id) && variable.app === at.app && isOf(variable.component, at.component) && variable.key === at.variable,
  );
}

/** A variable of the whole app names no component. */
function isOf(component: string, at: string): boolean {
  return component === "" || component === at;
}

function holds({ probes, values, key }: Observation, id: string, app: string, component: string, variable: string): boolean {
  const expected = (values.get(id) ?? []).map((value) => fingerprint(value, key));
  return probes.some(
    (one) => one.app === app && isOf(component, one.component) && (one.fingerprints[variable] ?? []).some((one) => expected.includes(one)),
  );
}
