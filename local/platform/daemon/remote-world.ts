/** The world of a program at the other end of a line: the cloud lives in the daemon, the program runs where somebody typed a verb. */

import type { CloudProvider, ResourceType } from "../../../engine/cloud-provider.ts";
import type { Plain } from "../../../engine/state.ts";

const METHODS = ["check", "diff", "create", "update", "delete", "read", "find"] as const;
type Method = (typeof METHODS)[number];

/** What of a world can be said before anything is asked of it. */
export interface WorldDescription {
  readonly types: Readonly<Record<string, { replaces: readonly string[]; deleteFirst: boolean; methods: readonly Method[] }>>;
  readonly invokes: readonly string[];
}

/** `token` with the method and what it is called with; an invoke's method is "invoke". */
export interface WorldCall {
  readonly token: string;
  readonly method: Method | "invoke";
  readonly args: readonly unknown[];
}

export function describeWorld({ types, invokes }: CloudProvider): WorldDescription {
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

/** @returns undefined for what is not there */
export async function callWorld(world: CloudProvider, { token, method, args }: WorldCall): Promise<unknown> {
  if (method === "invoke") return world.invokes[token]?.(args[0] as Plain);
  const type = world.types[token] as unknown as Record<string, ((...args: readonly unknown[]) => unknown) | undefined> | undefined;
  return type?.[method]?.(...args);
}

export function remoteWorld({ types, invokes }: WorldDescription, call: (call: WorldCall) => Promise<unknown>): CloudProvider {
  return {
    types: Object.fromEntries(
      Object.entries(types).map(([token, { replaces, deleteFirst, methods }]) => {
        const ask = (method: Method) =>
          methods.includes(method) ? { [method]: (...args: unknown[]) => call({ token, method, args }) } : {};
        const doors = Object.assign({}, ...METHODS.map(ask)) as Pick<ResourceType, "create" | "delete">;
        return [token, { replaces, deleteFirst, ...doors }];
      }),
    ),
    invokes: Object.fromEntries(
      invokes.map((token) => [token, async (args) => (await call({ token, method: "invoke", args: [args] })) as Plain]),
    ),
  };
}
