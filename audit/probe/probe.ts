/** Proof by sight: processes are really started with what the apps would get, and tell the fingerprints of it. */
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

/** Runs the program so that something comes of it, and starts its components with `startWitness`. */
export type Witness = (subject: Subject) => Promise<Hearing>;

export interface Hearing {
  readonly testimonies: readonly Testimony[];
  /** The values that each secret had in that run, by its origin's id. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** What the processes were asked with. */
  readonly key: string;
}

export interface Testimony {
  readonly app: string;
  readonly component: string;
  /** By variable. */
  readonly fingerprints: Readonly<Record<string, readonly string[]>>;
}

export const newKey = (): string => randomBytes(32).toString("hex");

/** In the package this file is compiled, and so is that one. */
const PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./child.ts" : "./child.js", import.meta.url));

export async function startWitness(env: Readonly<Record<string, string>>, key: string): Promise<Testimony["fingerprints"]> {
  // Nothing of this process's own environment but what Node needs: a variable that the spec forgets must be missing there too.
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", PROGRAM], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const [told, said]: [string[], string[]] = [[], []];
  child.stdout.on("data", (chunk) => told.push(String(chunk)));
  child.stderr.on("data", (chunk) => said.push(String(chunk)));
  child.stdin.on("error", () => {});
  child.stdin.end(key);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`a component could not be started: ${said.join("").trim()}`);
  const { PATH: _, ...fingerprints } = JSON.parse(told.join("")) as Record<string, readonly string[]>;
  return fingerprints;
}

/** A proof is seen where every variable that should bring the secret to a process was seen to do so. */
export function confirmed(proofs: readonly Proof[], { declarations, readings }: Evidence, hearing: Hearing): readonly Proof[] {
  return proofs.map((proof) => {
    const origin = declarations.all.find(({ name }) => name === proof.secret)?.origin;
    const own = readings.filter((reading) => reading.origin.id === origin?.id);
    const seen = own.filter(({ variable: { app, component, key } }) => holds(hearing, origin!.id, app, component, key));
    if (own.length === 0 || seen.length < own.length) return proof;
    const flow = proof.flow.map((station) =>
      station.what.startsWith("the process of ") ? { ...station, what: `${station.what}, which told its fingerprint` } : station,
    );
    return { ...proof, strength: "seen", flow };
  });
}

/** A process that holds a secret by a way that the plan does not show. */
export function unexpected({ declarations, readings }: Evidence, hearing: Hearing): readonly Finding[] {
  return declarations.all.flatMap(({ name, origin }) =>
    hearing.testimonies.flatMap(({ app, component, fingerprints }) =>
      Object.keys(fingerprints)
        .filter((variable) => holds(hearing, origin.id, app, component, variable))
        .filter((variable) => !isKnown(declarations, readings, hearing, origin.id, { app, component, variable }))
        .map((variable) =>
          finding({
            rule: "reader-without-need",
            secret: name,
            message: `The process of ${component} in ${app} was seen to hold ${name} in ${variable}, which no plan shows.`,
            flow: [
              { what: origin.what },
              { what: `variable ${variable} of ${component} in ${app}`, path: `${app} ${component} ${variable}` },
            ],
          }),
        ),
    ),
  );
}

/** A pool's password is its user's: the same value under two names is one secret. */
function isKnown(
  { all }: Declarations,
  readings: Evidence["readings"],
  hearing: Hearing,
  id: string,
  at: { readonly app: string; readonly component: string; readonly variable: string },
): boolean {
  const values = hearing.values.get(id) ?? [];
  const same = new Set(
    all
      .filter(({ origin }) => (hearing.values.get(origin.id) ?? []).some((value) => values.includes(value)))
      .map(({ origin }) => origin.id),
  );
  return readings.some(
    ({ origin, variable }) =>
      same.has(origin.id) && variable.app === at.app && isOf(variable.component, at.component) && variable.key === at.variable,
  );
}

/** What an app gives to all of its components has no component of its own. */
function isOf(component: string, at: string): boolean {
  return component === "" || component === at;
}

function holds({ testimonies, values, key }: Hearing, id: string, app: string, component: string, variable: string): boolean {
  const expected = (values.get(id) ?? []).map((value) => fingerprint(value, key));
  return testimonies.some(
    (one) =>
      one.app === app && isOf(component, one.component) && (one.fingerprints[variable] ?? []).some((told) => expected.includes(told)),
  );
}
