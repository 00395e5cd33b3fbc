/**
 * Deploys a program in this process: runs it as `record` does, with a provider that creates resources.
 *
 * Each resource is identified by its URN. New ones are created, changed ones updated or replaced, and those that the program no longer
 * declares are deleted at the end, dependents first. Stack imports, targets and refreshes need Pulumi's own engine.
 */

import type { CloudProvider, Created, ResourceType } from "./cloud-provider.ts";
import { dynamicType, isDynamic } from "./dynamic-provider.ts";
import { type Problem, ProgramError } from "./error.ts";
import { changedInputs, withIgnored } from "./input-changes.ts";
import type { Answer, Provider } from "./monitor.ts";
import { deletionOrder } from "./order.ts";
import { Asset, type PlannedResource, Reference, Secret, Unknown, type Value } from "./plan.ts";
import { previewProvider, READ_STACK_OUTPUTS } from "./preview-provider.ts";
import { type Program, type RecordOptions, type RunContext, runProgram } from "./record.ts";
import type { DeployedResource, Plain, State, StateStore } from "./state.ts";
import { nameOf } from "./urn.ts";
import { decodeProperties, encodeProperties } from "./wire.ts";

export interface RealizeOptions
  extends Pick<RecordOptions, "project" | "stack" | "organization" | "config" | "secretKeys" | "directory" | "stackReferences"> {
  readonly state: StateStore;
  readonly provider: CloudProvider;
  /** Receives an event before and after each change, and for each unchanged resource. */
  readonly onEvent?: (event: RealizeEvent) => void;
  /** When aborted, operations in progress finish and no new ones start. */
  readonly signal?: AbortSignal;
}

export type Change = "create" | "update" | "replace" | "delete" | "same";

export interface RealizeEvent {
  readonly change: Change;
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Names of the changed inputs. */
  readonly changedInputs?: readonly string[];
  readonly phase: "begin" | "done";
}

export interface RealizeResult {
  readonly counts: Readonly<Record<Change, number>>;
  /** The stack's outputs, with secrets marked. */
  readonly outputs: Readonly<Record<string, Value>>;
  readonly warnings: readonly string[];
}

