/** The secrets of a program by name: those that it declares, and every other one that occurs in the run. */
import type { Plan } from "../engine/plan.ts";
import { declaredSecrets, type Reader } from "../report/plan/declared.ts";
import { type Origin, settingOrigin } from "./run/canary.ts";

export interface Declared {
  readonly name: string;
  readonly origin: Origin;
  /** Undefined if the program does not declare its readers. */
  readonly readers?: readonly Reader[];
}

export interface Declarations {
  readonly all: readonly Declared[];
  nameOf(origin: Origin): string;
}

export function readDeclarations(plan: Plan, observed: ReadonlyMap<string, Origin>): Declarations {
  const origins = new Map([...observed.values()].map((origin) => [origin.id, origin]));
  const declared = declaredSecrets(plan);
  const named = declared.flatMap(({ secret, urn, config, readers }): Declared[] => {
    const origin =
      origins.get(urn ?? "") ?? (config === undefined ? undefined : (origins.get(`config ${config}`) ?? settingOrigin(config)));
    return origin === undefined ? [] : [{ name: secret, origin, readers }];
  });
  const known = new Set(named.map(({ origin }) => origin.id));
  // An undeclared secret of a provider may have no reader. A setting may have any, because the program decides where it goes.
  const others = [...origins.values()]
    .filter(({ id, kind, urn }) => !known.has(id) && (kind === "config" || urn !== undefined))
    .map(
      (origin): Declared => ({ name: ownName(origin), origin, ...(declared.length > 0 && origin.kind === "provider" && { readers: [] }) }),
    );
  const all = [...named, ...others];
  const names = new Map(all.map(({ name, origin }) => [origin.id, name]));
  return { all, nameOf: (origin) => names.get(origin.id) ?? origin.what };
}

function ownName({ id, kind, what }: Origin): string {
  return kind === "config" ? id.slice("config ".length) : what.slice(what.indexOf(" ") + 1);
}
