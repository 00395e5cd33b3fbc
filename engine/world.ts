/** What `realize` makes things in. The engine knows no cloud: it is handed one. */
import type { Plain, Standing as Stands } from "./state.ts";

export interface World {
  readonly types: Readonly<Record<string, ResourceType>>;
  /** What `getX` answers, by token. */
  readonly invokes: Readonly<Record<string, (args: Plain) => Promise<Plain>>>;
}

export interface Made {
  readonly id: string;
  /** Over the inputs, which are echoed. */
  readonly outputs: Plain;
}

/** One kind of resource. Values are plain: secrets come and go without their marks. */
export interface ResourceType {
  /** Inputs whose change makes another one: the provider's ForceNew. A star stands for all. */
  readonly replaces: readonly string[];
  /** Two of them cannot stand side by side, because their names would be the same. @default false */
  readonly deleteFirst?: boolean;
  /** What is really asked for, given what was asked before. @default what the program says */
  check?(olds: Plain | undefined, news: Plain): Promise<Plain>;
  /** Takes the place of comparing inputs. */
  diff?(id: string, olds: Plain, news: Plain): Promise<{ readonly changes: boolean; readonly replaces: readonly string[] }>;
  create(inputs: Plain): Promise<Made>;
  /** @default nothing of it can be changed but by replacing it */
  update?(id: string, olds: Standing, news: Plain): Promise<Plain>;
  /** Does nothing where it is gone already. */
  delete(id: string, olds: Standing): Promise<void>;
  /** As it stands now; undefined when it is gone. @default as it was left */
  read?(id: string, inputs: Plain): Promise<Plain | undefined>;
  /** One that a run made and never reported, known again by its name. @default none can be known again */
  find?(inputs: Plain): Promise<Made | undefined>;
}

/** What it was asked to be and what it became. */
export type Standing = Pick<Stands, "inputs" | "outputs">;
