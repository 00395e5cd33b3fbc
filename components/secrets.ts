/**
 * The secrets of one product: those made here and those an operator typed. Either is secret wherever it goes.
 *
 * Cost: none. Generated ones live in the state, which Pulumi encrypts. A change of `rotated` creates all of them again, a change of a `length` that one.
 */

import * as pulumi from "@pulumi/pulumi";
import { RandomPassword, type RandomPasswordArgs } from "@pulumi/random";
import { type Check, componentError, throwIfProblems } from "./errors.ts";
import { Guard } from "./guard.ts";
import { child, SECRETS } from "./names.ts";
import { refuseAdvice } from "./outputtext.ts";
import { rotatedProblem } from "./rotated.ts";
import { type Transform, transformed } from "./transform.ts";

export interface SecretsArgs {
  /** Made of a-z, A-Z and 0-9, so that no URL, shell or dotenv file has to quote them. @default none */
  generated?: Readonly<Record<string, { readonly length: number }>>;
  /** Values from outside, such as `config.requireSecret("stripe")`. Plain ones become secret here. @default none */
  operator?: Readonly<Record<string, pulumi.Input<string>>>;
  /** The day of the last rotation of the generated secrets: another day creates new ones. @default "never" @example "2026-11-01" */
  rotated?: string;
  /** The way around an opinion of this component. */
  transform?: { generated?: Transform<RandomPasswordArgs> };
}

/** 32 of 62 characters are 190 bits. */
const SHORTEST = 32;

export class Secrets extends pulumi.ComponentResource {
  /** What can be asked for, sorted. */
  readonly names: readonly string[];
  readonly nodes: { readonly generated: Readonly<Record<string, RandomPassword>> };
  readonly #values: ReadonlyMap<string, pulumi.Output<string>>;

  constructor(name: string, args: SecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(SECRETS, name, {}, opts);
    const parent = this;
    refuseAdvice(this, args);
    throwIfProblems(this, problemsOf(args));
    const { rotated = "never", transform = {} } = args;
    const generated = Object.fromEntries(
      Object.entries(args.generated ?? {}).map(([secret, { length }]) => [secret, createGenerated(secret, length)]),
    );
    new Guard(child(name, "guard"), Object.values(generated), { parent });

    this.#values = new Map([
      ...Object.entries(generated).map(([secret, password]) => [secret, pulumi.secret(password.result)] as const),
      ...Object.entries(args.operator ?? {}).map(([secret, value]) => [secret, pulumi.secret(filled(secret, value))] as const),
    ]);
    this.names = [...this.#values.keys()].sort();
    this.nodes = { generated };
    this.registerOutputs({ names: this.names });

    function createGenerated(secret: string, length: number): RandomPassword {
      return new RandomPassword(
        child(name, "generated", secret),
        transformed<RandomPasswordArgs>({ length, special: false, keepers: { rotated } }, transform.generated),
        // Rotation replaces it, which `protect` would refuse. The guard depends on it instead.
        { parent, protect: false },
      );
    }

    function filled(secret: string, value: pulumi.Input<string>): pulumi.Output<string> {
      return pulumi.output(value).apply((known) => {
        if (known) return known;
        throw componentError(parent, `operator.${secret} is empty. Set it with \`pulumi config set --secret\`.`);
      });
    }
  }

  /** Always secret. Refuses a name that is not declared. */
  value(name: string): pulumi.Output<string> {
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    throw componentError(this, `secret "${name}" is not declared. Declared: ${this.names.join(", ") || "none"}.`);
  }
}

function problemsOf({ generated = {}, operator = {}, rotated = "never" }: SecretsArgs): Check[] {
  return [
    rotatedProblem(rotated),
    ...Object.entries(generated).map(([secret, { length }]) =>
      Number.isInteger(length) && length >= SHORTEST
        ? undefined
        : { path: `generated.${secret}.length`, given: String(length), allowed: `${SHORTEST} characters or more` },
    ),
    ...Object.keys(generated)
      .filter((secret) => Object.hasOwn(operator, secret))
      .map((secret) => ({ path: `generated.${secret}`, problem: "operator has a secret of this name too", fix: "Keep one of them." })),
  ];
}
