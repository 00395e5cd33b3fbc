/** The variables that hold secrets: whether their component declares them, and whether App Platform hides them. */
import type { Plan } from "../engine/plan.ts";
import type { Finding } from "../report/audit.ts";
import { holdsLogin, type Variable, variablesOf } from "../report/plan/app-spec.ts";
import type { Declarations } from "./declared.ts";
import { finding } from "./finding.ts";
import { originStep, variableStep } from "./flow.ts";
import type { Origin } from "./run/canary.ts";
import type { Look } from "./run/sightings.ts";

/** One variable that brings one secret to one component. */
export interface Reading {
  readonly origin: Origin;
  readonly variable: Variable;
  /** App Platform inserts the value: the program holds no copy of it. */
  readonly byReference: boolean;
}

export function findReadings(plan: Plan, origins: ReadonlyMap<string, Origin>, look: Look): readonly Reading[] {
  const byUrn = new Map([...origins.values()].flatMap((origin) => (origin.urn === undefined ? [] : [[origin.urn, origin] as const])));
  return variablesOf(plan).flatMap((variable) => {
    const copied = new Set(look(variable.text).map(({ origin }) => origin));
    const referenced = new Set(variable.references.filter(holdsLogin).flatMap(({ login }) => byUrn.get(login?.urn ?? "") ?? []));
    return [
      ...[...copied].map((origin) => ({ origin, variable, byReference: false })),
      ...[...referenced].filter((origin) => !copied.has(origin)).map((origin) => ({ origin, variable, byReference: true })),
    ];
  });
}

export function readerFaults(all: readonly Reading[], declarations: Declarations): readonly Finding[] {
  return [...variableFaults(all, declarations), ...missingReadings(all, declarations)];
}

function missingReadings(all: readonly Reading[], { all: declared }: Declarations): Finding[] {
  return declared.flatMap(({ name, origin, readers = [] }) =>
    readers
      .filter(
        ({ app, component, variable: key }) =>
          !all.some((one) => one.origin.id === origin.id && isAt(one.variable, { app, component, key })),
      )
      .map(({ app, component, variable }) =>
        finding({
          rule: "reader-unserved",
          secret: name,
          flow: [originStep(origin), { what: `variable ${variable} of ${component} in ${app}`, path: `${app} ${component} ${variable}` }],
          message: `${component} in ${app} should read ${name} from ${variable}, but does not receive it.`,
        }),
      ),
  );
}

function isAt(variable: Variable, at: Pick<Variable, "app" | "component" | "key">): boolean {
  return variable.app === at.app && variable.component === at.component && variable.key === at.key;
}

function variableFaults(all: readonly Reading[], declarations: Declarations): Finding[] {
  const byOrigin = new Map(declarations.all.map((declared) => [declared.origin.id, declared]));
  return all.flatMap(({ origin, variable, byReference }) => {
    const { key, component, app, type, scope } = variable;
    const secret = declarations.nameOf(origin);
    const flow = [originStep(origin), variableStep(variable)];
    const of = `${key} of ${component || "every component"} in ${app}`;
    const declared = byOrigin.get(origin.id);
    const needed = declared?.readers?.some((reader) => isAt(variable, { ...reader, key: reader.variable }));
    return [
      ...(scope === "RUN_TIME"
        ? []
        : [finding({ rule: "env-build-time", secret, flow, message: `${secret} is in ${of}, whose scope is ${scope}.` })]),
      // App Platform shows only the reference, not the value.
      ...(type === "SECRET" || byReference
        ? []
        : [finding({ rule: "env-general-type", secret, flow, message: `${secret} is in ${of}, whose type is ${type}.` })]),
      ...(needed || declared?.readers === undefined
        ? []
        : [finding({ rule: "reader-without-need", secret, flow, message: `${of} receives ${secret}, which no definition requires.` })]),
    ];
  });
}
