/** What is answered where no provider is: what a preview knows before anything exists. */
import type { Answer, Provider } from "./monitor.ts";
import { type PlannedResource, Secret, type Value } from "./plan.ts";

export interface PreviewOptions {
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly preview: boolean;
  readonly outputs?: (resource: PlannedResource) => Readonly<Record<string, unknown>> | undefined;
  readonly invokes?: (token: string, args: Readonly<Record<string, Value>>) => Readonly<Record<string, unknown>> | undefined;
  readonly stackReferences?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly warn: (text: string, urn?: string) => void;
}

export function previewProvider(options: PreviewOptions): Provider {
  const stacks = new Map(Object.entries(options.stackReferences ?? {}).map(([name, outputs]) => [fullName(name), outputs]));
  const asked = new Set<string>();
  const self = `${options.organization}/${options.project}/${options.stack}`;
  return {
    register: answered,
    read: (resource) => (resource.type === STACK_REFERENCE ? stackOutputs(resource) : answered(resource)),
    invoke,
  };

  function answered(resource: PlannedResource): Answer {
    const { id, ...outputs } = options.outputs?.(resource) ?? {};
    if (id !== undefined) return { id: String(id), outputs };
    return options.preview ? { outputs } : { id: `${resource.name}-id`, outputs };
  }

  function stackOutputs(resource: PlannedResource): Answer {
    const name = resource.id ?? resource.name;
    // A stack that refers to itself finds nothing the first time.
    const outputs = stacks.get(fullName(name)) ?? (fullName(name) === self ? {} : undefined);
    if (!outputs) {
      options.warn(`The outputs of stack ${name} are not at hand here: what comes of them is unknown.`, resource.urn);
      return { outputs: {} };
    }
    const secretOutputNames = Object.keys(outputs).filter((key) => outputs[key] instanceof Secret);
    return { outputs: { name, outputs, secretOutputNames } };
  }

  function invoke(token: string, args: Readonly<Record<string, Value>>): Readonly<Record<string, unknown>> | undefined {
    const result = options.invokes?.(token, args);
    if (!result && !asked.has(token))
      options.warn(`${token} asks the provider, which is not at hand here: what comes of its answer is unknown.`);
    asked.add(token);
    return result;
  }

  /** Pulumi takes "stack", "project/stack" and "organization/project/stack". */
  function fullName(name: string): string {
    const parts = name.split("/");
    return [options.organization, options.project]
      .slice(0, 3 - parts.length)
      .concat(parts)
      .join("/");
  }
}

const STACK_REFERENCE = "pulumi:pulumi:StackReference";
