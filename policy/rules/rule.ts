/** A policy for the resources of one type. */
import type { EnforcementLevel, PolicyConfigSchema, ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";

// biome-ignore lint/suspicious/noExplicitAny: whatever a resource was given.
export type Props = Record<string, any>;

/**
 * What stands where a value is not known yet. CrossGuard ends a rule that touches such a value and turns it into a mere remark about the whole
 * resource; here the rule goes on with all that is known.
 */
export const UNKNOWN = "[unknown]";

export interface Rule {
  readonly name: string;
  /** What holds, as a sentence. */
  readonly description: string;
  readonly type: string;
  /** @default "mandatory" */
  readonly level?: EnforcementLevel;
  readonly configSchema?: PolicyConfigSchema;
  /** Tells each way in which it does not hold. */
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
