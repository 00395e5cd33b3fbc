/**
 * Makes true what a program asks for, in this process: the same run that `record` writes down, in front of a world that really has things.
 *
 * It is small on purpose. Each resource is known by its URN: new ones are created, changed ones updated or replaced, those that nobody
 * declares any more are deleted at the end, what needed them first. Imports of whole stacks, targets and refreshes are Pulumi's.
 */
import { type Problem, ProgramError } from "./error.ts";
import type { Answer, Provider } from "./monitor.ts";
import { Asset, type PlannedResource, Reference, Secret, Unknown, type Value } from "./plan.ts";
import { previewProvider } from "./preview.ts";
import { changedInputs, withIgnored } from "./realize-changes.ts";
import { dynamicType, isDynamic } from "./realize-dynamic.ts";
import { withDependents } from "./realize-order.ts";
import { type Program, perform, type RecordOptions, type Voice } from "./record.ts";
import type { Plain, Standing, State, StateStore } from "./state.ts";
import { nameOf } from "./urn.ts";
import { decodeProperties, encodeProperties } from "./wire.ts";
import type { Made, ResourceType, World } from "./world.ts";

export interface RealizeOptions
  extends Pick<RecordOptions, "project" | "stack" | "organization" | "config" | "secretKeys" | "directory" | "stackReferences"> {
  readonly state: StateStore;
  readonly world: World;
  /** Told before and after each change, and of what stays as it is. @default nobody */
  readonly onEvent?: (event: RealizeEvent) => void;
  /** Once aborted, what is under way ends and nothing new is begun. */
  readonly signal?: AbortSignal;
}

export type Change = "create" | "update" | "replace" | "delete" | "same";

export interface RealizeEvent {
  readonly change: Change;
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Inputs that differ. */
  readonly because?: readonly string[];
  readonly phase: "begin" | "done";
}

export interface Realized {
  readonly counts: Readonly<Record<Change, number>>;
  /** The stack's, with the marks of what is secret. */
  readonly outputs: Readonly<Record<string, Value>>;
  readonly warnings: readonly string[];
}

/** @throws {ProgramError} naming every resource that could not be made; what was made until then is remembered, and the next run goes on. */
export async function realize(program: Program, options: RealizeOptions): Promise<Realized> {
  const stack = new Stack(options);
  const plan = await perform(program, { ...options, preview: false }, (voice) => stack.provider(voice));
  await stack.deleteVanished();
  await stack.finish(encodeProperties(plan.outputs));
  return {
    counts: stack.counts,
    outputs: plan.outputs,
    warnings: plan.messages.filter(({ severity }) => severity !== "info").map(({ text }) => text),
  };
}

class Stack {
  readonly counts: Record<Change, number> = { create: 0, update: 0, replace: 0, delete: 0, same: 0 };
  readonly #options: RealizeOptions;
  readonly #standing: Map<string, Standing>;
  readonly #declared = new Set<string>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #problems: Problem[] = [];
  readonly #dynamic: ResourceType;
  #doomed: readonly Standing[];
  #begun: Record<string, "create" | "update">;
  #outputs: State["outputs"];

  constructor(options: RealizeOptions) {
    const { resources, doomed, begun, outputs } = options.state.load();
    this.#options = options;
    this.#standing = new Map(resources.map((it) => [it.urn, it]));
    this.#doomed = doomed;
    this.#begun = { ...begun };
    this.#outputs = outputs;
    this.#dynamic = dynamicType(options.directory ?? process.cwd());
  }

