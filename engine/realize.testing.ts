/** A provider in memory: its resources are a map, its operations a list. */

import type { CloudProvider, ResourceType } from "./cloud-provider.ts";
import type { Plain, State, StateStore } from "./state.ts";
import { EMPTY_STATE } from "./state.ts";

export interface Toy {
  readonly provider: CloudProvider;
  /** By id. */
  readonly things: Map<string, Plain>;
  /** "create a", "update a", "delete a", in order. */
  readonly done: string[];
  /** Fails the next operation of this kind, such as "create b". */
  failAt(step: string, when?: "before" | "after"): void;
}

/** `toy:index:Box`: a change of `kind` replaces it, and `find` finds it by name. `toy:index:Unique`: names must be unique. */
export function toyProvider(): Toy {
  const things = new Map<string, Plain>();
  const done: string[] = [];
  const failing = new Map<string, "before" | "after">();
  let ids = 0;
  const step = <T>(what: string, work: () => T): T => {
    const when = failing.get(what);
    failing.delete(what);
    if (when === "before") throw new Error(`${what} was refused`);
    const result = work();
    done.push(what);
    if (when === "after") throw new Error(`the line broke after ${what}`);
    return result;
  };
  const box = (unique: boolean): ResourceType => ({
    replaces: ["kind"],
    deleteFirst: unique,
    create: async (inputs) =>
      step(`create ${inputs.name}`, () => {
        if (unique && [...things.values()].some(({ name }) => name === inputs.name)) throw new Error(`there is a ${inputs.name} already`);
        const id = `id-${++ids}`;
        things.set(id, inputs);
        return { id, outputs: { label: `${inputs.name} of ${id}` } };
      }),
    update: async (id, _olds, news) =>
      step(`update ${news.name}`, () => {
        things.set(id, news);
        return { label: `${news.name} of ${id}` };
      }),
    delete: async (id, { inputs }) => step(`delete ${inputs.name}`, () => void things.delete(id)),
    read: async (id) => (things.has(id) ? { label: `${things.get(id)?.name} of ${id}` } : undefined),
    find: async ({ name }) => {
      const id = [...things].find(([, inputs]) => inputs.name === name)?.[0];
      return id === undefined ? undefined : { id, outputs: { label: `${name} of ${id}` } };
    },
  });
  return {
    provider: {
      types: { "toy:index:Box": box(false), "toy:index:Unique": box(true) },
      invokes: { "toy:index:weigh": async ({ grams }) => ({ kilos: Number(grams) / 1000 }) },
    },
    things,
    done,
    failAt: (what, when = "before") => failing.set(what, when),
  };
}

/** A state in memory, stored as JSON like a file. After `killAfter(n)`, the n-th next save fails, as when the process is killed. */
export function toyState(): StateStore & { now(): State; killAfter(saves: number): void } {
  let text = JSON.stringify(EMPTY_STATE);
  let saves = 0;
  let last = Number.POSITIVE_INFINITY;
  return {
    load: () => JSON.parse(text) as State,
    save: async (state) => {
      if (++saves > last) throw new Error("killed");
      text = JSON.stringify(state);
    },
    now: () => JSON.parse(text) as State,
    killAfter: (most) => {
      saves = 0;
      last = most;
    },
  };
}
