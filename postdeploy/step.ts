/** The interface of the post-deploy steps. */

/** The inputs of a step. Its URLs are secret. */
export type Inputs = Readonly<Record<string, unknown>>;

export interface StepKind {
  /** The step runs again when this value changes. It excludes passwords, so that a rotation does not rerun the step. */
  identity(inputs: Inputs): unknown;
  /** The step runs again as well when this input changes. It may be a secret, so it is compared as it is and not through `identity`. */
  readonly trigger?: string;
  /** Data about the inputs for the next preview. It is stored in the state unencrypted, so it must not contain secrets. */
  collectPreviewData?(inputs: Inputs): Promise<Inputs>;
  /**
   * What another session changed since the step last ran, as the statements that undo it. It is read in every preview and `up`, so that the step runs
   * again although its inputs are the same. An empty list also if the server cannot be reached.
   */
  findDrift?(inputs: Inputs, olds: Inputs): Promise<readonly string[]>;
  /** Describes in a preview what the step will do. The new inputs have what `findDrift` found as `drift`. */
  pending(olds: Inputs, news: Inputs): string;
  /**
   * Idempotent.
   *
   * @param signal aborts when the run ends early
   * @returns the outcome for the state, without secrets
   */
  apply(inputs: Inputs, signal?: AbortSignal): Promise<Record<string, unknown>>;
}

/** The server and database of a URL, without credentials. */
export function target(url: unknown): string {
  const { hostname, port, pathname } = new URL(String(url));
  return `${hostname}:${port}${pathname}`;
}