  provider({ warn, fail }: Voice): Provider {
    const { project, stack, organization = "organization", stackReferences, directory = "." } = this.#options;
    const own = { [`${organization}/${project}/${stack}`]: decodeProperties(this.#outputs, directory) };
    const references = previewProvider({
      ...{ project, stack, organization, preview: false, warn },
      stackReferences: { ...stackReferences, ...own },
    });
    const failing = <T>(resource: PlannedResource, work: () => Promise<T>): Promise<T> => {
      if (this.#problems.length > 0) return NEVER;
      const doing = work();
      this.#underWay.add(doing);
      return doing
        .finally(() => this.#underWay.delete(doing))
        .catch(async (error: Error) => {
          this.#problems.push(...problemOf(resource, error).problems);
          // What is under way ends first, and whoever waits for this one is never answered: each would fail with it, in the SDK's words.
          await this.#settled();
          fail(new ProgramError(this.#problems, error));
          return NEVER;
        });
    };
    return {
      register: (resource) => failing(resource, () => this.#register(resource)),
      read: (resource) =>
        resource.type === "pulumi:pulumi:StackReference" ? references.read(resource) : failing(resource, () => this.#look(resource)),
      invoke: async (token, args) => {
        const invoke = this.#options.world.invokes[token];
        if (!invoke) throw new Error(`${token} is not answered here. What is: ${Object.keys(this.#options.world.invokes).join(", ")}.`);
        return invoke(plain(args) as Plain);
      },
    };
  }

  /** A run that failed leaves others under way: their outcome belongs into the state as well. */
  async #settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  async #register(resource: PlannedResource): Promise<Answer> {
    const { urn, options } = resource;
    if (resource.type.startsWith("pulumi:providers:")) return { id: resource.name, outputs: {} };
    this.#declared.add(urn);
    this.#takeOver(resource);
    const type = this.#typeOf(resource.type);
    const before = this.#standing.get(urn);
    const said = withIgnored(plain(resource.inputs) as Plain, before?.inputs, options.ignoreChanges ?? []);
    const inputs = (await type.check?.(before?.inputs, said)) ?? said;
    const stands = before && (await this.#refreshed(type, before));
    if (!stands) return this.#create(resource, type, inputs, "create");

    const { changes, changed, replaces } = await this.#difference(type, stands, inputs);
    // What a check adds by itself is no reason that anybody gave.
    const because = changes.filter((key) => key in said);
    const forced = options.replaceOnChanges?.filter((path) => changes.includes(path)) ?? [];
    if (replaces.length + forced.length > 0) return this.#replace(resource, type, stands, inputs, [...replaces, ...forced]);
    if (changed || this.#begun[urn] !== undefined) return this.#update(resource, type, stands, inputs, because);
    this.counts.same++;
    this.#tell("same", resource, "done");
    await this.#remember(standing(resource, { id: stands.id, outputs: stands.outputs }, inputs));
    return stands;
  }

  async #look({ type, id = "", inputs }: PlannedResource): Promise<Answer> {
    const outputs = await this.#typeOf(type).read?.(id, plain(inputs) as Plain);
    if (!outputs) throw new Error(`there is no "${id}" to read`);
    return { id, outputs };
  }

  async #create(resource: PlannedResource, type: ResourceType, inputs: Plain, change: "create" | "replace"): Promise<Answer> {
    this.#tell(change, resource, "begin");
    const left = this.#begun[resource.urn] === "create" ? await type.find?.(inputs) : undefined;
    const { importId } = resource.options;
    const found = importId === undefined ? left : await this.#imported(type, importId, inputs);
    await this.#begin(resource.urn, "create");
    const made = found
      ? { id: found.id, outputs: (await type.update?.(found.id, { inputs: {}, outputs: found.outputs }, inputs)) ?? found.outputs }
      : await type.create(inputs);
    this.counts[change]++;
    await this.#remember(standing(resource, made, inputs));
    this.#tell(change, resource, "done");
    return made;
  }

  async #imported(type: ResourceType, id: string, inputs: Plain): Promise<Made> {
    const outputs = await type.read?.(id, inputs);
    if (!outputs) throw new Error(`there is no "${id}" to import`);
    return { id, outputs };
  }

  async #update(
    resource: PlannedResource,
    type: ResourceType,
    before: Standing,
    inputs: Plain,
    because: readonly string[],
  ): Promise<Answer> {
    this.#tell("update", resource, "begin", because);
    await this.#begin(resource.urn, "update");
    const outputs = (await type.update?.(before.id, before, inputs)) ?? before.outputs;
    this.counts.update++;
    await this.#remember(standing(resource, { id: before.id, outputs }, inputs));
    this.#tell("update", resource, "done", because);
    return { id: before.id, outputs };
  }

  async #replace(
    resource: PlannedResource,
    type: ResourceType,
    before: Standing,
    inputs: Plain,
    because: readonly string[],
  ): Promise<Answer> {
    if (before.protect)
      throw new Error(
        `it is protected, and a change of ${because.join(", ")} would replace it. Take the change back, or unprotect it first and run again.`,
      );
    if (resource.options.deleteBeforeReplace ?? type.deleteFirst) {
      await this.#delete(before);
      await this.#forget(before.urn);
    } else {
      // Both stand until the end: what refers to the old one is moved to the new one first.
      this.#doomed = [...this.#doomed, before];
      this.#standing.delete(before.urn);
      delete this.#begun[before.urn];
    }
    return this.#create(resource, type, inputs, "replace");
  }

  /** What was declared last time and is not any more, and what was replaced. Nothing is deleted while something among it is protected. */
  async deleteVanished(): Promise<void> {
    this.#stopIfAsked();
    const vanished = [...this.#standing.values()].filter(({ urn }) => !this.#declared.has(urn));
    const kept = vanished.filter(({ protect }) => protect);
    if (kept.length > 0)
      throw new ProgramError(
        kept.map(({ urn }) => ({
          message: `"${nameOf(urn)}" is protected and no longer declared, so nothing was deleted. Declare it again, or unprotect it in a run of its own first.`,
          urn,
        })),
      );
    const going = new Set([...vanished, ...this.#doomed].map(({ urn }) => urn));
    for (const gone of withDependents([...vanished, ...this.#doomed])) {
      this.#stopIfAsked();
      this.#tell("delete", described(gone), "begin");
      // Its holder takes it along.
      if (gone.deletedWith === undefined || !going.has(gone.deletedWith)) await this.#delete(gone);
      this.counts.delete++;
      if (this.#doomed.includes(gone)) {
        this.#doomed = this.#doomed.filter((other) => other !== gone);
        await this.#save();
      } else await this.#forget(gone.urn);
      this.#tell("delete", described(gone), "done");
    }
  }

  async finish(outputs: State["outputs"]): Promise<void> {
    this.#outputs = outputs;
    await this.#save();
  }

  async #delete(gone: Standing): Promise<void> {
    if (gone.retainOnDelete) return;
    await this.#typeOf(gone.type)
      .delete(gone.id, gone)
      .catch((error: Error) => {
        throw problemOf(described(gone), error);
      });
  }

  /** As it stands now; what somebody else took away is made anew. */
  async #refreshed(type: ResourceType, before: Standing): Promise<Standing | undefined> {
    if (!type.read) return before;
    const outputs = await type.read(before.id, before.inputs);
    return outputs && { ...before, outputs };
  }

  async #difference(type: ResourceType, { id, inputs, outputs }: Standing, news: Plain) {
    const changes = changedInputs(inputs, news);
    const diff = await type.diff?.(id, outputs, news);
    if (diff) return { changes, changed: diff.changes, replaces: diff.replaces };
    const replaces = changes.filter((key) => type.replaces.includes(key) || type.replaces.includes("*"));
    return { changes, changed: changes.length > 0, replaces };
  }

  #typeOf(token: string): ResourceType {
    if (isDynamic(token)) return this.#dynamic;
    const type = this.#options.world.types[token];
    if (type) return type;
    throw new Error(`${token} does not exist here. What does: ${Object.keys(this.#options.world.types).join(", ")}.`);
  }

  /** It stood under another name: its data goes with it. */
  #takeOver({ urn, options }: PlannedResource): void {
    if (this.#standing.has(urn)) return;
    const former = options.aliases?.find((alias) => this.#standing.has(alias) && !this.#declared.has(alias));
    const before = former === undefined ? undefined : this.#standing.get(former);
    if (!before) return;
    this.#standing.delete(before.urn);
    this.#standing.set(urn, { ...before, urn });
  }

  async #begin(urn: string, what: "create" | "update"): Promise<void> {
    this.#stopIfAsked();
    this.#begun[urn] = what;
    await this.#save();
  }

  async #remember(it: Standing): Promise<void> {
    this.#standing.set(it.urn, it);
    delete this.#begun[it.urn];
    await this.#save();
  }

  async #forget(urn: string): Promise<void> {
    this.#standing.delete(urn);
    delete this.#begun[urn];
    await this.#save();
  }

  #save(): Promise<void> {
    return this.#options.state.save({
      resources: [...this.#standing.values()],
      doomed: this.#doomed,
      begun: this.#begun,
      outputs: this.#outputs,
    });
  }

  #stopIfAsked(): void {
    if (this.#options.signal?.aborted) throw new Error("stopped as asked; what was begun is done, and the next run goes on from there");
  }

  #tell(change: Change, { urn, type, name }: Named, phase: RealizeEvent["phase"], because?: readonly string[]): void {
    this.#options.onEvent?.({ change, urn, type, name, phase, ...(because && because.length > 0 && { because }) });
  }
}

