/** The secrets of a program by name: those that it declares, and every other one that appears in the run. */
import type { Plan } from "../engine/plan.ts";
import { declaredSecrets, type Reader } from "../report/plan/declared.ts";
import { type Origin, settingOrigin } from "./run/canary.ts";

export interface Declared {
  readonly name: string;
  readonly origin: Origin;
  /** undefined if the program does not declare who may read it. */
  readonly readers?: readonly Reader[];
}

export interface Declarations {
  readonly all: readonly Declared[];
  /** By the id of an origin. */
  nameOf(origin: Origin): string;
}

export function declarations(plan: Plan, observed: ReadonlyMap<string, Origin>): Declarations {
  const origins = new Map([...observed.values()].map((origin) => [origin.id, origin]));
  const declared = declaredSecrets(plan);
  const named = declared.flatMap(({ secret, urn, config, readers }): Declared[] => {
    const origin =
      origins.get(urn ?? "") ?? (config === undefined ? undefined : (origins.get(`config ${config}`) ?? settingOrigin(config)));
    return origin === undefined ? [] : [{ name: secret, origin, readers }];
  });
  const known = new Set(named.map(({ origin }) => origin.id));
  const others = [...origins.values()]
    .filter(({ id, kind, urn }) => !known.has(id) && (kind === "config" || urn !== undefined))
    .map((origin): Declared => ({ name: ownName(origin), origin, ...(declared.length > 0 && isFromProvider(origin) && { readers: [] }) }));
  const all = [...named, ...others];
  const names = new Map(all.map(({ name, origin }) => [origin.id, name]));
  return { all, nameOf: (origin) => names.get(origin.id) ?? origin.what };
}

/** A provider's secret that is not declared may have no reader. A setting may have any: the program decides where it goes. */
const isFromProvider = ({ kind }: Origin): boolean => kind === "provider";

function ownName({ id, kind, what }: Origin): string {
  return kind === "config" ? id.slice("config ".length) : what.slice(what.indexOf(" ") + 1);
}
