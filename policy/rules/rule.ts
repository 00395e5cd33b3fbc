/** A policy for the resources of one type. */
import type { EnforcementLevel, PolicyConfigSchema, ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";

// biome-ignore lint/suspicious/noExplicitAny: inputs can have any type.
export type Props = Record<string, any>;

/**
 * The mark of a value that is not known yet. CrossGuard aborts a rule that reads such a value and reports the whole resource as advisory; with the mark
 * the rule checks everything that is known.
 */
export const UNKNOWN = "[unknown]";

export interface Rule {
  readonly name: string;
  /** The rule, as a sentence. */
  readonly description: string;
  readonly type: string;
  /** @default "mandatory" */
  readonly level?: EnforcementLevel;
  readonly configSchema?: PolicyConfigSchema;
  /** Reports each violation. */
  check(props: Props, report: (message: string) => void, resource: ResourceValidationArgs): void;
}

export function policy({ name, description, type, level = "mandatory", configSchema, check }: Rule): ResourceValidationPolicy {
  return {
    name,
    description,
    enforcementLevel: level,
    ...(configSchema && { configSchema }),
    validateResource(resource, report) {
      if (resource.type === type)
        check(
          known(() => resource.props),
          (message) => report(message),
          resource,
        );
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
function known(read: () => unknown): any {
  let value: unknown;
  try {
    value = read();
  } catch {
    return UNKNOWN;
  }
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => known(() => value[index]));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).map((key) => [key, known(() => (value as Props)[key])]));
}

export const list = (value: unknown): Props[] => (Array.isArray(value) ? value : []);