const NEVER = new Promise<never>(() => {});

type Named = Pick<PlannedResource, "urn" | "type" | "name">;

const described = ({ urn, type }: Standing): Named => ({ urn, type, name: nameOf(urn) });

function standing({ urn, type, parent, dependencies, options }: PlannedResource, { id, outputs }: Made, inputs: Plain): Standing {
  const { protect, retainOnDelete, deletedWith } = options;
  return {
    ...{ urn, type, id, inputs, outputs },
    needs: [...new Set([...dependencies, ...(parent === undefined ? [] : [parent]), ...(deletedWith === undefined ? [] : [deletedWith])])],
    ...(protect && { protect }),
    ...(retainOnDelete && { retainOnDelete }),
    ...(deletedWith !== undefined && { deletedWith }),
  };
}

function problemOf({ urn, name, type }: Named, error: Error): ProgramError {
  if (error instanceof ProgramError) return error;
  const problem: Problem = { message: `${type.split(":").at(-1)} "${name}": ${error.message}`, urn };
  return new ProgramError([problem], error);
}

/** Everything is known here, so what is still unknown comes from something that is not answered. */
function plain(value: Value): unknown {
  if (value instanceof Secret) return plain(value.value);
  if (value instanceof Unknown) throw new Error("it depends on a value that nobody gave");
  if (value instanceof Reference) return value.urn;
  if (value instanceof Asset) return { kind: value.kind, hash: value.hash };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value as Record<string, Value>).map(([key, inner]) => [key, plain(inner)]));
}
