/** The wiring list in a plan: the platform publishes each secret, its origin and its readers in an output called `secrets`. */
import type { Plan } from "../../engine/plan.ts";

export interface DeclaredSecret {
  readonly secret: string;
  /** The resource that creates it. */
  readonly urn?: string;
  /** The setting that the operator sets. */
  readonly config?: string;
  /** The day since which it is used, and the command that rotates it. */
  readonly since?: string;
  readonly rotate?: string;
  readonly readers: readonly Reader[];
}

export interface Reader {
  readonly app: string;
  readonly component: string;
  readonly variable: string;
}

export function declaredSecrets({ resources }: Plan): readonly DeclaredSecret[] {
  return resources.flatMap(({ outputs }) => (Array.isArray(outputs?.secrets) ? outputs.secrets : [])).filter(isDeclared);
}

function isDeclared(value: unknown): value is DeclaredSecret {
  const { secret, readers } = (value ?? {}) as Record<string, unknown>;
  return typeof secret === "string" && Array.isArray(readers);
}
