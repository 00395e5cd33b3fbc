/** The secrets of a program by name: those that a component tells with `secrets` among its outputs, and whatever else was born in the run. */
import type { Plan } from "../../engine/plan.ts";
import { type Origin, settingOrigin } from "./canary.ts";

export interface Declared {
  readonly name: string;
  readonly origin: Origin;
  /** undefined where nobody said who may read it. */
  readonly readers?: readonly Reader[];
}

export interface Reader {
  readonly app: string;
  readonly component: string;
  readonly variable: string;
}

export interface Declarations {
  readonly all: readonly Declared[];
  /** By the id of an origin. */
  nameOf(origin: Origin): string;
  /** Whether the program says what its secrets are: only then a reader can be one too many. */
  readonly told: boolean;
}

export function declarations(plan: Plan, born: ReadonlyMap<string, Origin>): Declarations {
  const origins = new Map([...born.values()].map((origin) => [origin.id, origin]));
  const told = plan.resources.flatMap(({ outputs }) => (Array.isArray(outputs?.secrets) ? outputs.secrets : [])).filter(isTold);
  const named = told.flatMap(({ secret, urn, config, readers }): Declared[] => {
    const origin =
      origins.get(urn ?? "") ?? (config === undefined ? undefined : (origins.get(`config ${config}`) ?? settingOrigin(config)));
    return origin === undefined ? [] : [{ name: secret, origin, readers }];
  });
  const known = new Set(named.map(({ origin }) => origin.id));
  const others = [...origins.values()]
    .filter(({ id, kind, urn }) => !known.has(id) && (kind === "config" || urn !== undefined))
    .map((origin): Declared => ({ name: ownName(origin), origin, ...(told.length > 0 && isRead(origin) && { readers: [] }) }));
  const all = [...named, ...others];
  const names = new Map(all.map(({ name, origin }) => [origin.id, name]));
  return { all, nameOf: (origin) => names.get(origin.id) ?? origin.what, told: told.length > 0 };
}

/** What a resource brings along is nobody's by declaration; a setting is for whoever the program gives it to. */
const isRead = ({ kind }: Origin): boolean => kind === "provider";

function ownName({ id, kind, what }: Origin): string {
  return kind === "config" ? id.slice("config ".length) : what.slice(what.indexOf(" ") + 1);
}

interface Told {
  readonly secret: string;
  readonly urn?: string;
  readonly config?: string;
  readonly readers: readonly Reader[];
}

function isTold(value: unknown): value is Told {
  const { secret, readers } = (value ?? {}) as Record<string, unknown>;
  return typeof secret === "string" && Array.isArray(readers);
}
