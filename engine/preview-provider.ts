/** Answers registrations as in a preview of a stack that does not exist yet. */
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
  const warnedTokens = new Set<string>();
  const self = `${options.organization}/${options.project}/${options.stack}`;
  return {
    register: answerOf,
    read: (resource) =>
      resource.type === STACK_REFERENCE ? { outputs: stackOutputs(resource.id ?? resource.name, resource.urn) } : answerOf(resource),
    invoke,
  };

  function answerOf(resource: PlannedResource): Answer {
    const { id, ...outputs } = options.outputs?.(resource) ?? {};
    if (id !== undefined) return { id: String(id), outputs };
    return options.preview ? { outputs } : { id: `${resource.name}-id`, outputs };
  }

  function stackOutputs(name: string, urn?: string): Readonly<Record<string, unknown>> {
    // On the first run, a stack that reads its own outputs finds none.
    const outputs = stacks.get(fullName(name)) ?? (fullName(name) === self ? {} : undefined);
    if (!outputs) {
      options.warn(`The outputs of stack ${name} are not available here: values that depend on them are unknown.`, urn);
      return {};
    }
    return { name, outputs, secretOutputNames: Object.keys(outputs).filter((key) => outputs[key] instanceof Secret) };
  }

  function invoke(token: string, args: Readonly<Record<string, Value>>): Readonly<Record<string, unknown>> | undefined {
    if (token === READ_STACK_OUTPUTS) return stackOutputs(String(args.name));
    const result = options.invokes?.(token, args);
    if (!result && !warnedTokens.has(token))
      options.warn(`${token} needs the provider, which does not run here: values that depend on its result are unknown.`);
    warnedTokens.add(token);
    return result;
  }

  /** Pulumi accepts "stack", "project/stack" and "organization/project/stack". */
  function fullName(name: string): string {
    const parts = name.split("/");
    return [options.organization, options.project]
      .slice(0, 3 - parts.length)
      .concat(parts)
      .join("/");
  }
}

/** A function of Pulumi's engine: what a StackReference reads, without a resource. */
export const READ_STACK_OUTPUTS = "pulumi:pulumi:readStackOutputs";

const STACK_REFERENCE = "pulumi:pulumi:StackReference";
