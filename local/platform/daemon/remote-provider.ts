/** The cloud runs in the daemon, and the Pulumi program in the process of the CLI command. This is the provider of the program: its methods are calls to the daemon. */

import type { CloudProvider, ResourceType } from "../../../engine/cloud-provider.ts";
import type { Plain } from "../../../engine/state.ts";

const METHODS = ["check", "diff", "create", "update", "delete", "read", "find"] as const;
type Method = (typeof METHODS)[number];

/** The parts of a provider that are known without a call. */
export interface ProviderDescription {
  readonly types: Readonly<Record<string, { replaces: readonly string[]; deleteFirst: boolean; methods: readonly Method[] }>>;
  readonly invokes: readonly string[];
}

/** A call of a resource type's method, or of an invoke, whose method is "invoke". */
export interface ProviderCall {
  readonly token: string;
  readonly method: Method | "invoke";
  readonly args: readonly unknown[];
}

export function describeProvider({ types, invokes }: CloudProvider): ProviderDescription {
  return {
    types: Object.fromEntries(
      Object.entries(types).map(([token, type]) => [
        token,
        {
          replaces: type.replaces,
          deleteFirst: type.deleteFirst ?? false,
          methods: METHODS.filter((method) => type[method] !== undefined),
        },
      ]),
    ),
    invokes: Object.keys(invokes),
  };
}

/** @returns undefined if there is no such type, method or invoke */
export async function callProvider(provider: CloudProvider, { token, method, args }: ProviderCall): Promise<unknown> {
  if (method === "invoke") return provider.invokes[token]?.(args[0] as Plain);
  const type = provider.types[token] as unknown as Record<string, ((...args: readonly unknown[]) => unknown) | undefined> | undefined;
  return type?.[method]?.(...args);
}

export function remoteProvider({ types, invokes }: ProviderDescription, call: (call: ProviderCall) => Promise<unknown>): CloudProvider {
  return {
    types: Object.fromEntries(
      Object.entries(types).map(([token, { replaces, deleteFirst, methods }]) => {
        const remote = (method: Method) =>
          methods.includes(method) ? { [method]: (...args: unknown[]) => call({ token, method, args }) } : {};
        const calls = Object.assign({}, ...METHODS.map(remote)) as Pick<ResourceType, "create" | "delete">;
        return [token, { replaces, deleteFirst, ...calls }];
      }),
    ),
    invokes: Object.fromEntries(
      invokes.map((token) => [token, async (args) => (await call({ token, method: "invoke", args: [args] })) as Plain]),
    ),
  };
}
