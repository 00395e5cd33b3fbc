/** Rules for production only. The pack's config names the stacks of production. */
import type { PolicyConfigSchema, ResourceValidationArgs } from "@pulumi/policy";

export const PRODUCTION: PolicyConfigSchema = {
  properties: {
    production: { type: "array", items: { type: "string" }, default: ["prod"], description: "The stacks of production." },
  },
};

export function isProduction({ urn, getConfig }: Pick<ResourceValidationArgs, "urn" | "getConfig">): boolean {
  const { production = ["prod"] } = getConfig<{ production?: readonly string[] }>();
  const stack = /^urn:pulumi:([^:]+)::/.exec(urn)?.[1];
  return stack !== undefined && production.includes(stack);
}
