/** The provider that `realize` creates resources with. */
import type { DeployedResource, Plain } from "./state.ts";

export interface CloudProvider {
  readonly types: Readonly<Record<string, ResourceType>>;
  /** Provider functions, such as `getRegion`, by token. */
  readonly invokes: Readonly<Record<string, (args: Plain) => Promise<Plain>>>;
}

export interface Created {
  readonly id: string;
  /** They override the inputs, which are returned as outputs too. */
  readonly outputs: Plain;
}

/** One type of resource. Values are plain: secrets are passed without their marks. */
export interface ResourceType {
  /** Inputs whose change replaces the resource, the provider's ForceNew; "*" means all. */
  readonly replaces: readonly string[];
  /** The old resource is deleted before its replacement is created, because names must be unique. @default false */
  readonly deleteFirst?: boolean;
  /** Returns the inputs to use, given the previous ones. @default the program's inputs */
  check?(olds: Plain | undefined, news: Plain): Promise<Plain>;
  /** @default inputs are compared, and `replaces` decides */
  diff?(id: string, olds: Plain, news: Plain): Promise<{ readonly changes: boolean; readonly replaces: readonly string[] }>;
  create(inputs: Plain): Promise<Created>;
  /** @default every change replaces it */
  update?(id: string, olds: Deployed, news: Plain): Promise<Plain>;
  /** Does nothing when the resource no longer exists. */
  delete(id: string, olds: Deployed): Promise<void>;
  /** The current outputs; undefined when the resource no longer exists. @default the outputs in the state */
  read?(id: string, inputs: Plain): Promise<Plain | undefined>;
  /** Finds an existing resource of the declared name, which is adopted if the state does not hold it. @default it cannot be found */
  find?(inputs: Plain): Promise<Created | undefined>;
}

export type Deployed = Pick<DeployedResource, "inputs" | "outputs">;