/** @throws {ProgramError} for every resource that failed. Finished operations are in the state, and the next run continues from there. */
export async function realize(program: Program, options: RealizeOptions): Promise<RealizeResult> {
  const stack = new Stack(options);
  const plan = await runProgram(program, { ...options, preview: false }, (context) => stack.provider(context));
  await stack.deleteUndeclared();
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
  readonly #deployed: Map<string, DeployedResource>;
  readonly #declared = new Set<string>();
  readonly #inProgress = new Set<Promise<unknown>>();
  readonly #problems: Problem[] = [];
  readonly #dynamic: ResourceType;
  #doomed: readonly DeployedResource[];
  #begun: Record<string, "create" | "update">;
  #outputs: State["outputs"];

  constructor(options: RealizeOptions) {
    const { resources, doomed, begun, outputs } = options.state.load();
    this.#options = options;
    this.#deployed = new Map(resources.map((it) => [it.urn, it]));
    this.#doomed = doomed;
    this.#begun = { ...begun };
    this.#outputs = outputs;
    this.#dynamic = dynamicType(options.directory ?? process.cwd());
  }

  provider({ warn, fail }: RunContext): Provider {
    const { project, stack, organization = "organization", stackReferences, directory = "." } = this.#options;
    const own = { [`${organization}/${project}/${stack}`]: decodeProperties(this.#outputs, directory) };
    const references = previewProvider({
      ...{ project, stack, organization, preview: false, warn },
      stackReferences: { ...stackReferences, ...own },
    });
    const collectingProblems = <T>(resource: PlannedResource, work: () => Promise<T>): Promise<T> => {
      if (this.#problems.length > 0) return NEVER;
      const operation = work();
      this.#inProgress.add(operation);
      return operation
        .finally(() => this.#inProgress.delete(operation))
        .catch(async (error: Error) => {
          this.#problems.push(...problemOf(resource, error).problems);
          // Wait for operations in progress. Resources that depend on this one get no answer: they would fail with a message of the SDK.
          await this.#settled();
          fail(new ProgramError(this.#problems, error));
          return NEVER;
        });
    };
    return {
      register: (resource) => collectingProblems(resource, () => this.#register(resource)),
      read: (resource) =>
        resource.type === "pulumi:pulumi:StackReference"
          ? references.read(resource)
          : collectingProblems(resource, () => this.#read(resource)),
      invoke: async (token, args) => {
        if (token === READ_STACK_OUTPUTS) return references.invoke(token, args);
        const invoke = this.#options.provider.invokes[token];
        if (!invoke)
          throw new Error(`${token} is not supported here. Supported: ${Object.keys(this.#options.provider.invokes).join(", ")}.`);
        return invoke(plain(args) as Plain);
      },
    };
  }

  /** When one resource fails, others are still in progress: their outcome must be in the state too. */
  async #settled(): Promise<void> {
    while (this.#inProgress.size > 0) await Promise.allSettled(this.#inProgress);
  }

  async #register(resource: PlannedResource): Promise<Answer> {
    const { urn, options } = resource;
    if (resource.type.startsWith("pulumi:providers:")) return { id: resource.name, outputs: {} };
    this.#declared.add(urn);
    this.#applyAliases(resource);
    const type = this.#typeOf(resource.type);
    const before = this.#deployed.get(urn);
    const declared = withIgnored(plain(resource.inputs) as Plain, before?.inputs, options.ignoreChanges ?? []);
    const inputs = (await type.check?.(before?.inputs, declared)) ?? declared;
    const current = before && (await this.#refreshed(type, before));
    if (!current) return this.#create(resource, type, inputs, "create");

    const { changes, changed, replaces } = await this.#difference(type, current, inputs);
    // Inputs that a check adds are not the program's.
    const reported = changes.filter((key) => key in declared);
    const forced = options.replaceOnChanges?.filter((path) => changes.includes(path)) ?? [];
    if (replaces.length + forced.length > 0) return this.#replace(resource, type, current, inputs, [...replaces, ...forced]);
    if (changed || this.#begun[urn] !== undefined) return this.#update(resource, type, current, inputs, reported);
    this.counts.same++;
    this.#emit("same", resource, "done");
    await this.#saveResource(deployedResource(resource, { id: current.id, outputs: current.outputs }, inputs));
    return current;
  }

  async #read({ type, id = "", inputs }: PlannedResource): Promise<Answer> {
    const outputs = await this.#typeOf(type).read?.(id, plain(inputs) as Plain);
    if (!outputs) throw new Error(`"${id}" does not exist, so it cannot be read`);
    return { id, outputs };
  }

  async #create(resource: PlannedResource, type: ResourceType, inputs: Plain, change: "create" | "replace"): Promise<Answer> {
    this.#emit(change, resource, "begin");
    const existing = change === "create" ? await this.#findUnknown(resource, type, inputs) : undefined;
    const { importId } = resource.options;
    const found = importId === undefined ? existing : await this.#imported(type, importId, inputs);
    await this.#markInProgress(resource.urn, "create");
    const created = found
      ? { id: found.id, outputs: (await type.update?.(found.id, { inputs: {}, outputs: found.outputs }, inputs)) ?? found.outputs }
      : await type.create(inputs);
    this.counts[change]++;
    await this.#saveResource(deployedResource(resource, created, inputs));
    this.#emit(change, resource, "done");
    return created;
  }

  /** What has the declared name and no entry in this state: an interrupted run created it, or Pulumi did, which shares the local platform. */
  async #findUnknown({ type: token }: PlannedResource, type: ResourceType, inputs: Plain): Promise<Created | undefined> {
    const found = await type.find?.(inputs);
    const isKnown = [...this.#deployed.values()].some(({ type: other, id }) => other === token && id === found?.id);
    return isKnown ? undefined : found;
  }

  async #imported(type: ResourceType, id: string, inputs: Plain): Promise<Created> {
    const outputs = await type.read?.(id, inputs);
    if (!outputs) throw new Error(`"${id}" does not exist, so it cannot be imported`);
    return { id, outputs };
  }

  async #update(
    resource: PlannedResource,
    type: ResourceType,
    before: DeployedResource,
    inputs: Plain,
    changed: readonly string[],
  ): Promise<Answer> {
    this.#emit("update", resource, "begin", changed);
    await this.#markInProgress(resource.urn, "update");
    const outputs = (await type.update?.(before.id, before, inputs)) ?? before.outputs;
    this.counts.update++;
    await this.#saveResource(deployedResource(resource, { id: before.id, outputs }, inputs));
    this.#emit("update", resource, "done", changed);
    return { id: before.id, outputs };
  }

  async #replace(
    resource: PlannedResource,
    type: ResourceType,
    before: DeployedResource,
    inputs: Plain,
    changed: readonly string[],
  ): Promise<Answer> {
    if (before.protect)
      throw new Error(
        `it is protected, and a change of ${changed.join(", ")} would replace it. Revert the change, or remove the protection in an earlier run.`,
      );
    if (resource.options.deleteBeforeReplace ?? type.deleteFirst) {
      await this.#delete(before);
      await this.#removeResource(before.urn);
    } else {
      // Both exist until the end, so that dependents move to the new one first.
      this.#doomed = [...this.#doomed, before];
      this.#deployed.delete(before.urn);
      delete this.#begun[before.urn];
    }
    return this.#create(resource, type, inputs, "replace");
  }

  /** Deletes replaced resources and those that the program no longer declares; nothing at all if one of them is protected. */
  async deleteUndeclared(): Promise<void> {
    this.#throwIfAborted();
    const undeclared = [...this.#deployed.values()].filter(({ urn }) => !this.#declared.has(urn));
    const protectedOnes = undeclared.filter(({ protect }) => protect);
    if (protectedOnes.length > 0)
      throw new ProgramError(
        protectedOnes.map(({ urn }) => ({
          message: `"${nameOf(urn)}" is protected and no longer declared, so nothing was deleted. Declare it again, or remove the protection in an earlier run.`,
          urn,
        })),
      );
    const toDelete = new Set([...undeclared, ...this.#doomed].map(({ urn }) => urn));
    for (const gone of deletionOrder([...undeclared, ...this.#doomed])) {
      this.#throwIfAborted();
      this.#emit("delete", identityOf(gone), "begin");
      // Deleting the resource that holds it deletes it too.
      if (gone.deletedWith === undefined || !toDelete.has(gone.deletedWith)) await this.#delete(gone);
      this.counts.delete++;
      if (this.#doomed.includes(gone)) {
        this.#doomed = this.#doomed.filter((other) => other !== gone);
        await this.#save();
      } else await this.#removeResource(gone.urn);
      this.#emit("delete", identityOf(gone), "done");
    }
  }

  async finish(outputs: State["outputs"]): Promise<void> {
    this.#outputs = outputs;
    await this.#save();
  }

  async #delete(gone: DeployedResource): Promise<void> {
    if (gone.retainOnDelete) return;
    await this.#typeOf(gone.type)
      .delete(gone.id, gone)
      .catch((error: Error) => {
        throw problemOf(identityOf(gone), error);
      });
  }

  /** The current resource; undefined when it was deleted outside of slipway, and is created again. */
  async #refreshed(type: ResourceType, before: DeployedResource): Promise<DeployedResource | undefined> {
    if (!type.read) return before;
    const outputs = await type.read(before.id, before.inputs);
    return outputs && { ...before, outputs };
  }

  async #difference(type: ResourceType, { id, inputs, outputs }: DeployedResource, news: Plain) {
    const changes = changedInputs(inputs, news);
    const diff = await type.diff?.(id, outputs, news);
    if (diff) return { changes, changed: diff.changes, replaces: diff.replaces };
    const replaces = changes.filter((key) => type.replaces.includes(key) || type.replaces.includes("*"));
    return { changes, changed: changes.length > 0, replaces };
  }

  #typeOf(token: string): ResourceType {
    if (isDynamic(token)) return this.#dynamic;
    const type = this.#options.provider.types[token];
    if (type) return type;
    throw new Error(`${token} is not supported here. Supported: ${Object.keys(this.#options.provider.types).join(", ")}.`);
  }

  /** A resource that had another URN keeps its id and data. */
  #applyAliases({ urn, options }: PlannedResource): void {
    if (this.#deployed.has(urn)) return;
    const former = options.aliases?.find((alias) => this.#deployed.has(alias) && !this.#declared.has(alias));
    const before = former === undefined ? undefined : this.#deployed.get(former);
    if (!before) return;
    this.#deployed.delete(before.urn);
    this.#deployed.set(urn, { ...before, urn });
  }

  async #markInProgress(urn: string, what: "create" | "update"): Promise<void> {
    this.#throwIfAborted();
    this.#begun[urn] = what;
    await this.#save();
  }

  async #saveResource(it: DeployedResource): Promise<void> {
    this.#deployed.set(it.urn, it);
    delete this.#begun[it.urn];
    await this.#save();
  }

  async #removeResource(urn: string): Promise<void> {
    this.#deployed.delete(urn);
    delete this.#begun[urn];
    await this.#save();
  }

  #save(): Promise<void> {
    return this.#options.state.save({
      resources: [...this.#deployed.values()],
      doomed: this.#doomed,
      begun: this.#begun,
      outputs: this.#outputs,
    });
  }

  #throwIfAborted(): void {
    if (this.#options.signal?.aborted)
      throw new Error("stopped on request; operations in progress are finished, and the next run continues from there");
  }

  #emit(change: Change, { urn, type, name }: Named, phase: RealizeEvent["phase"], changedInputs?: readonly string[]): void {
    this.#options.onEvent?.({ change, urn, type, name, phase, ...(changedInputs && changedInputs.length > 0 && { changedInputs }) });
  }
}

const NEVER = new Promise<never>(() => {});

type Named = Pick<PlannedResource, "urn" | "type" | "name">;

const identityOf = ({ urn, type }: DeployedResource): Named => ({ urn, type, name: nameOf(urn) });

function deployedResource(
  { urn, type, parent, dependencies, options }: PlannedResource,
  { id, outputs }: Created,
  inputs: Plain,
): DeployedResource {
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

/** Deployed resources have no unknown outputs; an unknown value means that something did not answer. */
function plain(value: Value): unknown {
  if (value instanceof Secret) return plain(value.value);
  if (value instanceof Unknown) throw new Error("it depends on an unknown value");
  if (value instanceof Reference) return value.urn;
  if (value instanceof Asset) return { kind: value.kind, hash: value.hash };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value as Record<string, Value>).map(([key, inner]) => [key, plain(inner)]));
}
