/** Canaries in place of the secret outputs of other stacks. Which outputs another stack has is not known here: those with the name of a secret count. */
import * as pulumi from "@pulumi/pulumi";
import { namesSecret } from "../../catalog/secrets.ts";
import type { Canaries } from "./canary.ts";

const CONNECTION = /(uri|dsn|connection_?string|(database|db|postgres|redis|valkey)_?url)$/i;

const isSecretOutput = (name: string): boolean => namesSecret(name) || CONNECTION.test(name);

// biome-ignore lint/suspicious/noExplicitAny: methods of every type are replaced
type Anything = any;

const METHODS: Readonly<Record<string, (value: string) => unknown>> = {
  getOutput: pulumi.secret,
  requireOutput: pulumi.secret,
  getOutputValue: async (value) => value,
  requireOutputValue: async (value) => value,
  getOutputDetails: async (secretValue) => ({ secretValue }),
};

/** @returns a function that undoes it */
export function withStackReferenceCanaries(canaries: Canaries): () => void {
  const prototype = pulumi.StackReference.prototype as Anything;
  const undo = Object.entries(METHODS).map(([method, wrap]) => {
    const real = prototype[method];
    prototype[method] = function (this: Anything, name: unknown) {
      if (typeof name !== "string" || !isSecretOutput(name)) return real.call(this, name);
      const what = `the output ${name} of the stack reference ${this.__name}`;
      return wrap(canaries.create({ id: what, what, kind: "provider" }));
    };
    return () => {
      prototype[method] = real;
    };
  });
  return () => {
    for (const one of undo) one();
  };
}
