/** Runs dynamic resources as Pulumi's own provider does: their code is a text among their inputs. */
import { createRequire, Module } from "node:module";
import path from "node:path";
import type { ResourceType } from "./cloud-provider.ts";
import type { Plain } from "./state.ts";

const PREFIX = "pulumi-nodejs:dynamic";

interface Handler {
  check?(olds: Plain, news: Plain): Promise<{ inputs?: Plain; failures?: readonly { property: string; reason: string }[] }>;
  diff?(id: string, olds: Plain, news: Plain): Promise<{ changes?: boolean; replaces?: readonly string[] }>;
  create(inputs: Plain): Promise<{ id: string; outs?: Plain }>;
  update?(id: string, olds: Plain, news: Plain): Promise<{ outs?: Plain }>;
  delete?(id: string, props: Plain): Promise<void>;
}

export function isDynamic(type: string): boolean {
  return type.startsWith(PREFIX);
}

/** @param directory The program's directory, from which the code resolves its imports. */
export function dynamicType(directory: string): ResourceType {
  const handlers = new Map<string, Handler>();
  const handlerOf = ({ __provider }: Plain): Handler => {
    const text = String(__provider);
    const handler = handlers.get(text) ?? load(text, directory);
    handlers.set(text, handler);
    return handler;
  };
  return {
    replaces: [],
    async check(olds = {}, news) {
      const { inputs = news, failures = [] } = (await handlerOf(news).check?.(olds, news)) ?? {};
      if (failures.length > 0) throw new Error(failures.map(({ property, reason }) => `${property}: ${reason}`).join("; "));
      return { ...inputs, __provider: news.__provider };
    },
    async diff(id, olds, news) {
      const { changes, replaces = [] } = (await handlerOf(news).diff?.(id, olds, news)) ?? {};
      return { changes: changes ?? true, replaces };
    },
    async create(inputs) {
      const { id, outs = {} } = await handlerOf(inputs).create(inputs);
      return { id, outputs: outs };
    },
    async update(id, { outputs }, news) {
      return (await handlerOf(news).update?.(id, outputs, news))?.outs ?? {};
    },
    async delete(id, { inputs, outputs }) {
      await handlerOf(inputs).delete?.(id, outputs);
    },
  };
}

interface Compiling {
  paths: string[];
  exports: { handler(): Handler };
  _compile(text: string, file: string): void;
}

function load(text: string, directory: string): Handler {
  const file = path.join(directory, "__provider.cjs");
  const module = new Module(file) as unknown as Compiling;
  module.paths = createRequire(file).resolve.paths("x") ?? [];
  module._compile(text, file);
  return module.exports.handler();
}
